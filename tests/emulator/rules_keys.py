# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Graph refuses about key credentials, one rule each (facts sections 1, 2, 5 and 11)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

from .certificates import has_private_key
from .clock import format_time, parse_time
from .credentials import KeyCredential
from .errors import GraphError, bad_request
from .model import Policy
from .rules_certificates import (
    UPLOAD_RULES,
    Upload,
    does_not_match_schema,
    invalid_end,
    refuse_a_key_that_is_no_certificate,
)

TYPES = ("AsymmetricX509Cert", "X509CertAndPassword", "Symmetric")
USAGES = ("Sign", "Verify")
TEXTS = ("customKeyIdentifier", "displayName", "key", "type", "usage")
PROPERTIES = (*TEXTS, "keyId", "startDateTime", "endDateTime")


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


def refuse_a_change_of_an_existing_entry(stored, sent, switches):
    """2.1 P: a known keyId may only come back as it is; the detail says KeyNotUpdatable.

    V is sending each entry back as read with a null key. Microsoft's typed clients leave nulls out, the key among them;
    what becomes of any other property that is left out nobody has seen (U), so it counts as a change.
    """
    needed = {name for name, value in stored.to_json(with_key=False).items() if value is not None}
    is_whole = switches.absent_property_is_unchanged or needed <= sent.keys()
    if not is_whole or not _is_unchanged(stored, sent):
        message = f"Update to existing credential with KeyId '{stored.key_id}' is not allowed."
        detail = {"code": "KeyNotUpdatable", "message": message, "target": "keyCredentials"}
        raise bad_request(message, [detail])


def _is_unchanged(stored, sent):
    """A null key means "keep the stored bytes" (2.1 V); dates compare as instants, all digits counted."""
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
    """2.1 P on the code, U on the words."""
    if not sent.get("key"):
        raise GraphError(400, "KeyCredentialsInvalidValue", "Key credential value is invalid.")


def refuse_a_key_id_of_the_client(sent):
    """3 P, recorded add_key_with_key_id: addKey makes the keyId itself."""
    if sent.get("keyId") is not None:
        raise bad_request("KeyId value must be null.")


def nothing_to_remove(key_id, switches):
    """3 P, recorded remove_key_absent: the answer to removeKey where no entry has this keyId."""
    words = "No credentials found to be removed."
    if switches.absent_key_is_404:
        return GraphError(404, "Request_ResourceNotFound", words)
    return bad_request(words)


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


def accept(tenant, application, sent, ends_in_one_year):
    """The entry that the directory stores for a new key credential, or the refusal."""
    refuse_another_usage(sent)
    refuse_another_type(sent)
    refuse_a_new_entry_without_key(sent)
    data, certificate = refuse_a_key_that_is_no_certificate(sent["key"])
    start, end = _dates(ends_in_one_year, sent, certificate)
    upload = Upload(tenant, _policy_for(tenant, application), sent, data, certificate, start, end)
    for rule in UPLOAD_RULES:
        rule(upload)
    return _stored(upload)


def _policy_for(tenant, application):
    """11: the application's own policy replaces the default; a rule with a date spares what is older."""
    policy = application.policy or tenant.default_policy
    spared = policy.created_after and parse_time(application.created)[0] < parse_time(policy.created_after)[0]
    return Policy() if spared else policy


def _dates(ends_in_one_year, sent, certificate):
    """1.4: without dates the certificate's start, and one year or the certificate's end."""
    start = parse_time(sent["startDateTime"])[0] if sent.get("startDateTime") else certificate.not_before
    if sent.get("endDateTime"):
        return start, parse_time(sent["endDateTime"])[0]
    if ends_in_one_year:
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
            refuse_a_change_of_an_existing_entry(stored, entry, tenant.switches)
            kept.append(stored)
        result.append(stored or accept(tenant, application, entry, tenant.switches.omitted_end_is_one_year))
    refuse_an_expired_neighbour(kept, tenant)
    refuse_too_many(result, tenant)
    refuse_a_twin(result, tenant)
    return tuple(result)


def add_one(application, sent, tenant):
    """The collection after addKey, and the entry it made."""
    refuse_what_does_not_match_the_schema([sent])
    refuse_a_key_id_of_the_client(sent)
    added = accept(tenant, application, sent, tenant.switches.add_key_ends_in_one_year)
    added = replace(added, added_by_key=tenant.clock.elapsed())
    result = (*application.key_credentials, added)
    refuse_too_many(result, tenant)
    refuse_a_twin(result, tenant)
    return result, added
