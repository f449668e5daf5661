# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the login service refuses when a person signs in with a device code (facts sections 4.7 and 9)."""

from __future__ import annotations

from .errors import SignInError
from .rules_sign_in import invalid_client

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# Applications of Microsoft's own that every tenant knows without a registration (P: many independent repositories).
FIRST_PARTY = {
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Microsoft Azure CLI",
    "14d82eec-204b-4c2f-b7e8-296a70dab67e": "Microsoft Graph Command Line Tools",
}
PROTOCOL_SCOPES = {"openid", "profile", "offline_access", "email"}


def refuse_a_confidential_client(client):
    """9 V: 7000218 unless the registration allows public client flows."""
    if client.application is not None and not client.application.public_client:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise invalid_client(7000218, text)


def refuse_an_unknown_code(code, form):
    """9 V: bad_verification_code, 70018; another client's code counts as unknown."""
    if code is None or code.client_id != form["client_id"] or code.state == "used":
        raise SignInError(400, "bad_verification_code", 70018, "Bad verification code.")


def refuse_a_declined_code(code):
    """9 V: authorization_declined; its number is U."""
    if code.state == "denied":
        raise SignInError(400, "authorization_declined", 65004, "User declined to consent to access the app.")


def refuse_an_expired_code(code, is_expired):
    """9 V: expired_token, 70020."""
    if is_expired:
        raise SignInError(
            400,
            "expired_token",
            70020,
            "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
        )


def refuse_until_a_person_has_answered(code, too_soon):
    """9 V: authorization_pending, 70016. slow_down is in RFC 8628 and in no page of Microsoft's: a switch."""
    if code.state != "pending":
        return
    if too_soon:
        raise SignInError(400, "slow_down", 70016, "The device polls too often.")
    text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
    raise SignInError(400, "authorization_pending", 70016, text)


def refuse_a_person_whom_conditional_access_blocks(tenant, user):
    """4.7: 53003, for a person as for an application."""
    if user.name in tenant.conditional_access:
        text = (
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
        )
        raise SignInError(400, "invalid_grant", 53003, text)
