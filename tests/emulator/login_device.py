# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing in with a device code: the endpoint that begins it, and the grant that ends it (facts section 9)."""

from __future__ import annotations

import base64
import json

from . import access_tokens, replicas, roles, rules_sign_in
from . import rules_device_code as rules
from .device_codes import INTERVAL, LIFETIME
from .seen import seen_by

VERIFICATION = "https://microsoft.com/devicelogin"


def device_code(call, tenant):
    """9 V: a code for the device, a code for the person, and where to enter it."""
    rules_sign_in.refuse_a_missing_parameter(call.form, ("client_id", "scope"))
    client_id = call.form["client_id"]
    _client(call, client_id)
    code = call.tenant.device_codes.start(client_id, tuple(call.form["scope"].split()))
    answer = {
        "device_code": code.device_code,
        "user_code": code.user_code,
        "verification_uri": VERIFICATION,
        "expires_in": LIFETIME,
        "interval": INTERVAL,
    }
    if call.tenant.switches.device_code_message:
        answer["message"] = (
            f"To sign in, use a web browser to open the page {VERIFICATION} and enter the code {code.user_code} to "
            "authenticate."
        )
    return call.json(answer)


def token(call):
    """The grant: refused until a person has answered."""
    form, codes = call.form, call.tenant.device_codes
    rules_sign_in.refuse_a_missing_parameter(form, ("client_id", "device_code"))
    client = _client(call, form["client_id"])
    code = codes.find(form["device_code"])
    rules.refuse_a_confidential_client(client)
    rules.refuse_an_unknown_code(code, form)
    rules.refuse_an_expired_code(code, codes.is_expired(code))
    rules.refuse_a_declined_code(code)
    now = call.tenant.clock.elapsed()
    too_soon = call.tenant.switches.slow_down and code.polled is not None and now - code.polled < INTERVAL
    code.polled = now
    rules.refuse_until_a_person_has_answered(code, too_soon)
    rules.refuse_a_person_whom_conditional_access_blocks(call.tenant, code.user)
    resource, scopes = _split(call, client, code.scopes)
    code.state = "used"
    answer = access_tokens.issue_delegated(call.tenant, code.client_id, code.user, scopes, resource)
    return call.json({**answer, **_about_the_person(call, code)})


def _about_the_person(call, code):
    """What msal keeps an account by: the ID token, and client_info where it asks for that (V msal)."""
    if "openid" not in code.scopes:
        return {}
    account = json.dumps({"uid": code.user.object_id, "utid": call.tenant.id}).encode()
    return {
        "id_token": access_tokens.issue_id_token(call.tenant, code.client_id, code.user, call.host),
        "client_info": base64.urlsafe_b64encode(account).decode().rstrip("="),
    }


def _client(call, client_id):
    """The application, unless it is one of Microsoft's own."""
    client = seen_by(call.tenant, replicas.Primary(), client_id, form=call.form, host=call.host)
    if client_id not in rules.FIRST_PARTY:
        rules_sign_in.apply_all(rules_sign_in.APPLICATION_RULES, client)
    return client


def _split(call, client, asked):
    """The resource and the names of the scopes; `/.default` stands for all that the emulator knows (U)."""
    wanted = [scope for scope in asked if scope not in rules.PROTOCOL_SCOPES]
    named = [scope.rpartition("/") for scope in wanted]
    resource = next((root for root, _slash, _name in named if root), f"https://{call.host}")
    rules_sign_in.refuse_an_unknown_resource(client, resource, call.audiences)
    names = [name for _root, _slash, name in named]
    return resource, sorted({*roles.ALL_SCOPES} if ".default" in names else names)
