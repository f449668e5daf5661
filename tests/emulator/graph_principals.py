# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graph operations on service principals and their permissions (facts section 10)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial

from . import listing, roles, shapes, users
from .access import (
    find_application,
    find_principal,
    page,
    require_any,
    require_write_principal,
    single,
    states_of,
)
from .clock import format_time
from .errors import bad_request, denied, not_found
from .model import Assignment, ServicePrincipal
from .replicas import History, Primary


def list_service_principals(call):
    require_any(call, roles.READ_APPLICATIONS)
    states_after = partial(states_of, call.tenant.directory.service_principals, call.view)
    return call.json(page(call, states_after, "servicePrincipals", lambda one: shapes.service_principal(one, False)))


def get_service_principal(call, reference):
    require_any(call, roles.READ_APPLICATIONS)
    state = find_principal(call, reference, call.view)[1]
    return single(call, "servicePrincipals", lambda with_key: shapes.service_principal(state, with_key))


def post_service_principal(call):
    """10: 201; a second one for the same application is a conflict."""
    require_any(call, {"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
    application = find_application(call, f"appId:{call.body.get('appId')}", Primary())[1]
    directory = call.tenant.directory
    existing = directory.principal_of(application.app_id)
    if existing and existing.primary and not existing.primary.deleted:
        raise call.conflict("The service principal cannot be created, updated, or restored because the service ")
    made = ServicePrincipal(str(uuid.uuid4()), application.app_id, application.display_name)
    history = History()
    directory.add_service_principal(made, history)
    call.tenant.write(history, made)
    context = listing.context(call.root, "servicePrincipals", None, single=True)
    where = f"v2/{call.tenant.id}/directoryObjects/{made.object_id}/Microsoft.DirectoryServices.ServicePrincipal"
    call.locate(where)
    return call.json({"@odata.context": context, **shapes.service_principal(made, False)}, status=201)


def patch_service_principal(call, reference):
    """10: accountEnabled; 204."""
    history, state = find_principal(call, reference, Primary())
    require_write_principal(call, state)
    unknown = [name for name in call.body if name != "accountEnabled"]
    if unknown or not isinstance(call.body.get("accountEnabled"), bool):
        raise bad_request("Only accountEnabled can be set here.")
    call.tenant.write(history, replace(state, enabled=call.body["accountEnabled"]))
    return call.empty()


def get_app_role_assignments(call, reference):
    """10; a list, so it comes in pages (7.3 V)."""
    require_any(call, roles.READ_ASSIGNMENTS)
    state = find_principal(call, reference, call.view)[1]
    collection = f"servicePrincipals/{state.object_id}/appRoleAssignments"

    def grants_after(position):
        return enumerate(state.assignments[position:], position + 1)

    return call.json(page(call, grants_after, collection, lambda one: _grant(call, one)))


def delete_app_role_assignment(call, reference, assignment):
    """204; an unknown one is 404. V: "Delete appRoleAssignment" of the Graph reference."""
    require_any(call, roles.WRITE_ASSIGNMENTS)
    history, principal = find_principal(call, reference, Primary())
    gone = next((one for one in principal.assignments if one.id == assignment), None)
    if gone is None:
        raise not_found(assignment)
    _refuse_a_grant_beyond_the_persons_role(call, gone.resource_id)
    kept = tuple(one for one in principal.assignments if one != gone)
    call.tenant.write(history, replace(principal, assignments=kept))
    return call.empty()


def _grant(call, one):
    histories = call.tenant.directory.service_principals
    principal, resource = histories[one.principal_id].primary, histories.get(one.resource_id)
    return shapes.assignment(one, principal, resource.primary if resource else None)


def _refuse_a_grant_beyond_the_persons_role(call, resource_id):
    """10 V: permissions of Microsoft Graph itself are granted by fewer people than those of other APIs."""
    is_graph = resource_id == call.tenant.graph.object_id
    if call.user and is_graph and not call.user.has_any(users.GRANTS_GRAPH_PERMISSIONS):
        raise denied()


def post_app_role_assignment(call, reference):
    """10: 201; a repeated grant is 400; principalId equals the id in the path unless posted at the resource."""
    require_any(call, roles.WRITE_ASSIGNMENTS)
    require_any(call, {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"})
    named = {name: str(call.body.get(name)) for name in ("principalId", "resourceId", "appRoleId")}
    history, principal = find_principal(call, named["principalId"], Primary())
    resource = find_principal(call, named["resourceId"], Primary())[1]
    _refuse_a_grant_beyond_the_persons_role(call, resource.object_id)
    if resource.role_value(named["appRoleId"]) is None:
        raise bad_request("Permission being assigned was not found on application")
    if any(
        (one.resource_id, one.app_role_id) == (resource.object_id, named["appRoleId"]) for one in principal.assignments
    ):
        raise bad_request("Permission being assigned already exists on the object")
    created = format_time(call.tenant.clock.now())
    made = Assignment(str(uuid.uuid4()), principal.object_id, resource.object_id, named["appRoleId"], created)
    call.tenant.write(history, replace(principal, assignments=(*principal.assignments, made)))
    context = f"{call.root}/$metadata#appRoleAssignments/$entity"
    return call.json({"@odata.context": context, **_grant(call, made)}, status=201)
