# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login service: discovery documents and the token endpoint (facts section 4)."""

from __future__ import annotations

from dataclasses import replace

import jwt

from . import access_tokens, jwts, login_device, rules_assertion, rules_device_code, rules_federation, vaults
from . import rules_sign_in as rules
from .errors import SignInError
from .seen import seen_by

KNOWN_HOSTS = ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")


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
    public = jwt.algorithms.RSAAlgorithm.to_jwk(access_tokens.signing_key().public_key(), as_dict=True)
    return call.json({"keys": [{**public, "use": "sig", "kid": "emulator", "alg": "RS256"}]})


def token(call, tenant):
    """Sign a client in, or a person at a client, and issue an access token."""
    rules.refuse_a_tenantless_grant(tenant)
    form = call.form
    if form.get("grant_type") == rules_device_code.GRANT:
        return login_device.token(call)
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
    rules.refuse_an_unknown_resource(sign_in, resource, call.audiences | vaults.RESOURCES)
    rules.refuse_what_conditional_access_blocks(sign_in)
    return call.json(access_tokens.issue_app_only(call.tenant, sign_in.principal, resource, method))


def _check_credential(call, sign_in):
    """Check secret or assertion; returns appidacr, "1" or "2" (4.5 V)."""
    rules.refuse_a_request_without_credential(sign_in)
    if sign_in.form.get("client_assertion"):
        rules_assertion.refuse_another_assertion_type(sign_in)
        sign_in = replace(sign_in, assertion=_read_assertion(sign_in.form["client_assertion"]))
        if rules_federation.is_federated(sign_in.assertion):
            rules.apply_all(rules_federation.FEDERATION_RULES, sign_in)
            return "2"
        call.emulator.refusals.check(sign_in)
        try:
            rules.apply_all(rules_assertion.ASSERTION_RULES, sign_in)
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
