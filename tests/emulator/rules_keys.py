# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Graph refuses about key credentials, one rule each (facts sections 1, 2, 5 and 11)."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

from .certificates import Certificate, decode_key, has_private_key, to_der
from .clock import format_time, parse_time
from .credentials import KeyCredential
from .errors import GraphError, bad_request

TYPES = ("AsymmetricX509Cert", "X509CertAndPassword", "Symmetric")
USAGES = ("Sign", "Verify")
TEXTS = ("customKeyIdentifier", "displayName", "key", "type", "usage")
PROPERTIES = (*TEXTS, "keyId", "startDateTime", "endDateTime")
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


def refuse_what_does_not_match_the_schema(sent):
    """2.1 P: keyCredentials is a list of objects with known properties of the right types."""
    if not isinstance(sent, list):
        raise does_not_match_schema()
    for entry in sent:
        if not isinstance(entry, dict) or not _fits(entry):
            raise does_not_match_schema()


def _fits(entry):
    if any(name not in PROPERTIES and "@" not in name for name in entry):
        return False
    if any(not isinstance(entry.get(name), (str, type(None))) for name in TEXTS):
        return False
    try:
        for name in ("startDateTime", "endDateTime"):
            if entry.get(name) is not None:
                parse_time(entry[name])
        if entry.get("keyId") is not None:
            uuid.UUID(entry["keyId"])
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def refuse_a_repeated_key_id(sent):
    """2.1: entries are matched by keyId; that a repeated one is refused is U."""
    named = [entry["keyId"].lower() for entry in sent if entry.get("keyId")]
    if len(named) != len(set(named)):
        raise bad_request("Multiple credentials with the same KeyId are not allowed.")


def refuse_a_change_of_an_existing_entry(stored, sent):
    """2.1 P: a known keyId may only come back as it is; the detail says KeyNotUpdatable."""
    if not _is_unchanged(stored, sent):
        message = f"Update to existing credential with KeyId '{stored.key_id}' is not allowed."
        detail = {"code": "KeyNotUpdatable", "message": message, "target": "keyCredentials"}
        raise bad_request(message, [detail])


def _is_unchanged(stored, sent):
    """Absent properties and a null key mean "as it is" (2.1 V); dates compare as instants, all digits counted."""
    as_read = stored.to_json(with_key=True)
    for name, value in sent.items():
        if name == "keyId" or name not in as_read or (name == "key" and value is None):
            continue
        if name in ("startDateTime", "endDateTime") and value is not None:
            if parse_time(value) != parse_time(as_read[name]):
                return False
        elif value != as_read[name]:
            return False
    return True


def refuse_another_usage(sent):
    """1.1 P."""
    if sent.get("usage") not in USAGES:
        message = 'The value for the property "usage" in one of your credentials is invalid. Acceptable values are '
        raise bad_request(message + "Sign, Verify.")


def refuse_another_type(sent):
    """1.1 V as a list of values, U as a message."""
    if sent.get("type") not in TYPES:
        message = 'The value for the property "type" in one of your credentials is invalid. Acceptable values are '
        raise bad_request(message + ", ".join(TYPES) + ".")


def refuse_a_new_entry_without_key(sent):
    """2.1: refused, U on the code."""
    if not sent.get("key"):
        raise bad_request("Key credential must have a key value.")


def refuse_a_key_that_is_no_certificate(text):
    """16.2 U on the code. White space and base64 of PEM text are accepted (2.2)."""
    try:
        data = decode_key(text)
        return data, Certificate(to_der(data))
    except (ValueError, binascii.Error) as error:
        raise bad_request("Key credential value is not a valid certificate.") from error


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


def refuse_an_expired_neighbour(kept, tenant):
    """1.4 P weak, off by default: a PATCH is refused because an entry sent along has ended."""
    if tenant.switches.expired_entry_refuses_patch and any(entry.ends <= tenant.clock.now() for entry in kept):
        raise invalid_end()


def refuse_too_many(credentials, tenant):
    """1.5."""
    if len(credentials) > tenant.switches.maximum_credentials:
        message = "The size of the object has exceeded its limit. Please reduce the number of values and retry your "
        raise GraphError(403, "Directory_ResourceSizeExceeded", message + "request.")


def refuse_a_twin(credentials, tenant):
    """2.1 U, off by default: two entries for one certificate."""
    thumbprints = [entry.certificate.thumbprint for entry in credentials if entry.certificate]
    if tenant.switches.duplicate_certificate_refused and len(set(thumbprints)) != len(thumbprints):
        raise bad_request("A credential with the same certificate already exists.")


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
)


def accept(tenant, application_policy, sent):
    """The entry that the directory stores for a new key credential, or the refusal."""
    refuse_another_usage(sent)
    refuse_another_type(sent)
    refuse_a_new_entry_without_key(sent)
    data, certificate = refuse_a_key_that_is_no_certificate(sent["key"])
    start, end = _dates(tenant, sent, certificate)
    upload = Upload(tenant, application_policy or tenant.default_policy, sent, data, certificate, start, end)
    for rule in UPLOAD_RULES:
        rule(upload)
    return _stored(upload)


def _dates(tenant, sent, certificate):
    """1.4: without dates the certificate's start, and one year or the certificate's end."""
    start = parse_time(sent["startDateTime"])[0] if sent.get("startDateTime") else certificate.not_before
    if sent.get("endDateTime"):
        return start, parse_time(sent["endDateTime"])[0]
    if tenant.switches.omitted_end_is_one_year:
        return start, min(start + timedelta(days=365), certificate.not_after)
    return start, certificate.not_after


def _stored(upload):
    """Texts as sent; a name is cut at 90 characters (1.1); the identifier defaults to the thumbprint (1.3 V)."""
    sent, certificate = upload.sent, upload.certificate
    name = sent.get("displayName")
    return KeyCredential(
        key_id=str(uuid.UUID(sent["keyId"])) if sent.get("keyId") else str(uuid.uuid4()),
        type=sent["type"],
        usage=sent["usage"],
        start=_as_served(sent.get("startDateTime"), upload.start),
        end=_as_served(sent.get("endDateTime"), upload.end),
        key=upload.key if has_private_key(upload.key) else certificate.der,
        custom_key_identifier=sent.get("customKeyIdentifier") or certificate.thumbprint,
        display_name=name[:90] if name is not None else certificate.subject,
    )


def _as_served(text, moment):
    """A time in UTC with Z; a fraction that was sent stays as it was."""
    if text and text.endswith("Z"):
        return text
    if text and moment.microsecond:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return format_time(moment)


def replace_all(application, sent, tenant):
    """The whole collection after a PATCH: what is in the body stays or comes, what is not goes (2 V)."""
    refuse_what_does_not_match_the_schema(sent)
    refuse_a_repeated_key_id(sent)
    kept, result = [], []
    for entry in sent:
        stored = application.key(entry["keyId"]) if entry.get("keyId") else None
        if stored:
            refuse_a_change_of_an_existing_entry(stored, entry)
            kept.append(stored)
        result.append(stored or accept(tenant, application.policy, entry))
    refuse_an_expired_neighbour(kept, tenant)
    refuse_too_many(result, tenant)
    refuse_a_twin(result, tenant)
    return tuple(result)


def add_one(application, sent, tenant):
    """The collection after addKey, and the entry it made."""
    refuse_what_does_not_match_the_schema([sent])
    added = accept(tenant, application.policy, sent)
    result = (*application.key_credentials, added)
    refuse_too_many(result, tenant)
    refuse_a_twin(result, tenant)
    return result, added
