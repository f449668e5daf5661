# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graph operations on applications (facts sections 2, 7.3 and 12)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial

from . import listing, roles, rules_keys, shapes
from .access import find_application, page, require_any, require_read, require_write, single, states_of
from .clock import format_time
from .errors import bad_request, not_found
from .model import Application
from .replicas import History, Primary


def list_applications(call):
    require_read(call)
    states_after = partial(states_of, call.tenant.directory.applications, call.view)
    with_key = call.tenant.switches.list_returns_key and "keyCredentials" in (listing.selected(call.query) or ())
    return call.json(page(call, states_after, "applications", lambda state: shapes.application(state, with_key)))


def post_application(call):
    """12 V, recorded create_application: 201, the moment with seven decimals, an address that is not to be asked."""
    require_any(call, {"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
    body = {name: value for name, value in call.body.items() if "@" not in name}
    if not isinstance(body.get("displayName"), str):
        raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
    sent, now = body.pop("keyCredentials", []), call.tenant.clock.now()
    made = Application(str(uuid.uuid4()), str(uuid.uuid4()), body["displayName"], format_time(now))
    chosen = {"sign_in_audience": "AzureADandPersonalMicrosoftAccount", **_plain_changes(body)}  # recorded
    made = replace(made, publisher_domain=call.tenant.domain, owners=(call.claims["oid"],), **chosen)
    made = made.with_keys(rules_keys.replace_all(made, sent, call.tenant))
    history = History()
    call.tenant.directory.add_application(made, history)
    call.tenant.write(history, made)
    call.locate(f"v2/{call.tenant.id}/directoryObjects/{made.object_id}/Microsoft.DirectoryServices.Application")
    context = listing.context(call.root, "applications", None, single=True)
    shown = {**_shown(made), "createdDateTime": f"{now:%Y-%m-%dT%H:%M:%S.%f}7Z"}
    return call.json({"@odata.context": context, **shown}, status=201)


def count_applications(call):
    """7.3 V: text/plain, and only with the header."""
    require_read(call)
    if call.headers.get("ConsistencyLevel", "").lower() != "eventual":
        raise bad_request("$count is not currently supported.")
    return call.text(str(sum(1 for _state in states_of(call.tenant.directory.applications, call.view))))


def get_application(call, reference):
    require_any(call, roles.READ_APPLICATIONS)
    state = find_application(call, reference, call.view)[1]
    require_read(call, state)
    return single(call, "applications", lambda with_key: shapes.application(state, with_key))


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


def list_deleted_applications(call):
    """12."""
    require_read(call)
    states = (call.view.of(history) for history in call.tenant.directory.applications.values())
    value = [_shown(state) for state in states if state and state.deleted]
    return call.json({"@odata.context": f"{call.root}/$metadata#applications", "value": value})


def restore_application(call, reference):
    """12: 200 with the object."""
    history = call.tenant.directory.applications.get(reference.lower())
    if history is None or not history.primary.deleted:
        raise not_found(reference)
    require_write(call, history.primary)
    call.tenant.restore(history.primary)
    context = listing.context(call.root, "applications", None, single=True)
    return call.json({"@odata.context": context, **_shown(history.primary)})


def _shown(state):
    return listing.project(shapes.application(state, False), None, "applications")
