# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications in Graph: find, list, and change their key credentials. Graph's field names end here."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import re
import typing as t
import urllib.parse
from dataclasses import dataclass

from .._core.diagnosis import explain
from .._core.errors import ApplicationNotFound, GraphRefused, UntrustedAnswer
from .._core.model import APPLICATION, BLUEPRINT, Application, Certificate, KeyCredential
from .._core.times import format_iso, parse_iso_or_none
from .assertion import Signer, proof_of_possession
from .clock import ServiceClock
from .graph import GraphClient, Json

FIELDS = "id,appId,displayName,createdDateTime,keyCredentials,tokenEncryptionKeyId"
PAGE_SIZE = 999
# Derived from application, so it is listed with them; Graph names the type of what is derived.
BLUEPRINT_TYPE = "#microsoft.graph.agentIdentityBlueprint"
# More are not told apart by a list of their IDs either.
_MOST_NAMESAKES = 50
_ID = re.compile(r"[0-9A-Za-z-]{1,100}")

# Turns the DER in a `key` into a Certificate; raises ValueError on garbage. Handed in, as `_keys` is another layer.
ParseCertificate = t.Callable[[bytes], Certificate]


def find_application(
    graph: GraphClient,
    parse: ParseCertificate,
    *,
    app_id: str | None = None,
    object_id: str | None = None,
    display_name: str | None = None,
    new_connection: bool = False,
) -> Application:
    """The one application that the selector names. Raises ApplicationNotFound, GraphRefused, NetworkFailure."""
    if object_id is None and app_id is None:
        object_id = _find_by_display_name(graph, display_name or "")
    key = f"/{object_id}" if object_id else f"(appId='{app_id}')"
    try:
        body = graph.get(f"/applications{key}?$select={FIELDS}", new_connection)
    except GraphRefused as refusal:
        if refusal.status == 404:
            named = f"object ID {object_id}" if object_id else f"app ID {app_id}"
            raise ApplicationNotFound(
                f"No application with {named} exists in this tenant. Check the ID (app_id is the application's public "
                "ID, object_id that of its directory object), tenant_id and cloud.",
                refusal.diagnosis,
            ) from refusal
        raise
    found = parse_application(body, parse)
    _refuse_another(found, app_id, object_id)
    return found


def _refuse_another(found: Application, app_id: str | None, object_id: str | None) -> None:
    """A write built on an answer about something else would destroy what it should keep."""
    asked = object_id or app_id or ""
    if asked.lower() != (found.object_id if object_id else found.app_id).lower():
        raise _untrusted(f"Graph was asked for application {asked} and answered another object.")


def list_passwords(graph: GraphClient, app_id: str) -> list[tuple[str | None, dt.datetime | None]]:
    """Of each client secret of an application its first characters, as far as Graph tells them, and its end."""
    if not is_id(app_id):
        return []
    body = graph.glance(f"/applications(appId='{app_id}')?$select=appId,passwordCredentials")
    found = body.get("passwordCredentials")
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [(_text(entry.get("hint")), parse_iso_or_none(entry.get("endDateTime"))) for entry in entries]


def list_applications(graph: GraphClient, parse: ParseCertificate, odata_filter: str | None) -> t.Iterator[Application]:
    """Every application, or those that match an OData filter, page by page."""
    query = f"?$select={FIELDS}&$top={PAGE_SIZE}"
    if odata_filter:
        query += f"&$filter={urllib.parse.quote(odata_filter)}"
    for page in graph.pages(f"/applications{query}"):
        for item in page:
            yield parse_application(item, parse)


def as_listed(application: Application) -> Json:
    """The object as a listing answers it, for a cache: `parse_application` reads it. It holds no certificate."""
    entries = [{name: value for name, value in one.raw.items() if name != "key"} for one in application.key_credentials]
    return {
        "id": application.object_id,
        "appId": application.app_id,
        "displayName": application.display_name,
        "createdDateTime": application.created_text,
        "keyCredentials": entries,
        "tokenEncryptionKeyId": application.token_encryption_key_id,
        "@odata.type": BLUEPRINT_TYPE if application.kind == BLUEPRINT else None,
    }


@dataclass(frozen=True)
class OwnAddress:
    """Where an application rolls its own keys, and whom its proof names as issuer: the ID that the address has."""

    path: str
    issuer: str


def own_address(object_id: str, app_id: str) -> OwnAddress:
    """By object ID, as Microsoft's page has it; where only the app ID is known, by that, which is taken too."""
    if object_id:
        return OwnAddress(f"/applications/{object_id}", object_id)
    return OwnAddress(f"/applications(appId='{app_id}')", app_id)


def add_key(
    graph: GraphClient, own: OwnAddress, certificate: Certificate, signer: Signer, audience: str, clock: ServiceClock
) -> str | None:
    """Add a certificate with the application's own token and a proof by its current key; the new key ID."""
    proof = proof_of_possession(signer, own.issuer, audience, clock.service_time())
    body = {
        "keyCredential": {"type": "AsymmetricX509Cert", "usage": "Verify", "key": certificate.base64_der},
        "passwordCredential": None,
        "proof": proof,
    }
    key_id = graph.write("POST", f"{own.path}/addKey", body).get("keyId")
    return key_id if isinstance(key_id, str) else None


def remove_key(
    graph: GraphClient, own: OwnAddress, key_id: str, signer: Signer, audience: str, clock: ServiceClock
) -> None:
    """Remove a credential by its key ID with the application's own token and a proof by its current key."""
    proof = proof_of_possession(signer, own.issuer, audience, clock.service_time())
    graph.write("POST", f"{own.path}/removeKey", {"keyId": key_id, "proof": proof})


def update_key_credentials(graph: GraphClient, object_id: str, entries: t.Sequence[Json]) -> None:
    """Replace the whole collection: whatever is not in `entries` is deleted by the service."""
    graph.write("PATCH", f"/applications/{object_id}", {"keyCredentials": list(entries)})


def existing_entry(credential: KeyCredential) -> Json:
    """An entry sent back as it was read, with a null key: the service then keeps its bytes."""
    return {**credential.raw, "key": None}


def new_entry(certificate: Certificate, display_name: str) -> Json:
    """An entry to add. Dates are the certificate's own; the service computes the identifier and the key ID."""
    return {
        "displayName": display_name[:90],
        "startDateTime": format_iso(certificate.not_before),
        "endDateTime": format_iso(certificate.not_after),
        "key": certificate.base64_der,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def parse_application(body: Json, parse: ParseCertificate) -> Application:
    """Graph's object in our words. Foreign entries may hold anything, so nothing in them is relied on.

    Raises UntrustedAnswer when there is no list of credentials: taken for an empty one it would report what is not so,
    and a PATCH built on it would delete every credential.
    """
    entries, object_id, app_id = body.get("keyCredentials"), str(body.get("id")), str(body.get("appId"))
    if not (is_id(body.get("id")) and is_id(body.get("appId"))):
        raise _untrusted("Graph answered an object without id and appId where an application was asked for.")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry.get("keyId") for entry in entries):
        raise _untrusted(f"Graph answered application {app_id} without a list of its key credentials.")
    return Application(
        object_id=object_id,
        app_id=app_id,
        display_name=_text(body.get("displayName")) or "",
        key_credentials=tuple(parse_credential(entry, parse) for entry in entries),
        token_encryption_key_id=_text(body.get("tokenEncryptionKeyId")),
        created_text=_text(body.get("createdDateTime")),
        kind=kind_of(body),
    )


def kind_of(body: Json) -> str:
    """Whether it is an application in our sense, or what Graph derives from one."""
    return BLUEPRINT if body.get("@odata.type") == BLUEPRINT_TYPE else APPLICATION


def is_id(value: object) -> bool:
    """IDs become part of the address of a write, so nothing else may stand in them."""
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _untrusted(message: str) -> UntrustedAnswer:
    return UntrustedAnswer(message, explain("unknown", "", {"message": message}))


def parse_credential(entry: Json, parse: ParseCertificate) -> KeyCredential:
    """One entry in our words, whoever made it."""
    return KeyCredential(
        key_id=str(entry.get("keyId") or ""),
        display_name=_text(entry.get("displayName")),
        identifier=_text(entry.get("customKeyIdentifier")),
        not_before=parse_iso_or_none(entry.get("startDateTime")),
        not_after=parse_iso_or_none(entry.get("endDateTime")),
        type=_text(entry.get("type")),
        usage=_text(entry.get("usage")),
        certificate=_parse_key(entry.get("key"), parse),
        raw=entry,
    )


def _parse_key(key: object, parse: ParseCertificate) -> Certificate | None:
    """The certificate in `key`: usually absent on lists, and possibly garbage on entries of others."""
    if not isinstance(key, str) or not key:
        return None
    try:
        return parse(base64.b64decode(key))
    except ValueError:
        return None


def _find_by_display_name(graph: GraphClient, display_name: str) -> str:
    quoted = urllib.parse.quote("displayName eq '{}'".format(display_name.replace("'", "''")))
    items = (item for page in graph.pages(f"/applications?$select=id,appId&$filter={quoted}") for item in page)
    found = [(item.get("id"), item.get("appId")) for item in itertools.islice(items, _MOST_NAMESAKES)]
    if not all(is_id(object_id) and is_id(app_id) for object_id, app_id in found):
        raise _untrusted("Graph answered objects without id and appId where applications were asked for.")
    if len(found) == 1:
        return str(found[0][0])
    if not found:
        raise ApplicationNotFound(f"No application with display name '{display_name}' exists in this tenant.")
    ids = ", ".join(sorted(str(app_id) for _object_id, app_id in found))
    many = f"{len(found)} or more" if len(found) == _MOST_NAMESAKES else str(len(found))
    raise ApplicationNotFound(
        f"{many} applications have the display name '{display_name}': app IDs {ids}. Select one by app_id."
    )
