# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the login service refuses, one rule each, in the order in which they are asked (facts sections 4.2 to 4.7)."""

from __future__ import annotations

from dataclasses import dataclass

from . import clouds
from .errors import SignInError

TENANTLESS = ("common", "organizations", "consumers")


@dataclass(frozen=True)
class SignIn:
    """One token request with all that the rules look at. `application` and `principal` are one replica's view."""

    tenant: object
    form: dict
    client_id: str
    host: str
    application: object = None
    principal: object = None
    assertion: object = None

    @property
    def now(self):
        return self.tenant.clock.now()

    @property
    def keys(self):
        """The key credentials that may sign this client in."""
        held = list(self.application.key_credentials)
        if self.tenant.switches.service_principal_keys_sign_in and self.principal:
            held += self.principal.key_credentials
        return [entry for entry in held if entry.is_for_sign_in()]


def invalid_client(code, text):
    """401 (4.6 P)."""
    return SignInError(401, "invalid_client", code, text)


def unknown_tenant(name):
    """4.7 P: 90002, from the discovery document first."""
    return SignInError(
        400,
        "invalid_request",
        90002,
        f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    )


def is_of_another_cloud(tenant, host):
    return not clouds.is_at_home(tenant.cloud, host)


def of_another_cloud(tenant, name):
    """8 V: a tenant that is asked for in another cloud is not found there; 900382 in cross-cloud requests."""
    if tenant.switches.wrong_cloud == 900382:
        return SignInError(
            400, "invalid_request", 900382, "Confidential Client is not supported in Cross Cloud request."
        )
    return unknown_tenant(name)


def refuse_a_tenantless_grant(name):
    """4.1 V: 9001023."""
    if name.lower() in TENANTLESS:
        text = f"The grant type is not supported over the /{name} endpoints. Please use a tenant-specific endpoint."
        raise SignInError(400, "invalid_request", 9001023, text)


def refuse_a_missing_parameter(form, names=None):
    """4.7 V: 900144."""
    names = names or ("grant_type", "client_id", "scope" if "resource" not in form else "resource")
    missing = next((name for name in names if not form.get(name)), None)
    if missing:
        text = f"The request body must contain the following parameter: '{missing}'."
        raise SignInError(400, "invalid_request", 900144, text)


def refuse_another_grant(form):
    """4.1: of the grants without a browser; 70003 U."""
    if form["grant_type"] != "client_credentials":
        text = f"The app requested an unsupported grant type '{form['grant_type']}'."
        raise SignInError(400, "unsupported_grant_type", 70003, text)


def refuse_a_scope_that_is_not_default(form):
    """4.7: 1002012 U, the scope of client credentials ends in /.default."""
    scope = form.get("scope")
    if scope and not scope.endswith("/.default"):
        text = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        )
        text += "/.default suffixed to the resource identifier (application ID URI)."
        raise SignInError(400, "invalid_scope", 1002012, text)


def refuse_an_unknown_application(sign_in):
    """4.7 P: 700016. Soft-deleted counts as unknown (12 V)."""
    if sign_in.application is None or sign_in.application.deleted:
        text = f"Application with identifier '{sign_in.client_id}' was not found in the directory "
        text += f"'{sign_in.tenant.name}'. This can happen if the application has not been installed by the "
        text += "administrator of the tenant or consented to by any user in the tenant. You may have sent your "
        text += "authentication request to the wrong tenant."
        raise SignInError(400, "unauthorized_client", 700016, text)


def refuse_a_missing_service_principal(sign_in):
    """4.7 P: 7000229."""
    if sign_in.principal is None or sign_in.principal.deleted:
        text = f"The client application {sign_in.application.app_id} is missing service principal in the tenant "
        text += f"{sign_in.tenant.id}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
        raise invalid_client(7000229, text)


def refuse_a_disabled_application(sign_in):
    """4.7: 7000112. Disabled by Microsoft or by isDisabled counts as well (10 V for the properties, U for the code)."""
    states = (sign_in.application, sign_in.principal)
    blocked = any(state.is_disabled or state.disabled_by_microsoft not in (None, "NotDisabled") for state in states)
    if blocked or not sign_in.principal.enabled:
        text = f"Application '{sign_in.application.app_id}'({sign_in.application.display_name}) is disabled."
        raise SignInError(400, "unauthorized_client", 7000112, text)


def refuse_a_request_without_credential(sign_in):
    """4.7 P: 7000216."""
    if not sign_in.form.get("client_assertion") and not sign_in.form.get("client_secret"):
        text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
        raise invalid_client(7000216, text)


def refuse_a_wrong_secret(sign_in):
    """4.7: 7000215."""
    sent = sign_in.form["client_secret"]
    if not any(password.secret == sent for password in sign_in.application.password_credentials):
        text = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        )
        text += f"not the client secret ID, for a secret added to app '{sign_in.application.app_id}'."
        raise invalid_client(7000215, text)


def refuse_an_expired_secret(sign_in):
    """4.7: 7000222."""
    sent = sign_in.form["client_secret"]
    held = [password for password in sign_in.application.password_credentials if password.secret == sent]
    if not any(password.is_valid(sign_in.now) for password in held):
        text = f"The provided client secret keys for app '{sign_in.application.app_id}' are expired. Visit the Azure "
        text += "portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate "
        raise invalid_client(7000222, text + "credentials for added security: https://aka.ms/certCreds.")


def refuse_an_unknown_resource(sign_in, resource, known):
    """4.7 P: 500011, usually the wrong cloud."""
    if resource.rstrip("/") not in known:
        text = f"The resource principal named {resource} was not found in the tenant named {sign_in.tenant.name}. This "
        text += "can happen if the application has not been installed by the administrator of the tenant or consented "
        text += "to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
        raise SignInError(400, "invalid_resource", 500011, text)


def refuse_what_conditional_access_blocks(sign_in):
    """4.7: 53003 V, its error word is U."""
    if sign_in.application.app_id in sign_in.tenant.conditional_access:
        text = (
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
        )
        raise SignInError(400, "invalid_grant", 53003, text)


def refuse_a_loop(sign_in, recent):
    """4.7 P: 50196, more than 15 identical requests in 5 minutes; off by default."""
    if sign_in.tenant.switches.loop_detection and recent > 15:
        text = "The server terminated an operation because it encountered a loop while processing a request. "
        raise SignInError(400, "invalid_grant", 50196, text + "Please contact your app vendor.")


APPLICATION_RULES = (
    refuse_an_unknown_application,
    refuse_a_missing_service_principal,
    refuse_a_disabled_application,
)
SECRET_RULES = (
    refuse_a_wrong_secret,
    refuse_an_expired_secret,
)


def apply_all(rules, sign_in):
    for rule in rules:
        rule(sign_in)
