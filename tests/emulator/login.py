# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login service: discovery documents and the token endpoint (facts section 4)."""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from dataclasses import replace
from functools import cache

import jwt

from . import certificates, jwts
from . import rules_sign_in as rules
from .errors import SignInError

KNOWN_HOSTS = ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")
LOOP_WINDOW = 300


@cache
def signing_key():
    """The key of the login service itself."""
    return certificates.new_key()


def discovery(call, tenant):
    """The OpenID configuration of one tenant (4.4 V)."""
    root = f"https://{call.host}/{call.tenant.id}"
    return call.json(
        {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": call.host,
        }
    )


def instance_discovery(call):
    """Which hosts belong together (4.4 V); this host is one more."""
    endpoint = call.query.get("authorization_endpoint", f"https://{call.host}/common/oauth2/v2.0/authorize")
    name = endpoint.split("/")[3] if endpoint.count("/") >= 3 else "common"
    return call.json(
        {
            "tenant_discovery_endpoint": f"https://{call.host}/{name}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": call.host,
                    "preferred_cache": call.host,
                    "aliases": [call.host, call.host.split(":")[0], *KNOWN_HOSTS],
                }
            ],
        }
    )


def signing_keys(call, tenant):
    """The public half of the key that signs access tokens."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key().public_key(), as_dict=True)
    return call.json({"keys": [{**public, "use": "sig", "kid": "emulator", "alg": "RS256"}]})


def token(call, tenant):
    """Sign a client in and issue an app-only access token."""
    rules.refuse_a_tenantless_grant(tenant)
    form = call.form
    for rule in (
        rules.refuse_a_missing_parameter,
        rules.refuse_another_grant,
        rules.refuse_a_scope_that_is_not_default,
    ):
        rule(form)
    sign_in = seen_by(call.tenant, call.tenant.sign_ins.next(), form["client_id"], form=form, host=call.host)
    rules.apply_all(rules.APPLICATION_RULES, sign_in)
    rules.refuse_a_loop(sign_in, call.emulator.loops.count(call))
    method = _check_credential(call, sign_in)
    resource = form.get("resource") or form["scope"].removesuffix("/.default")
    rules.refuse_an_unknown_resource(sign_in, resource, call.audiences)
    rules.refuse_what_conditional_access_blocks(sign_in)
    return call.json(_issue(sign_in, resource, method))


def seen_by(tenant, view, client_id, form=None, host=""):
    """A client's application and service principal, as one replica of the token service shows them."""
    sign_in = rules.SignIn(tenant, form or {}, client_id, host)
    application = tenant.directory.by_app_id(client_id)
    principal = tenant.directory.principal_of(client_id)
    return replace(
        sign_in,
        application=application and view.of(application),
        principal=principal and view.of(principal),
    )


def _check_credential(call, sign_in):
    """Check secret or assertion; returns appidacr, "1" or "2" (4.5 V)."""
    rules.refuse_a_request_without_credential(sign_in)
    if sign_in.form.get("client_assertion"):
        rules.refuse_another_assertion_type(sign_in)
        sign_in = replace(sign_in, assertion=_read_assertion(sign_in.form["client_assertion"]))
        call.emulator.refusals.check(sign_in)
        try:
            rules.apply_all(rules.ASSERTION_RULES, sign_in)
        except SignInError as error:
            call.emulator.refusals.remember(sign_in, error)
            raise
        return "2"
    rules.apply_all(rules.SECRET_RULES, sign_in)
    return "1"


def _read_assertion(text):
    """4.7 V: 50027."""
    try:
        return jwts.read(text)
    except jwts.Malformed as error:
        raise rules.invalid_client(50027, f"Invalid JWT token. {error}") from error


def _issue(sign_in, resource, method):
    """A version 1 token, as Graph uses (4.5)."""
    tenant, principal = sign_in.tenant, sign_in.principal
    issued = int(sign_in.now.timestamp())
    claims = {
        "aud": resource,
        "iss": f"https://sts.windows.net/{tenant.id}/",
        "iat": issued,
        "nbf": issued,
        "exp": issued + tenant.token_lifetime,
        "aio": uuid.uuid4().hex,
        "appid": sign_in.application.app_id,
        "appidacr": method,
        "idp": f"https://sts.windows.net/{tenant.id}/",
        "idtyp": "app",
        "oid": principal.object_id,
        "rh": "0.",
        "sub": principal.object_id,
        "tid": tenant.id,
        "uti": uuid.uuid4().hex[:22],
        "ver": "1.0",
    }
    graph = tenant.graph
    roles = [graph.role_value(one.app_role_id) for one in principal.assignments if one.resource_id == graph.object_id]
    if roles:
        claims["roles"] = roles
    signed = jwt.encode(claims, signing_key(), algorithm="RS256", headers={"kid": "emulator"})
    lifetime = tenant.token_lifetime
    return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": signed}


class Loops:
    """Counts identical requests for 50196, which Microsoft tracks by cookie and the emulator by their content."""

    def __init__(self):
        self._seen = defaultdict(deque)

    def count(self, call):
        """How many such requests came in the last 5 minutes, this one included."""
        now = call.tenant.clock.elapsed()
        ignored = ("client_assertion", "client_secret")
        content = tuple(sorted((name, value) for name, value in call.form.items() if name not in ignored))
        seen = self._seen[content]
        while seen and seen[0] <= now - LOOP_WINDOW:
            seen.popleft()
        seen.append(now)
        return len(seen)


class Refusals:
    """A failing lookup that stays cached (facts section 6); off by default."""

    def __init__(self):
        self._until = {}

    def _key(self, sign_in):
        header = sign_in.assertion.header
        return sign_in.client_id, header.get("x5t#S256"), header.get("x5t"), header.get("kid")

    def check(self, sign_in):
        if self._until.get(self._key(sign_in), 0) > sign_in.tenant.clock.elapsed():
            raise rules.key_not_found(sign_in)

    def remember(self, sign_in, error):
        seconds = sign_in.tenant.switches.remember_refusals
        if seconds and error.code == 700027 and "was not found" in error.text:
            self._until[self._key(sign_in)] = sign_in.tenant.clock.elapsed() + seconds


def error_body(error, now, request_id, correlation_id, old_separators):
    """4.6 V."""
    stamp = f"{now:%Y-%m-%d %H:%M:%S}Z"
    gap = "\r\n" if old_separators else " "
    parts = (
        f"AADSTS{error.code}: {error.text}",
        f"Trace ID: {request_id}",
        f"Correlation ID: {correlation_id}",
        f"Timestamp: {stamp}",
    )
    return {
        "error": error.error,
        "error_description": gap.join(parts),
        "error_codes": [error.code],
        "timestamp": stamp,
        "trace_id": request_id,
        "correlation_id": correlation_id,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.code}",
    }
