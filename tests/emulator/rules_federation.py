# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the login service refuses about a token of an outside issuer (facts sections 4.7 and 9)."""

from __future__ import annotations

import jwt

from .errors import SignInError
from .outside import issuer_key
from .rules_assertion import refuse_another_time


def is_federated(assertion):
    """An application's own assertion is issued by its client id, any other one by an address."""
    return str(assertion.claims.get("iss", "")).startswith("https://")


def invalid_assertion(code, text):
    return SignInError(401, "invalid_client", code, text)


def refuse_where_nothing_is_federated(sign_in):
    """4.7 V: 70021."""
    if not sign_in.application.federated_credentials:
        raise invalid_assertion(70021, "No matching federated identity record found for presented assertion.")


def refuse_a_foreign_token(sign_in):
    """4.7 P: 700211 issuer, 700213 subject, 700212 audience; each compared exactly, upper and lower case included."""
    claims, left = sign_in.assertion.claims, sign_in.application.federated_credentials
    for code, claim, word, fits in (
        (700211, "iss", "issuer", lambda one: one.issuer == claims.get("iss")),
        (700213, "sub", "subject", lambda one: one.subject == claims.get("sub")),
        (700212, "aud", "audience", lambda one: claims.get("aud") in one.audiences),
    ):
        left = [one for one in left if fits(one)]
        if not left:
            text = f"No matching federated identity record found for presented assertion {word} '{claims.get(claim)}'. "
            text += "Check your federated identity credential Subject, Audience and Issuer against the presented "
            raise invalid_assertion(
                code,
                text + "assertion. https://docs.microsoft.com/azure/active-directory/develop/"
                "workload-identity-federation",
            )


def refuse_another_signature(sign_in):
    """12 V: the keys of the issuer; the code is U."""
    options = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud"), False)
    try:
        jwt.decode(sign_in.assertion.text, issuer_key().public_key(), algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError as error:
        raise invalid_assertion(50013, "Assertion failed signature validation.") from error


FEDERATION_RULES = (
    refuse_where_nothing_is_federated,
    refuse_a_foreign_token,
    refuse_another_signature,
    refuse_another_time,
)
