# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Platforms outside Entra that vouch for a workload: their issuers, and how a job gets its token (facts 9)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache

import jwt

from . import certificates
from .errors import PlatformError

AUDIENCE = "api://AzureADTokenExchange"
GITHUB = "https://token.actions.githubusercontent.com"
PIPELINES = "https://vstoken.dev.azure.com/22222222-2222-4333-8444-555555555555"
LIFETIME = 300


@dataclass
class Platform:
    """What runs on it: the job's subject, and the token with which the job asks for another one."""

    subject: str = "repo:contoso/payroll:ref:refs/heads/main"
    request_token: str = "request-token-for-rehearsals"
    service_connection_id: str = "33333333-2222-4333-8444-555555555555"


@cache
def issuer_key():
    """One key stands for those of all outside issuers: RS256 only (9 V)."""
    return certificates.new_key()


def mint(clock, issuer, subject, audience=AUDIENCE, lifetime=LIFETIME, key=None):
    """A token of an outside issuer."""
    now = int(clock.now().timestamp())
    claims = {"iss": issuer, "sub": subject, "aud": audience, "jti": str(uuid.uuid4())}
    claims.update(iat=now, nbf=now, exp=now + lifetime)
    return jwt.encode(claims, key or issuer_key(), algorithm="RS256", headers={"kid": "outside"})


def github_token(call):
    """9 V/P: GET with the audience; JSON field `value`."""
    _refuse_another_request_token(call)
    return call.json(
        {"count": 1, "value": _mint(call, GITHUB, call.query.get("audience", "https://github.com/contoso"))}
    )


def pipelines_token(call):
    """9 V: POST with the service connection; JSON field `oidcToken`."""
    _refuse_another_request_token(call)
    if call.query.get("serviceConnectionId") != call.tenant.platform.service_connection_id:
        raise PlatformError(
            404, {"message": "The service connection does not exist or has not been authorized for use."}
        )
    return call.json({"oidcToken": _mint(call, PIPELINES, AUDIENCE)})


def _mint(call, issuer, audience):
    return mint(call.tenant.clock, issuer, call.tenant.platform.subject, audience)


def _refuse_another_request_token(call):
    """U on the body; the platforms answer 401."""
    if call.headers.get("Authorization") != f"Bearer {call.tenant.platform.request_token}":
        raise PlatformError(401, {"message": "Unauthorized."})
