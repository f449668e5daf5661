# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from what an application may do to what it is wanted to, as plain values."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.access import (
    GRAPH_APP_ID,
    AccessSnapshot,
    AccessStep,
    Permission,
    Principal,
    Registration,
    Requested,
    Resource,
    Wish,
    named_resources,
    plan_access,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput

PRINCIPAL = Principal("principal")
GRAPH = Resource("graph", GRAPH_APP_ID, "Microsoft Graph", {"User.Read.All": "r1", "Mail.Send": "r2"})


def registration(*requested, **facts):
    return Registration("object", "app", "Payroll", requested, **facts)


def planned(wish, principal=PRINCIPAL, **facts):
    """The names of the steps for an application without permissions."""
    snapshot = AccessSnapshot(registration(**facts), principal, (), {"microsoft_graph": GRAPH})
    return [step.name for step in plan_access(snapshot, wish).steps]


def permission(app_id):
    return Permission("resource", app_id, "Some API", "Read", "role")


@pytest.mark.parametrize(
    ("step", "need"),
    [
        (AccessStep("grant", "", permission(GRAPH_APP_ID)), "consent_microsoft_graph"),
        (AccessStep("revoke", "", permission("other")), "consent_other"),
        (AccessStep("create_service_principal", ""), "create_service_principal"),
        (AccessStep("enable_service_principal", ""), "enable_service_principal"),
        (AccessStep("disable_service_principal", ""), "enable_service_principal"),
    ],
)
def test_each_step_falls_under_a_row_of_the_privileges(step, need):
    assert step.need == need


def test_what_is_as_wanted_needs_no_step():
    assert planned(Wish()) == []


@pytest.mark.parametrize(
    ("wish", "principal", "names"),
    [
        (Wish(), None, ["create_service_principal"]),
        (Wish(enabled=False), None, ["create_service_principal", "disable_service_principal"]),
        (Wish(enabled=None), None, ["create_service_principal"]),
        (Wish(present=False), None, []),
        (Wish(present=False, enabled=False), None, []),
        (Wish(enabled=False), PRINCIPAL, ["disable_service_principal"]),
        (Wish(), Principal("principal", enabled=False), ["enable_service_principal"]),
        (Wish(enabled=None), Principal("principal", enabled=False), []),
    ],
)
def test_a_service_principal_is_made_and_switched_only_as_wanted(wish, principal, names):
    assert planned(wish, principal) == names


def test_only_application_permissions_are_looked_up_each_resource_once():
    asked = registration(Requested("a", "1", "Role"), Requested("b", "2", "Scope"), Requested("a", "3", "Role"))

    assert named_resources(Wish(), asked) == ["a"]
    assert named_resources(Wish((("microsoft_graph", ()), ("microsoft_graph", ()))), asked) == ["microsoft_graph"]


@pytest.mark.parametrize(
    ("role", "hint"), [("User.Read.Al", " Close to it: User.Read.All."), ("Zzz", "")], ids=["near", "far"]
)
def test_a_permission_that_does_not_exist_is_named_with_those_that_are_close(role, hint):
    with pytest.raises(InvalidInput) as raised:
        planned(Wish((("microsoft_graph", (role,)),)))

    assert raised.value.message.endswith(f"Microsoft Graph has no application permission '{role}'.{hint}")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, []),
        ({"disabled_by_microsoft": "NotDisabled"}, []),
        ({"disabled_by_microsoft": "DisabledDueToViolationOfServicesAgreement"}, ["disabled by Microsoft"]),
        ({"is_disabled": True}, ["deactivated"]),
    ],
)
def test_what_is_not_for_us_to_undo_is_told(facts, words):
    snapshot = AccessSnapshot(registration(**facts), PRINCIPAL, (), {})

    blocked = plan_access(snapshot, Wish(())).blocked

    assert len(blocked) == len(words)
    assert all(word in sentence for word, sentence in zip(words, blocked))
