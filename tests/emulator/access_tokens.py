# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access tokens: issued by the login service, checked by Graph (facts sections 4.3, 4.5, 9 and 13)."""

from __future__ import annotations

import uuid
from functools import cache, lru_cache
from types import MappingProxyType

import jwt

from . import certificates
from .errors import GraphError


@cache
def signing_key():
    """The key of the login service itself."""
    return certificates.new_key()


def issue_app_only(tenant, principal, resource, method):
    """A version 1 token, as Graph uses (4.5)."""
    issued, issuer = int(tenant.clock.now().timestamp()), f"https://sts.windows.net/{tenant.id}/"
    claims = {
        "aud": resource,
        "iss": issuer,
        "iat": issued,
        "nbf": issued,
        "exp": issued + tenant.token_lifetime,
        "aio": uuid.uuid4().hex,
        "appid": principal.app_id,
        "appidacr": method,
        "idp": issuer,
        "idtyp": "app",
        "oid": principal.object_id,
        "sub": principal.object_id,
        "tid": tenant.id,
        "uti": uuid.uuid4().hex[:22],
        "ver": "1.0",
    }
    claims.update(_roles(tenant.graph, principal))
    return _answer(tenant, claims)


def issue_delegated(tenant, client_id, user, scopes, resource):
    """A token for a client on behalf of a person: `scp` and `wids` in place of `roles` (4.5, 9)."""
    issued, issuer = int(tenant.clock.now().timestamp()), f"https://sts.windows.net/{tenant.id}/"
    claims = {
        "aud": resource,
        "iss": issuer,
        "iat": issued,
        "nbf": issued,
        "exp": issued + tenant.token_lifetime,
        "appid": client_id,
        "appidacr": "0",
        "idtyp": "user",
        "name": user.name,
        "oid": user.object_id,
        "scp": " ".join(scopes),
        "sub": uuid.uuid4().hex,
        "tid": tenant.id,
        "unique_name": f"{user.name}@{tenant.domain}",
        "uti": uuid.uuid4().hex[:22],
        "ver": "1.0",
        "wids": user.wids,
    }
    return {**_answer(tenant, claims), "scope": " ".join(f"{resource}/{scope}" for scope in scopes)}


def issue_id_token(tenant, client_id, user, host):
    """Who signed in, for clients that ask with the scope openid: "ID token claims reference" (V)."""
    issued = int(tenant.clock.now().timestamp())
    claims = {
        "aud": client_id,
        "iss": f"https://{host}/{tenant.id}/v2.0",
        "iat": issued,
        "nbf": issued,
        "exp": issued + tenant.token_lifetime,
        "name": user.name,
        "oid": user.object_id,
        "preferred_username": f"{user.name}@{tenant.domain}",
        "sub": user.object_id,
        "tid": tenant.id,
        "ver": "2.0",
    }
    return jwt.encode(claims, signing_key(), algorithm="RS256", headers={"kid": "emulator"})


def _answer(tenant, claims):
    signed = jwt.encode(claims, signing_key(), algorithm="RS256", headers={"kid": "emulator"})
    lifetimes = dict.fromkeys(("expires_in", "ext_expires_in"), tenant.token_lifetime)
    return {"token_type": "Bearer", **lifetimes, "access_token": signed}


def _roles(graph, principal):
    """The names of what is granted; no claim at all when nothing is (4.5 V)."""
    roles = [graph.role_value(one.app_role_id) for one in principal.assignments if one.resource_id == graph.object_id]
    return {"roles": roles} if roles else {}


def invalid_token(message):
    return GraphError(401, "InvalidAuthenticationToken", message)


def check(call, audiences):
    """The claims of the access token for one of these audiences, or 401 (13 P)."""
    text = _bearer(call.headers)
    if not text:
        raise invalid_token("Access token is empty.")
    try:
        claims = _claims_of(text)
    except jwt.InvalidTokenError as error:
        raise invalid_token("Access token validation failure. Invalid signature.") from error
    if claims["tid"] not in call.emulator.tenants:
        raise invalid_token("Access token validation failure. Invalid tenant.")
    if claims["aud"].rstrip("/") not in audiences:
        raise invalid_token("Access token validation failure. Invalid audience.")
    if claims["exp"] <= call.tenant.clock.now().timestamp():
        raise invalid_token("Lifetime validation failed, the token is expired.")
    return claims


def _bearer(headers):
    scheme, _space, text = headers.get("Authorization", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


@lru_cache(maxsize=1_000)
def _claims_of(text):
    """What a token says that this service signed; worked out once for all the requests that carry it."""
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    return MappingProxyType(jwt.decode(text, signing_key().public_key(), algorithms=["RS256"], options=options))


def tenant_in(request):
    """The tenant that a request's token names, not verified yet, or None."""
    return _tenant_of(_bearer(request.headers))


@lru_cache(maxsize=1_000)
def _tenant_of(text):
    try:
        return jwt.decode(text, options={"verify_signature": False}).get("tid")
    except jwt.InvalidTokenError:
        return None
