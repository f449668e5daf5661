# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Graph refuses about a certificate on its way in, one rule each (facts sections 1.3, 1.4, 2.2, 5 and 11)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

from .certificates import Certificate, decode_key, has_private_key, to_der
from .errors import GraphError, bad_request

DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")


@dataclass(frozen=True)
class Upload:
    """One new entry on its way in: what was sent, and the certificate in it."""

    tenant: object
    policy: object
    sent: dict
    key: bytes
    certificate: Certificate
    start: object
    end: object


def does_not_match_schema():
    """2.1 P: the gateway answers, so the code is BadRequest."""
    return GraphError(400, "BadRequest", "Property keyCredentials in payload has a value that does not match schema.")


def refuse_a_key_that_is_no_certificate(text):
    """2.2 P, recorded add_key_garbage. White space and base64 of PEM text are accepted (2.2)."""
    try:
        data = decode_key(text)
        return data, Certificate(to_der(data))
    except (ValueError, binascii.Error) as error:
        raise bad_request("Invalid credential value. Error: Cannot find the requested object.\r\n") from error


def refuse_private_key_material(upload):
    """2.2 V: the service accepts it and shows it to every reader; a switch for a stricter one."""
    if not upload.tenant.switches.private_key_material_accepted and has_private_key(upload.key):
        raise bad_request("Key credential value must not contain a private key.")


def refuse_an_ec_certificate(upload):
    """5 V for sign-in: RSA only; the refusal at upload is U."""
    is_rsa = isinstance(upload.certificate.parsed.public_key(), rsa.RSAPublicKey)
    if upload.tenant.switches.ec_certificates_refused and not is_rsa:
        raise bad_request("Key credential value has an unsupported key algorithm. Only RSA is supported.")


def invalid_end():
    """1.4 P."""
    return GraphError(400, "KeyCredentialsInvalidEndDate", "Key credential end date is invalid.")


def refuse_an_end_after_the_certificate(upload):
    """1.4 P."""
    if upload.end > upload.certificate.not_after:
        raise invalid_end()


def refuse_an_end_before_the_start(upload):
    """1.4 U."""
    if upload.end <= upload.start:
        raise invalid_end()


def refuse_an_entry_that_has_ended(upload):
    """1.4 U, a switch: a new entry that is already expired."""
    if upload.tenant.switches.ended_new_entry_refused and upload.end <= upload.tenant.clock.now():
        raise invalid_end()


def refuse_more_than_one_year(upload):
    """1.4: documented, yet longer spans are seen; off by default."""
    if upload.tenant.switches.one_year_limit and upload.end - upload.start > timedelta(days=366):
        raise invalid_end()


def refuse_a_start_before_the_certificate(upload):
    """1.4 P: azure-cli clamps for it; the code is U."""
    if upload.tenant.switches.start_before_certificate_refused and upload.start < upload.certificate.not_before:
        raise GraphError(400, "KeyCredentialsInvalidStartDate", "Key credential start date is invalid.")


def refuse_a_lifetime_beyond_the_policy(upload):
    """11 P: only entries that are added or changed are looked at."""
    policy = upload.policy
    if policy.enabled and policy.max_lifetime and upload.end - upload.start > parse_duration(policy.max_lifetime):
        message = f"Credential lifetime exceeds the max value allowed as per assigned policy '{policy.id}'."
        detail = {"code": "InvalidKeyEndDate", "message": message, "target": "EndDate"}
        raise GraphError(400, "CredentialInvalidLifetimeAsPerAppPolicy", message, [detail])


def refuse_what_a_policy_forbids(upload):
    """11 P, a switch: any code of the family …AsPerAppPolicy, whose ending tells the meaning."""
    code = upload.tenant.switches.refused_by_policy
    if code:
        raise GraphError(400, code, f"The credential is not allowed as per assigned policy '{upload.policy.id}'.")


def parse_duration(text):
    """An ISO 8601 duration of days, hours, minutes and seconds."""
    found = DURATION.match(text)
    if not found:
        raise ValueError(f"Not a duration: {text!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def refuse_an_odd_identifier(upload):
    """1.3 P: customKeyIdentifier is not empty and at most 32 bytes once decoded."""
    identifier = upload.sent.get("customKeyIdentifier")
    if identifier is None:
        return
    try:
        size = len(base64.b64decode(identifier, validate=True))
    except (ValueError, binascii.Error) as error:
        raise does_not_match_schema() from error
    if not 0 < size <= 32:
        raise bad_request("The value for the property customKeyIdentifier in one of your credentials is invalid.")


UPLOAD_RULES = (
    refuse_private_key_material,
    refuse_an_ec_certificate,
    refuse_an_odd_identifier,
    refuse_an_end_after_the_certificate,
    refuse_an_end_before_the_start,
    refuse_an_entry_that_has_ended,
    refuse_more_than_one_year,
    refuse_a_start_before_the_certificate,
    refuse_a_lifetime_beyond_the_policy,
    refuse_what_a_policy_forbids,
)
