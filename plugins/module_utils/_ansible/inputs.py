# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and keys that options bring: read, checked, and refused with a sentence before anything happens."""

from __future__ import annotations

import typing as t

from .._core.model import Certificate
from .._entra.assertion import Signer
from .._keys.key_pair import KeyPair, load_certificate, pair
from .._keys.store import KeyPlace, StoredKey
from .arguments import Options
from .files import read_file, read_key_pair


def public_certificate(options: Options) -> Certificate | None:
    """The certificate of certificate_content or certificate_path, public part only."""
    content, where = _certificate(options)
    return load_certificate(content, where) if content is not None else None


def key_pair_on_trial(options: Options) -> t.Callable[[], Signer] | None:
    """How to load the key pair of client_certificate_path."""
    path = options["client_certificate_path"]
    if not path:
        return None
    return lambda: read_key_pair(path, options["client_certificate_passphrase"], "client_certificate_path")


def provided_key_pair(options: Options, store: KeyPlace) -> StoredKey | None:
    """The key pair that the user brought; a certificate alone belongs to the key that the store's successor has."""
    certificate, where = _certificate(options)
    if certificate is None:
        return None
    path = options["private_key_path"]
    if path:
        private_key = read_file(path, "private_key_path", is_private=True)
        where = f"private_key_path ({path}) with {where}"
        return pair(private_key, certificate, options["private_key_passphrase"], where)
    contents = store.read()
    given = load_certificate(certificate, where)
    held = contents.find(given.thumbprint)
    if held:
        return store.signer(held.thumbprint)
    return store.certify(certificate, where)


def adopted_key_pair(options: Options) -> KeyPair:
    """The key pair of adopt_path."""
    return read_key_pair(options["adopt_path"], options["private_key_passphrase"], "adopt_path")


def _certificate(options: Options) -> tuple[bytes | None, str]:
    """What certificate_content holds or certificate_path names, and which of them it was."""
    if options.get("certificate_content"):
        return options["certificate_content"].encode(), "certificate_content"
    path = options.get("certificate_path")
    if path:
        return read_file(path, "certificate_path"), f"certificate_path ({path})"
    return None, ""
