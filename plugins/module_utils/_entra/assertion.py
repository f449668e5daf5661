# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Client assertions and proofs of possession: short-lived JWTs signed by a certificate's private key.

Sources: "Microsoft identity platform application authentication certificate credentials",
"Generate proof-of-possession tokens for rolling keys".
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import typing as t
import uuid

from .._core.model import Certificate

LIFETIME = dt.timedelta(minutes=10)
# The audiences that editions of Microsoft's page name for a proof; the first one is tried first.
PROOF_AUDIENCES = ("00000002-0000-0000-c000-000000000000", "00000003-0000-0000-c000-000000000000")


class Signer(t.Protocol):
    """A private key that can sign without showing itself, and the certificate that goes with it."""

    @property
    def certificate(self) -> Certificate: ...

    def sign(self, data: bytes, algorithm: str) -> bytes: ...


def client_assertion(signer: Signer, client_id: str, audience: str, now: dt.datetime, algorithm: str = "PS256") -> str:
    """A JWT that signs the client in: PS256 with `x5t#S256`, as Microsoft's page has it; or the older form, RS256."""
    header = {"alg": algorithm, "typ": "JWT", **_key_reference(signer.certificate, algorithm)}
    claims = {"aud": audience, "iss": client_id, "sub": client_id, "jti": str(uuid.uuid4()), **_times(now)}
    return _jwt(signer, header, claims)


def _key_reference(certificate: Certificate, algorithm: str) -> dict[str, str]:
    if algorithm == "PS256":
        return {"x5t#S256": _hex_to_base64url(certificate.thumbprint_sha256)}
    return {"x5t": _hex_to_base64url(certificate.thumbprint)}


def proof_of_possession(signer: Signer, issuer: str, audience: str, now: dt.datetime) -> str:
    """A JWT that lets addKey and removeKey act: issuer is the application's object ID; its app ID at that address."""
    thumbprint = signer.certificate.thumbprint
    header = {"alg": "RS256", "typ": "JWT", "kid": thumbprint, "x5t": _hex_to_base64url(thumbprint)}
    return _jwt(signer, header, {"aud": audience, "iss": issuer, **_times(now)})


def _times(now: dt.datetime) -> dict[str, int]:
    """NumericDate numbers: ISO texts make the service fail."""
    start = int(now.timestamp())
    return {"nbf": start, "iat": start, "exp": start + int(LIFETIME.total_seconds())}


def _jwt(signer: Signer, header: t.Mapping[str, str], claims: t.Mapping[str, t.Any]) -> str:
    signed = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{signed}.{_base64url(signer.sign(signed.encode(), header['alg']))}"


def _base64url(raw: bytes) -> str:
    """Without padding: the service refuses padded segments."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hex_to_base64url(thumbprint: str) -> str:
    return _base64url(bytes.fromhex(thumbprint))
