# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Graph: one function for each operation (facts sections 2, 3, 7, 10 to 13)."""

from __future__ import annotations

import uuid
from dataclasses import replace

from . import listing, roles, rules_keys, rules_proof, shapes
from .clock import format_time
from .errors import bad_request, denied, not_found
from .model import Assignment, ServicePrincipal
from .replicas import History, Primary


def _states(call, histories, view):
    """What a replica shows of a collection, without what is deleted."""
    states = (view.of(history) for history in histories.values())
    return [state for state in states if state and not state.deleted]


def _find(histories, by_app_id, reference, view):
    """An object by id, or by appId: in the form that the router makes of (appId='…'). An appId as id is 404 (7.3 V)."""
    if reference.startswith("appId:"):
        history = by_app_id(reference.removeprefix("appId:"))
    else:
        history = histories.get(reference.lower())
    state = view.of(history) if history else None
    if state is None or state.deleted:
        raise not_found(reference.removeprefix("appId:"))
    return history, state


def find_application(call, reference, view):
    directory = call.tenant.directory
    return _find(directory.applications, directory.by_app_id, reference, view)


def find_principal(call, reference, view):
    directory = call.tenant.directory
    return _find(directory.service_principals, directory.principal_of, reference, view)


# Permissions (section 10)


def require_any(call, needed):
    """403 unless the token has one of these roles."""
    if not needed & call.roles:
        raise denied()


def require_write(call, application):
    """403 unless the caller may write every application, or owns this one."""
    owns = call.claims["oid"] in application.owners
    if "Application.ReadWrite.All" in call.roles or ("Application.ReadWrite.OwnedBy" in call.roles and owns):
        return
    raise denied()


def require_read(call, application=None):
    """403 unless the caller may read applications; whether OwnedBy reads all of them is a switch (10 U)."""
    require_any(call, roles.READ_APPLICATIONS)
    others = call.roles & (roles.READ_APPLICATIONS - {"Application.ReadWrite.OwnedBy"})
    if application and not others and not call.tenant.switches.owned_by_reads_all:
        require_write(call, application)


# Applications


def list_applications(call):
    require_read(call)
    states = _states(call, call.tenant.directory.applications, call.view)
    with_key = call.tenant.switches.list_returns_key and "keyCredentials" in (listing.selected(call.query) or ())
    return call.json(_page(call, states, "applications", lambda state: shapes.application(state, with_key)))


def count_applications(call):
    """7.3 V: text/plain, and only with the header."""
    require_read(call)
    if call.headers.get("ConsistencyLevel", "").lower() != "eventual":
        raise bad_request("$count is not currently supported.")
    return call.text(str(len(_states(call, call.tenant.directory.applications, call.view))))


def _page(call, states, collection, shape):
    return listing.page(states, call.query, call.headers, call.root, collection, shape)


def get_application(call, reference):
    require_any(call, roles.READ_APPLICATIONS)
    state = find_application(call, reference, call.view)[1]
    require_read(call, state)
    return _single(call, "applications", lambda with_key: shapes.application(state, with_key))


def _single(call, collection, shape):
    """One object; `key` only when keyCredentials is selected (1.2 V)."""
    listing.refuse_unknown_options(call.query, frozenset({"$select", "$expand"}))
    names = listing.selected(call.query)
    body = listing.project(shape("keyCredentials" in (names or ())), names)
    return call.json({"@odata.context": listing.context(call.root, collection, names, single=True), **body})


def get_key_credentials(call, reference):
    """1.2 V: the property alone, `key` null."""
    require_any(call, roles.READ_APPLICATIONS)
    state = find_application(call, reference, call.view)[1]
    context = f"{call.root}/$metadata#applications('{state.object_id}')/keyCredentials"
    return call.json({"@odata.context": context, "value": [one.to_json(False) for one in state.key_credentials]})


def patch_application(call, reference):
    """2 V: 204; keyCredentials replaces the collection, passwordCredentials cannot be set."""
    require_any(call, {"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
    history, state = find_application(call, reference, Primary())
    require_write(call, state)
    body = {name: value for name, value in call.body.items() if "@" not in name}
    if "passwordCredentials" in body:
        raise bad_request("Updates to passwordCredentials property is not allowed. Please use addPassword.")
    changes = {}
    if "keyCredentials" in body:
        changes["key_credentials"] = rules_keys.replace_all(state, body.pop("keyCredentials"), call.tenant)
    changes.update(_plain_changes(body))
    call.tenant.write(history, replace(state, **changes))
    return call.empty()


def _plain_changes(body):
    unknown = [name for name in body if name not in shapes.APPLICATION_PATCHABLE]
    if unknown:
        raise bad_request(f"Property '{unknown[0]}' is read-only and cannot be set.")
    return {
        shapes.APPLICATION_PATCHABLE[name]: tuple(value) if isinstance(value, list) else value
        for name, value in body.items()
    }


def delete_application(call, reference):
    """12 V: a soft delete."""
    state = find_application(call, reference, Primary())[1]
    require_write(call, state)
    call.tenant.soft_delete(state)
    return call.empty()


def _require_proof(call, reference):
    """3: its own application needs no permission, any other one does; always app-only, always with a proof."""
    history, state = find_application(call, reference, Primary())
    if call.app_id != state.app_id:
        require_write(call, state)
    return history, state, rules_proof.check(call.tenant, state, call.body.get("proof"))


def add_key(call, reference):
    """3: 200 with the new key credential."""
    history, state, _signer = _require_proof(call, reference)
    credentials, added = rules_keys.add_one(state, call.body.get("keyCredential"), call.tenant)
    call.tenant.write(history, state.with_keys(credentials))
    context = f"{call.root}/$metadata#microsoft.graph.keyCredential"
    return call.json({"@odata.context": context, **added.to_json(with_key=False)})


def remove_key(call, reference):
    """3: 204."""
    history, state, signer = _require_proof(call, reference)
    entry = state.key(call.body.get("keyId"))
    if entry is None:
        raise not_found(call.body.get("keyId"))
    rules_proof.refuse_removal_of_the_signing_key(signer, entry.key_id, call.tenant.switches)
    rules_proof.refuse_removal_of_the_last_key(state, call.tenant.switches)
    call.tenant.write(history, state.with_keys(one for one in state.key_credentials if one is not entry))
    return call.empty()


# Service principals and grants (section 10)


def list_service_principals(call):
    require_any(call, roles.READ_APPLICATIONS)
    states = _states(call, call.tenant.directory.service_principals, call.view)
    return call.json(_page(call, states, "servicePrincipals", lambda one: shapes.service_principal(one, False)))


def get_service_principal(call, reference):
    require_any(call, roles.READ_APPLICATIONS)
    state = find_principal(call, reference, call.view)[1]
    return _single(call, "servicePrincipals", lambda with_key: shapes.service_principal(state, with_key))


def post_service_principal(call):
    """10: 201; a second one for the same application is a conflict."""
    require_any(call, {"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
    application = find_application(call, f"appId:{call.body.get('appId')}", Primary())[1]
    directory = call.tenant.directory
    existing = directory.principal_of(application.app_id)
    if existing and existing.primary and not existing.primary.deleted:
        raise call.conflict("The service principal cannot be created, updated, or restored because the service ")
    sequence = call.tenant.next_sequence()
    made = ServicePrincipal(str(uuid.uuid4()), application.app_id, application.display_name, sequence)
    history = History()
    directory.add_service_principal(made, history)
    call.tenant.write(history, made)
    context = listing.context(call.root, "servicePrincipals", None, single=True)
    return call.json({"@odata.context": context, **shapes.service_principal(made, False)}, status=201)


def patch_service_principal(call, reference):
    """10: accountEnabled; 204."""
    require_any(call, {"Application.ReadWrite.All"})
    history, state = find_principal(call, reference, Primary())
    unknown = [name for name in call.body if name != "accountEnabled"]
    if unknown or not isinstance(call.body.get("accountEnabled"), bool):
        raise bad_request("Only accountEnabled can be set here.")
    call.tenant.write(history, replace(state, enabled=call.body["accountEnabled"]))
    return call.empty()


def get_app_role_assignments(call, reference):
    require_any(call, roles.READ_ASSIGNMENTS)
    state = find_principal(call, reference, call.view)[1]
    context = f"{call.root}/$metadata#servicePrincipals('{state.object_id}')/appRoleAssignments"
    return call.json({"@odata.context": context, "value": [_grant(call, one) for one in state.assignments]})


def _grant(call, one):
    histories = call.tenant.directory.service_principals
    principal, resource = histories[one.principal_id].primary, histories.get(one.resource_id)
    return shapes.assignment(one, principal, resource.primary if resource else None)


def post_app_role_assignment(call, reference):
    """10: 201; a repeated grant is 400; principalId equals the id in the path unless posted at the resource."""
    require_any(call, {"AppRoleAssignment.ReadWrite.All"})
    require_any(call, {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"})
    named = {name: str(call.body.get(name)) for name in ("principalId", "resourceId", "appRoleId")}
    history, principal = find_principal(call, named["principalId"], Primary())
    resource = find_principal(call, named["resourceId"], Primary())[1]
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


# The rest


def get_organization(call):
    require_any(call, roles.READ_ORGANIZATION)
    shape = listing.project(shapes.organization(call.tenant), listing.selected(call.query))
    return call.json({"@odata.context": f"{call.root}/$metadata#organization", "value": [shape]})


def get_default_policy(call):
    require_any(call, roles.READ_POLICIES)
    context = f"{call.root}/$metadata#policies/defaultAppManagementPolicy/$entity"
    return call.json({"@odata.context": context, **shapes.default_policy(call.tenant.default_policy)})


def get_application_policies(call, reference):
    require_any(call, roles.READ_POLICIES)
    state = find_application(call, reference, call.view)[1]
    value = [shapes.application_policy(state.policy)] if state.policy else []
    return call.json({"@odata.context": f"{call.root}/$metadata#appManagementPolicies", "value": value})


def list_deleted_applications(call):
    """12."""
    require_read(call)
    states = (call.view.of(history) for history in call.tenant.directory.applications.values())
    value = [shapes.application(state, False) for state in states if state and state.deleted]
    return call.json({"@odata.context": f"{call.root}/$metadata#applications", "value": value})


def restore_application(call, reference):
    """12: 200 with the object."""
    history = call.tenant.directory.applications.get(reference.lower())
    if history is None or not history.primary.deleted:
        raise not_found(reference)
    require_write(call, history.primary)
    call.tenant.restore(history.primary)
    context = listing.context(call.root, "applications", None, single=True)
    return call.json({"@odata.context": context, **shapes.application(history.primary, False)})
