# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service principals in Graph and the application permissions that they hold. Graph's field names end here.

Objects are read without $select: isDisabled is new, and a cloud that does not know it yet would refuse to select it.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from .._core.access import GRAPH_APP_ID, GRAPH_WORD, Assignment, Principal, Registration, Requested, Resource
from .._core.diagnosis import explain
from .._core.errors import GraphRefused, InvalidInput, UntrustedAnswer
from .applications import kind_of
from .graph import GraphClient, Json

_RESOURCE_FIELDS = "id,appId,displayName,appRoles"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(r"[0-9A-Za-z_-]{1,200}")
# More are not told apart by a list of their IDs either.
_MOST_NAMESAKES = 50


def read_registration(graph: GraphClient, object_id: str) -> Registration:
    """What an application asks for, and whether something keeps it from signing in."""
    body = graph.get(f"/applications/{object_id}")
    requested = body.get("requiredResourceAccess")
    return Registration(
        object_id=_id_in(body, "id"),
        app_id=_id_in(body, "appId"),
        display_name=_text(body.get("displayName")) or "",
        requested=tuple(_requested(requested)) if isinstance(requested, list) else (),
        is_disabled=body.get("isDisabled") is True,
        disabled_by_microsoft=_text(body.get("disabledByMicrosoftStatus")),
        kind=kind_of(body),
    )


def find_principal(graph: GraphClient, app_id: str, new_connection: bool = False) -> Principal | None:
    """The service principal of an application in this tenant, or None."""
    body = _get_or_none(graph, f"/servicePrincipals(appId='{app_id}')", new_connection)
    if body is None:
        return None
    if str(body.get("appId")).lower() != app_id.lower() or not isinstance(body.get("accountEnabled"), bool):
        raise _untrusted(f"Graph was asked for the service principal of {app_id} and answered something else.")
    return Principal(
        object_id=_id_in(body, "id"),
        enabled=body["accountEnabled"],
        is_disabled=body.get("isDisabled") is True,
        disabled_by_microsoft=_text(body.get("disabledByMicrosoftStatus")),
    )


def list_assignments(graph: GraphClient, principal_id: str) -> tuple[Assignment, ...]:
    """Every application permission that a service principal holds, over all pages."""
    pages = graph.pages(f"/servicePrincipals/{principal_id}/appRoleAssignments")
    return tuple(
        Assignment(
            assignment_id=_id_in(item, "id"),
            resource_id=_id_in(item, "resourceId"),
            role_id=_id_in(item, "appRoleId"),
            resource_name=_text(item.get("resourceDisplayName")) or "",
        )
        for page in pages
        for item in page
    )


def find_resource(graph: GraphClient, name: str) -> Resource | None:
    """An API by its app ID, by the word for Microsoft Graph, or by display name; None when it is not here.

    Raises InvalidInput when several have the display name.
    """
    app_id = GRAPH_APP_ID if name == GRAPH_WORD else name if _GUID.fullmatch(name) else None
    if app_id:
        body = _get_or_none(graph, f"/servicePrincipals(appId='{app_id}')?$select={_RESOURCE_FIELDS}")
        return _resource(body) if body else None
    quoted = urllib.parse.quote("displayName eq '{}'".format(name.replace("'", "''")))
    pages = graph.pages(f"/servicePrincipals?$select={_RESOURCE_FIELDS}&$filter={quoted}")
    found = [_resource(item) for page in pages for item in page][:_MOST_NAMESAKES]
    if len(found) > 1:
        ids = ", ".join(sorted(one.app_id for one in found))
        raise InvalidInput([f"permissions: {len(found)} resources are named '{name}'. Give one by app ID: {ids}."])
    return found[0] if found else None


def find_deleted_application(graph: GraphClient, app_id: str | None, object_id: str | None) -> tuple[str, str] | None:
    """The object ID of a deleted application that can still be restored and when it was deleted, or None."""
    wanted = {one.lower() for one in (app_id, object_id) if one}
    for page in graph.pages("/directory/deletedItems/microsoft.graph.application"):
        for item in page:
            if wanted & {str(item.get("id")).lower(), str(item.get("appId")).lower()}:
                return _id_in(item, "id"), _text(item.get("deletedDateTime")) or "an unknown day"
    return None


def create_principal(graph: GraphClient, app_id: str) -> None:
    graph.write("POST", "/servicePrincipals", {"appId": app_id})


def enable_principal(graph: GraphClient, principal_id: str, enabled: bool) -> None:
    graph.write("PATCH", f"/servicePrincipals/{principal_id}", {"accountEnabled": enabled})


def grant_role(graph: GraphClient, principal_id: str, resource_id: str, role_id: str) -> None:
    body = {"principalId": principal_id, "resourceId": resource_id, "appRoleId": role_id}
    graph.write("POST", f"/servicePrincipals/{principal_id}/appRoleAssignments", body)


def revoke_role(graph: GraphClient, principal_id: str, assignment_id: str) -> None:
    graph.delete(f"/servicePrincipals/{principal_id}/appRoleAssignments/{assignment_id}")


def _requested(resources: list[t.Any]) -> t.Iterator[Requested]:
    for resource in resources:
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceAccess"), list):
            continue
        for entry in resource["resourceAccess"]:
            if isinstance(entry, dict):
                yield Requested(_id_in(resource, "resourceAppId"), _id_in(entry, "id"), str(entry.get("type")))


def _resource(body: Json) -> Resource:
    """Only roles that applications can hold and that are switched on can be granted."""
    listed = body.get("appRoles")
    offered = [role for role in listed if isinstance(role, dict)] if isinstance(listed, list) else []
    roles = {str(role["value"]): _id_in(role, "id") for role in offered if role.get("value") and _is_for_us(role)}
    app_id = _id_in(body, "appId")
    return Resource(_id_in(body, "id"), app_id, _text(body.get("displayName")) or app_id, roles)


def _is_for_us(role: Json) -> bool:
    holders = role.get("allowedMemberTypes")
    return role.get("isEnabled") is not False and (not isinstance(holders, list) or "Application" in holders)


def _get_or_none(graph: GraphClient, path: str, new_connection: bool = False) -> Json | None:
    try:
        return graph.get(path, new_connection)
    except GraphRefused as refusal:
        if refusal.status != 404:
            raise
        return None


def _id_in(body: Json, name: str) -> str:
    """IDs become part of the address of a write, so nothing else may stand in them."""
    value = body.get(name)
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise _untrusted(f"Graph answered an object without a usable {name} while service principals were read.")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _untrusted(message: str) -> UntrustedAnswer:
    return UntrustedAnswer(message, explain("unknown", "", {"message": message}))
