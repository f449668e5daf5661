# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the login service refuses about a client assertion, in the order in which it is asked (facts 4.2 to 4.7)."""

from __future__ import annotations

from datetime import datetime, timezone

from . import jwts
from .errors import SignInError
from .rules_sign_in import invalid_client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SEE_CERTIFICATES = (
    "Review the documentation at "
    "https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials ."
)

PLACE = (
    "Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{0}'. "
    "Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding "
    "service endpoint and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to "
    "build a query request URL, such as 'https://graph.microsoft.com/beta/applications/{0}']."
)
OLD_PLACE = (
    "Please visit 'https://developer.microsoft.com/en-us/graph/graph-explorer' and query for "
    "'https://graph.microsoft.com/beta/applications/{0}' to see configured keys]"
)
SNI = (
    " Alternatively, SNI may be configured on the app. Please ensure that client assertion is being sent with the x5c "
    "claim in the JWT header using MSAL's WithSendX5C() method so that Azure Active Directory can validate the "
    "certificate being used."
)


def refuse_another_assertion_type(sign_in):
    """4.1 V; the code is U."""
    if sign_in.form.get("client_assertion_type") != ASSERTION_TYPE:
        text = "The request body must contain the following parameter: 'client_assertion_type'."
        raise SignInError(400, "invalid_request", 900144, text)


def refuse_a_nameless_key(sign_in):
    """4.7 V: 5002723."""
    if not jwts.has_key_reference(sign_in.assertion.header):
        text = (
            "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified "
        )
        raise invalid_client(5002723, text + "in token header.")


def refuse_an_unregistered_key(sign_in):
    """4.7 P: 700027, the key was not found. A twin certificate with the same key does not count (4.2 P)."""
    if not named_keys(sign_in):
        raise key_not_found(sign_in)


def named_keys(sign_in):
    """The key credentials that the assertion's header names."""
    return [entry for entry in sign_in.keys if jwts.names_certificate(sign_in.assertion.header, entry)]


def key_not_found(sign_in):
    """4.7 P, recorded key_not_found (2026); the words of 2022 and 2020 are switches."""
    year, app_id = sign_in.tenant.switches.key_not_found_words, sign_in.application.app_id
    begins = "The certificate with identifier used to sign the client assertion is not registered on application."
    if year in ("2022", "2020"):
        begins = "Client assertion contains an invalid signature."
    where = OLD_PLACE if year == "2020" else PLACE
    reason = f"[Reason - The key was not found., {_thumbprint_part(sign_in)}{where.format(app_id)}"
    return invalid_client(700027, f"{begins} {reason}{SNI if year == '2022' else ''}")


def _thumbprint_part(sign_in):
    """Named only to clients that send x5t (4.7 P, inferred)."""
    header = sign_in.assertion.header
    if "x5t#S256" in header or "x5t" not in header:
        return ""
    thumbprint = jwts.from_base64url(str(header["x5t"])).hex().upper()
    return f"Thumbprint of key used by client: '{thumbprint}', "


def refuse_an_expired_key(sign_in):
    """4.7 P: 700027, expired by the key credential's own dates (5 P)."""
    found = named_keys(sign_in)
    if all(entry.ends <= sign_in.now for entry in found):
        spans = ", ".join(
            f"Found key 'Start={entry.begins:%m/%d/%Y %H:%M:%S}, End={entry.ends:%m/%d/%Y %H:%M:%S}'" for entry in found
        )
        text = "Client assertion contains an invalid signature. [Reason - The key used is expired., "
        raise invalid_client(700027, f"{text}{_thumbprint_part(sign_in)}{spans}]")


def refuse_a_key_that_starts_later(sign_in):
    """4.7: 1000502 V as a name, U as the answer to this; a switch."""
    if not any(entry.is_valid(sign_in.now) for entry in named_keys(sign_in)):
        if sign_in.tenant.switches.not_yet_valid_is_1000502:
            raise invalid_client(1000502, "The provided certificate is not within its specified validity window.")
        raise key_not_found(sign_in)


def refuse_pss(sign_in):
    """4.2 P, recorded pss_refused: where the service does not take PS256; a switch."""
    if sign_in.tenant.switches.pss_refused and sign_in.assertion.header.get("alg") == "PS256":
        raise SignInError(
            400, "invalid_request", 5002730, "Invalid JWT token. Unsupported key for the signing algorithm."
        )


def refuse_a_wrong_signature(sign_in):
    """4.7 V: 700027, the key was found and did not make this signature."""
    if not any(sign_in.assertion.is_signed_by(entry.certificate) for entry in named_keys(sign_in)):
        text = (
            "Client assertion failed signature validation. [Reason - The key was found, but use of the key to verify "
        )
        text += f"the signature failed., {_thumbprint_part(sign_in)}"
        raise invalid_client(700027, text.rstrip(", ") + "].")


def refuse_another_issuer(sign_in):
    """4.7 V: 700021."""
    claims = sign_in.assertion.claims
    if any(str(claims.get(name, "")).lower() != sign_in.client_id.lower() for name in ("iss", "sub")):
        text = "Client assertion application identifier doesn't match 'client_id' parameter. "
        raise invalid_client(700021, text + SEE_CERTIFICATES)


def refuse_another_audience(sign_in):
    """4.7 U: 700023."""
    paths = [
        f"{name}/{rest}" for name in sign_in.tenant.names() for rest in ("oauth2/v2.0/token", "oauth2/token", "v2.0")
    ]
    accepted = {f"https://{sign_in.host}/{path}".lower() for path in paths}
    if str(sign_in.assertion.claims.get("aud", "")).lower() not in accepted:
        text = f"Client assertion audience claim does not match Realm issuer. {SEE_CERTIFICATES}"
        raise invalid_client(700023, text)


def refuse_another_time(sign_in):
    """4.7 V: 700024; a missing nbf shows as 1970. Times may be floats (4.4 V)."""
    try:
        begins, ends = (sign_in.assertion.number(name) for name in ("nbf", "exp"))
    except ValueError as error:
        raise invalid_client(50027, f"Invalid JWT token. {error}.") from error
    tolerance = sign_in.tenant.switches.clock_tolerance
    now = sign_in.now.timestamp()
    if (begins or 0) - tolerance <= now < (ends or 0) + tolerance:
        return
    text = f"Client assertion is not within its valid time range. Current time: {_precise(now)}, assertion valid from "
    text += f"{_precise(begins or 0)}, expiry time of assertion {_precise(ends or 0)}. {SEE_CERTIFICATES}"
    raise invalid_client(700024, text)


def _precise(seconds):
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0Z"


KEY_RULES = (
    refuse_an_unregistered_key,
    refuse_an_expired_key,
    refuse_a_key_that_starts_later,
)
ASSERTION_RULES = (
    refuse_a_nameless_key,
    *KEY_RULES,
    refuse_pss,
    refuse_a_wrong_signature,
    refuse_another_issuer,
    refuse_another_audience,
    refuse_another_time,
)
