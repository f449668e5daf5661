# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import sys
import time

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._keys import key_pair, pem

BLOCK = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"


def test_der_and_pem_are_two_forms_of_one():
    der = bytes(range(200))

    (block,) = pem.parse_blocks(pem.format_certificates([der]))

    assert pem.parse_der(block) == der
    assert max(map(len, block.text.splitlines())) == 64


def test_text_around_blocks_is_skipped():
    blocks = pem.parse_blocks(b"subject=x\n" + BLOCK + b"junk\r\n" + BLOCK.replace(b"\n", b"\r\n"))

    assert [pem.parse_der(block) for block in blocks] == [b"ABC", b"ABC"]


def test_only_what_is_base64_is_a_certificate():
    (block,) = pem.parse_blocks(BLOCK.replace(b"QUJD", b"Q!JD"))

    with pytest.raises(ValueError, match="base64"):
        pem.parse_der(block)


def test_a_block_without_an_end_is_none():
    assert pem.parse_blocks(b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END PRIVATE KEY-----") == ()


def test_a_private_key_is_not_in_the_repr_of_its_block():
    (block,) = pem.parse_blocks(BLOCK.replace(b"CERTIFICATE", b"RSA PRIVATE KEY"))

    assert block.is_private_key
    assert "QUJD" not in repr(block)


def test_hostile_text_is_read_in_time():
    start = time.process_time()

    assert pem.parse_blocks(b"-----BEGIN CERTIFICATE-----\n" * 200_000) == ()

    assert time.process_time() - start < 5


def test_without_cryptography_every_file_still_loads(monkeypatch):
    """The traceback is kept for the one place that names all missing libraries."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    name = key_pair.__name__ + "_without_cryptography"
    spec = importlib.util.spec_from_file_location(name, key_pair.__file__)
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, loaded)
    spec.loader.exec_module(loaded)

    assert "cryptography" in loaded.CRYPTOGRAPHY_IMPORT_ERROR
