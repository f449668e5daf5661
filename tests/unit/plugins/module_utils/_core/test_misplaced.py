# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.misplaced import hidden, misplaced_in
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from emulator.tenant import Tenant

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def base64_of(key, form, encryption=None):
    return base64.b64encode(key.private_bytes(Encoding.DER, form, encryption or NoEncryption())).decode()


def in_a_container(passphrase):
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return base64.b64encode(pkcs12.serialize_key_and_certificates(b"x", RSA_KEY, None, None, encryption)).decode()


PEM = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
BARE = base64_of(RSA_KEY, PrivateFormat.PKCS8)
KEYS = {
    "PEM": PEM,
    "PEM as base64": base64.b64encode(PEM.encode()).decode(),
    "PEM behind another, as base64": base64.b64encode(
        f"-----BEGIN X-----\nA\n-----END X-----\n{PEM}".encode()
    ).decode(),
    "PFX as base64": in_a_container(None),
    "PFX with a passphrase, as base64": in_a_container(b"secret"),
    "PKCS#8 as base64": BARE,
    "PKCS#8 in lines": "\n".join(BARE[start : start + 64] for start in range(0, len(BARE), 64)),
    "PKCS#8 for URLs": BARE.replace("+", "-").replace("/", "_"),
    "PKCS#8 in a path": f"/srv/{BARE}",
    "PKCS#8 with a passphrase": base64_of(RSA_KEY, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
    "PKCS#1": base64_of(RSA_KEY, PrivateFormat.TraditionalOpenSSL),
    "elliptic": base64_of(EC_KEY, PrivateFormat.PKCS8),
    "elliptic, in the traditional form": base64_of(EC_KEY, PrivateFormat.TraditionalOpenSSL),
}


@pytest.mark.parametrize("text", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("place", [lambda text: text, lambda text: [{"url": text}], lambda text: {text: 1}])
def test_a_private_key_is_found_in_whatever_form_and_however_deep(text, place):
    assert misplaced_in(place(text), ()) == [text]


def test_a_private_key_where_it_belongs_is_none_that_is_misplaced():
    assert misplaced_in({"client_secret": PEM}, {PEM}) == []


def test_what_is_public_is_no_private_key():
    pair = Tenant().issue("payroll", -1, 30)
    texts = [pair.certificate_pem, pair.base64, pair.thumbprint, "M" * 300, "MII", "LS0tLS1CRUdJTi", "é" * 90]

    assert misplaced_in(texts, ()) == []


@pytest.mark.parametrize(
    "quote",
    [
        str,
        repr,
        lambda text: str([text]),
        lambda text: json.dumps({"a": text}),
        str.strip,
        lambda text: f"not '{text.strip()}'.".replace("\n", " "),
        lambda text: text.replace("\n", " "),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("//", "/"),
    ],
)
def test_a_key_in_short_pieces_is_hidden_as_a_whole_however_it_is_quoted(quote):
    key = "-----BEGIN PRIVATE KEY-----\n" + "abcdefghi//jklmnopq\n" * 3 + "-----END PRIVATE KEY-----\n"

    assert "jklm" not in hidden(quote(key), [key])


def test_each_piece_of_a_key_is_hidden_in_what_quotes_it():
    quoted = f"'{KEYS['PKCS#8 in lines'].strip()}' is no path: /srv/{BARE.strip('/')}"

    shown = hidden(quoted, misplaced_in([KEYS["PKCS#8 in lines"], BARE], ()))

    assert not [start for start in range(len(BARE) - 23) if BARE[start : start + 23] in shown]
    assert hidden("Nothing.", [PEM]) == "Nothing."
