# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why keys and certificates from outside are refused: one table of sentences. Pure.

Each sentence names where the content came from, what is wrong with it and what is accepted, never the content itself.
"""

from __future__ import annotations

import typing as t

from .._core.diagnosis import explain
from .._core.errors import InvalidInput

SMALLEST_KEY = 2048
_KEY_PAIR = f"PEM or PFX (PKCS#12) with one RSA private key of at least {SMALLEST_KEY} bits and its certificate"
_CERTIFICATE = f"one certificate as PEM or DER with an RSA key of at least {SMALLEST_KEY} bits, without its private key"
_SUBJECT = "an RFC 4514 text such as 'CN=payroll,O=Example', or a bare name of 1 to 64 characters"

_SENTENCES = {
    "not_a_key_pair": "{where} is neither PEM nor PFX: accepted is " + _KEY_PAIR,
    "not_a_certificate": "{where} is not an X.509 certificate: accepted is " + _CERTIFICATE,
    "no_passphrase": "{where} is encrypted and no passphrase was given: accepted is "
    + _KEY_PAIR
    + ", and the passphrase where it has one",
    "wrong_passphrase": "{where} cannot be opened, as the passphrase is wrong or the content is damaged: accepted is "
    + _KEY_PAIR,
    "unknown_encryption": "{where} is encrypted in a way that cannot be read here: accepted is "
    + _KEY_PAIR
    + ", encrypted with AES or not at all",
    "damaged_key": "{where} holds a private key that cannot be read: accepted is " + _KEY_PAIR,
    "no_key": "{where} holds no private key: accepted is " + _KEY_PAIR,
    "several_keys": "{where} holds {count} private keys: accepted is " + _KEY_PAIR,
    "no_certificate": "{where} holds no certificate: accepted is " + _KEY_PAIR,
    "no_match": "{where} holds a private key and a certificate that do not belong together: accepted is " + _KEY_PAIR,
    "none_matches": "{where} holds {count} certificates, none of which belongs to the private key: accepted is "
    + _KEY_PAIR,
    "other_public_key": "{where} has another public key than the key pair it should certify: accepted is a "
    "certificate made from the signing request of that key pair",
    "not_rsa": "{where} has a key of the kind {kind}: Microsoft Entra accepts RSA keys only, of at least "
    f"{SMALLEST_KEY} bits",
    "weak_key": "{where} has an RSA key of {size} bits: Microsoft Entra accepts RSA keys of at least "
    f"{SMALLEST_KEY} bits",
    "private_key_in_certificate": "{where} holds a private key, which must stay secret: accepted is " + _CERTIFICATE,
    "several_certificates": "{where} holds {count} certificates and none is clearly the one that the others issued: "
    "accepted is " + _CERTIFICATE,
    "no_waiting_key": "{where}: no private key goes with this certificate. Give private_key_path, "
    "or run first with stop_after 'generated' and csr, which leaves a key in {store}",
    "bad_subject": "The subject '{where}' cannot be the name of a certificate: accepted is " + _SUBJECT,
    "bad_validity": "The certificate would be valid from {start} to {end}: accepted is an end after the start",
    "odd_passphrase": "{where} holds a NUL or half of a character: accepted is text",
    "empty_passphrase": "{where} is empty: accepted is a passphrase of at least one character",
}
# Those that have a code of their own.
_CODES = dict.fromkeys(("no_match", "none_matches", "other_public_key"), "wrong_private_key")


def refusal(problem: str, where: str, **facts: t.Any) -> InvalidInput:
    """The error to raise for content from `where`, an option or a path as the user knows it."""
    sentence, code = _SENTENCES[problem].format(where=where, **facts) + ".", _CODES.get(problem)
    return InvalidInput([sentence], explain(code, "", {"message": None}) if code else None)
