# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates, keys, PFX and PEM with anything in them: read, or refused with a sentence that shows no content."""

from __future__ import annotations

import datetime as dt
import functools

from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._keys import key_pair, pem
from cryptography import x509
from fuzzing import TEXTS, bent_bytes, bent_text, fuzz
from hypothesis import given
from hypothesis import strategies as st

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
PASSPHRASES = st.sampled_from([None, "", "s3cret", "x" * 5000, "\x00"])


@functools.lru_cache(None)
def honest():
    made = key_pair.generate_key_pair(
        key_size=2048, subject="CN=x,O=Example", not_before=START, not_after=START + dt.timedelta(days=90)
    )
    bundle = made.private_key_pem() + made.certificate_pem()
    return made, {"der": made.certificate.der, "pem": bundle, "pfx": key_pair.to_pfx(made, "s3cret", "x")}


def contents(*kinds):
    return st.deferred(lambda: st.one_of(*(bent_bytes(honest()[1][kind]) for kind in kinds), st.binary(max_size=200)))


def read_or_refused(read, *arguments):
    """What was read, or None after a refusal; anything else is raised."""
    try:
        return read(*arguments)
    except InvalidInput as refused:
        assert "PRIVATE KEY" not in refused.message and "s3cret" not in refused.message
        return None


@fuzz(400)
@given(contents("der"))
def test_any_der_is_a_certificate_or_a_value_error(content):
    try:
        found = key_pair.certificate_from_der(content)
    except ValueError:
        return
    assert len(found.thumbprint) == 40 and found.not_before.tzinfo and isinstance(found.subject, str)


@fuzz(300)
@given(contents("der", "pem", "pfx"))
def test_any_content_is_a_public_certificate_or_refused(content):
    found = read_or_refused(key_pair.load_certificate, content, "certificate_content")

    assert found is None or found.key_size >= 2048


@fuzz(200)
@given(contents("pem", "pfx"), PASSPHRASES, st.booleans())
def test_any_content_is_a_key_pair_or_refused(content, passphrase, validate):
    found = read_or_refused(
        lambda: key_pair.load_key_pair(content, passphrase, "client_certificate_path", validate=validate)
    )

    if found is not None:
        assert found.private_key.public_key() == x509.load_der_x509_certificate(found.certificate.der).public_key()


@fuzz(40)
@given(contents("pem"), contents("pem", "der"), PASSPHRASES)
def test_any_two_contents_are_a_key_pair_or_refused(private_key, certificate, passphrase):
    made, contents_of = honest()

    read_or_refused(key_pair.pair, private_key, contents_of["der"], passphrase, "private_key_path")
    read_or_refused(key_pair.pair, contents_of["pem"], certificate, passphrase, "certificate_content")
    read_or_refused(key_pair.certify, made, certificate, "certificate_content")


@fuzz(300)
@given(contents("pem"))
def test_any_pem_is_blocks_and_each_is_der_or_a_value_error(content):
    assert isinstance(pem.is_pfx(content), bool)
    for block in pem.parse_blocks(content):
        assert block.text in content + b"\n" or block.text.strip() in content
        try:
            pem.parse_der(block)
        except ValueError:
            continue


@fuzz(200)
@given(TEXTS | bent_text("CN=payroll,O=Example"))
def test_any_subject_is_a_name_or_refused(subject):
    found = read_or_refused(key_pair._parse_subject, subject)

    assert found is None or found.public_bytes()


@fuzz(200)
@given(contents("der", "pem"), st.none() | st.binary(max_size=50) | bent_bytes(b"0\x82\x01\x00"))
def test_any_content_is_the_answer_to_a_request_or_refused(content, request):
    assert read_or_refused(key_pair.load_chain, content, "certificate_content", request) is None
