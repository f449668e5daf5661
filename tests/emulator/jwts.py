# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the JSON web tokens that clients sign, without trusting any library's idea of their claims."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

import jwt

ALGORITHMS = ("RS256", "PS256")


class Malformed(ValueError):
    """Not a JSON web token."""


@dataclass(frozen=True)
class SignedToken:
    """A token split into its parts; nothing is verified yet."""

    text: str
    header: dict
    claims: dict

    def is_signed_by(self, certificate):
        """Whether the certificate's key made the signature."""
        if self.header.get("alg") not in ALGORITHMS:
            return False
        options = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
        options.update(verify_sub=False, verify_jti=False)
        try:
            public_key = certificate.parsed.public_key()
            jwt.decode(self.text.replace("=", ""), public_key, algorithms=list(ALGORITHMS), options=options)
        except jwt.InvalidSignatureError:
            return False
        return True

    def number(self, claim):
        """A NumericDate, whole or with a fraction, or None when the claim is absent; ValueError for anything else."""
        value = self.claims.get(claim)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{claim} is not a number")
        return value


def read(text):
    """The parts of a token, or Malformed."""
    parts = text.split(".")
    if len(parts) != 3:
        raise Malformed("A token has three parts.")
    return SignedToken(text, _segment(parts[0]), _segment(parts[1]))


def _segment(text):
    try:
        value = json.loads(from_base64url(text))
    except (ValueError, binascii.Error) as error:
        raise Malformed(str(error)) from error
    if not isinstance(value, dict):
        raise Malformed("A token's part is an object.")
    return value


def from_base64url(text):
    """Bytes, from padded or unpadded text."""
    stripped = text.rstrip("=")
    return base64.urlsafe_b64decode(stripped + "=" * (-len(stripped) % 4))


def names_certificate(header, entry):
    """Whether a token's header names this key credential, by the hash that belongs to the header's name (facts 4.2)."""
    certificate = entry.certificate
    if "x5t#S256" in header:
        return _is_hash(header["x5t#S256"], certificate.thumbprint_sha256)
    if "x5t" in header:
        return _is_hash(header["x5t"], certificate.thumbprint)
    named = str(header.get("kid", "")).upper()
    return named in (certificate.thumbprint, certificate.thumbprint_sha256, entry.key_id.upper())


def _is_hash(value, thumbprint):
    try:
        return from_base64url(str(value)).hex().upper() == thumbprint
    except (ValueError, binascii.Error):
        return False


def has_key_reference(header):
    return any(name in header for name in ("x5t#S256", "x5t", "kid"))
