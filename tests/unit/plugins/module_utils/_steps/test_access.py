# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access repaired: created, enabled, granted, withdrawn; and nothing reported that the directory does not show."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
    EvercertError,
    GraphRefused,
    InvalidInput,
    NetworkFailure,
    NotPermitted,
    NotProven,
)
from ansible_collections.evercert.entra.plugins.module_utils._entra import tokens
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed, World
from emulator.model import GRAPH_APP_ID

NOBODY = "00000000-0000-0000-0000-000000000000"
READ, USERS = "Organization.Read.All", "User.Read.All"
WRITES = {
    "post_service_principal",
    "patch_service_principal",
    "post_app_role_assignment",
    "delete_app_role_assignment",
}


@pytest.fixture
def world(tmp_path):
    """Payroll asks for two permissions, has none, and its service principal is disabled."""
    world = World(tmp_path)
    asked = world.tenant.requested([READ, USERS])
    world.tenant.change(world.payroll, required_resource_access=asked)
    world.tenant.enable(world.payroll, False)
    return world


def held(world):
    principal = world.tenant.service_principal(world.payroll)
    return sorted(world.tenant.graph.role_value(one.app_role_id) for one in principal.assignments)


def state(world):
    principal = world.tenant.service_principal(world.payroll)
    return principal is not None and not principal.deleted and principal.enabled, held(world)


def writes(result):
    return [name for name in result.operations if name in WRITES]


def graph(*roles):
    return [{"resource": "microsoft_graph", "roles": list(roles)}]


def roles_of(permissions):
    return [one["role"] for one in permissions]


def test_what_the_registration_asks_for_is_granted_once_and_a_check_foretells_it(world):
    planned = world.access(check=True)
    assert state(world) == (False, [])

    done, again = world.access(), world.access()

    assert state(world) == (True, [READ, USERS])
    assert planned.steps == done.steps == ["enable_service_principal", "grant", "grant"]
    assert (planned.changed, done.changed, again.changed) == (True, True, False)
    assert planned.diff == done.diff
    assert roles_of(planned.missing) == roles_of(done.missing) == roles_of(done.granted) == [READ, USERS]
    assert (planned.granted, writes(planned), writes(again)) == ([], [], [])
    assert again.diff["before"] == again.diff["after"] == done.diff["after"]


def test_a_missing_service_principal_is_created_first(world):
    world.tenant.change_service_principal(world.payroll, deleted="2026-01-01T00:00:00Z")

    planned, done = world.access(check=True), world.access()

    assert planned.steps == done.steps == ["create_service_principal", "grant", "grant"]
    assert planned.service_principal_id == "(generated)"
    assert done.service_principal_id == world.tenant.service_principal(world.payroll).object_id
    assert state(world) == (True, [READ, USERS])
    assert planned.diff == done.diff
    assert done.diff["before"]["service_principal"] is None


def test_permissions_are_withdrawn_by_name_and_others_stay(world):
    world.tenant.grant(world.payroll, READ, USERS)
    options = {"permissions": graph(USERS), "state": "absent"}

    planned, done, again = world.access(check=True, **options), world.access(**options), world.access(**options)

    assert (planned.steps, done.steps, again.steps) == (["revoke"], ["revoke"], [])
    assert state(world) == (False, [READ])  # withdrawing enables nothing
    assert roles_of(done.revoked) == [USERS]
    assert planned.diff == done.diff


def test_only_the_service_principal_is_looked_after_when_no_permission_is_wanted(world):
    assert world.access(permissions=[]).steps == ["enable_service_principal"]
    assert world.access(permissions=[], enabled=False).steps == ["disable_service_principal"]
    assert state(world) == (False, [])


def test_a_resource_is_found_by_word_app_id_and_display_name(world):
    payslips = world.tenant.add_resource("Pay 'n' slips", ["Slips.Read.All"])
    for name in (payslips.app_id, payslips.display_name):
        granted = world.access(check=True, permissions=[{"resource": name, "roles": ["Slips.Read.All"]}])
        assert granted.missing[0]["resource_app_id"] == payslips.app_id
    by_id = world.access(check=True, permissions=[{"resource": GRAPH_APP_ID, "roles": [READ]}])
    assert by_id.missing == world.access(check=True, permissions=graph(READ)).missing


def test_every_unknown_name_is_said_at_once_before_anything_changes(world):
    wanted = [*graph("User.Read.Al", READ), {"resource": "nothing here", "roles": ["X"]}]

    with pytest.raises(InvalidInput) as caught:
        world.access(permissions=wanted)

    first, second = caught.value.problems
    assert "no application permission 'User.Read.Al'. Close to it: User.Read.All" in first
    assert "resource 'nothing here' has no service principal in this tenant" in second
    assert state(world) == (False, [])


def test_two_resources_of_one_name_are_not_guessed_between(world):
    for _time in range(2):
        world.tenant.add_resource("twins", ["A"])

    with pytest.raises(InvalidInput, match="2 resources are named 'twins'"):
        world.access(permissions=[{"resource": "twins", "roles": ["A"]}])


def test_what_is_stale_or_delegated_in_the_registration_is_told_and_stops_nothing(world):
    others = (
        {
            "resourceAppId": GRAPH_APP_ID,
            "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
        },
        {"resourceAppId": NOBODY, "resourceAccess": [{"id": "a" * 8 + NOBODY[8:], "type": "Role"}]},
        {"resourceAppId": GRAPH_APP_ID, "resourceAccess": [{"id": NOBODY, "type": "Role"}]},
    )
    asked = world.tenant.application(world.payroll).required_resource_access
    world.tenant.change(world.payroll, required_resource_access=(*asked, *others))

    done = world.access()

    assert held(world) == [READ, USERS]
    delegated, absent, stale = done.not_handled
    assert "delegated permission e1fe6dd8-ba31-4d61-89e7-88639da4683d of Microsoft Graph" in delegated
    assert f"a resource that is not here: {NOBODY}" in absent
    assert f"permission {NOBODY}, which Microsoft Graph does not have" in stale


def test_what_microsoft_or_an_owner_disabled_is_said_and_left_alone(world):
    world.tenant.change(world.payroll, is_disabled=True)
    world.tenant.change_service_principal(world.payroll, disabled_by_microsoft="DisabledDueToViolation")

    done = world.access(permissions=[])

    assert "application is deactivated (isDisabled)" in done.blocked[0]
    assert "disabled by Microsoft (DisabledDueToViolation)" in done.blocked[1]
    assert world.warnings == done.blocked
    assert world.tenant.application(world.payroll).is_disabled is True


def test_a_deleted_application_is_named_with_the_way_back(world):
    world.tenant.soft_delete(world.payroll)

    with pytest.raises(ApplicationNotFound, match="Within 30 days an administrator can restore it"):
        world.access()


def test_permissions_beyond_the_first_page_are_seen(world):
    many = world.tenant.add_resource("many", [f"R{number}" for number in range(130)])
    wanted = [{"resource": "many", "roles": [f"R{number}" for number in range(130)]}]
    world.tenant.grant_all(world.payroll, many)
    world.tenant.enable(world.payroll)

    assert world.access(check=True, permissions=wanted).steps == []


def test_everything_missing_is_named_before_anything_changes(world):
    reader = world.tenant.add_application("reader", secret="s", roles=["Application.Read.All"])
    since = len(world.emulator.log.lines)

    for check in (True, False):
        with pytest.raises(NotPermitted) as caught:
            world.access(check=check, client_id=reader.app_id, client_secret="s")

    message = caught.value.message
    assert "To enable or disable the service principal it needs the application permission Application.ReadWrite" in (
        message
    )
    assert "To grant or withdraw application permissions of Microsoft Graph it needs the application permission " in (
        message
    )
    assert caught.value.diagnosis.evidence["missing"][-1] == "AppRoleAssignment.ReadWrite.All"
    assert not WRITES & set(world.operations(since))


def test_a_step_that_is_not_planned_needs_nothing(world):
    """Least privilege: who only enables needs no right to consent."""
    assert world.access(permissions=[], **world.as_admin).changed


def test_a_token_that_says_nothing_is_left_to_graph_and_that_is_said(world, monkeypatch):
    monkeypatch.setattr(tokens, "_claims", lambda token: {})

    with pytest.raises(GraphRefused) as caught:
        world.access(**world.as_admin)

    assert caught.value.diagnosis.code == "permission_denied"
    assert caught.value.message == (
        "Graph refused it (Authorization_RequestDenied): Organization.Read.All of Microsoft Graph is granted. To grant "
        "or withdraw application permissions of Microsoft Graph an application needs AppRoleAssignment.ReadWrite.All "
        "and Application.Read.All; a person needs to be Privileged Role Administrator or Global Administrator."
    )
    assert "could not be checked beforehand" in world.warnings[0]
    assert world.access(permissions=graph(READ)).changed


# --- Faults -------------------------------------------------------------------------------------------------------

FAULTS = {
    "reply lost": {"kind": "lost_reply"},
    "no reply and nothing done": {"kind": "no_reply"},
    "409": {"kind": "error", "status": 409, "code": "Directory_ConcurrencyViolation", "times": 2},
    "429": {"kind": "error", "status": 429, "retry_after": 7, "times": 2},
    "503 and done": {"kind": "error", "status": 503, "applied": True},
    "503 and not done": {"kind": "error", "status": 503, "times": 2},
    "504 and done": {"kind": "error", "status": 504, "applied": True},
    "connection reset": {"kind": "reset"},
}


@pytest.fixture
def bare(world):
    """All three kinds of steps are due."""
    world.tenant.change_service_principal(world.payroll, deleted="2026-01-01T00:00:00Z")
    return world


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_passing_trouble_is_overcome_and_every_step_is_told_once(bare, fault):
    for operation in ("post_service_principal", "post_app_role_assignment"):
        bare.tenant.faults.add(match=operation, **fault)

    done = bare.access()

    assert state(bare) == (True, [READ, USERS])
    assert roles_of(done.granted) == [READ, USERS]
    assert bare.access().changed is False


@pytest.mark.parametrize("fault", ["reply lost", "429", "503 and not done"])
def test_the_same_when_every_wait_is_done_outside(bare, fault):
    for operation in ("post_service_principal", "post_app_role_assignment"):
        bare.tenant.faults.add(match=operation, **FAULTS[fault])

    done = bare.access_in_slices()

    assert done.steps == ["create_service_principal", "grant", "grant"]
    assert state(bare) == (True, [READ, USERS])


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_same_when_enabling_and_withdrawing(world, fault):
    world.tenant.grant(world.payroll, USERS)
    for operation in ("patch_service_principal", "delete_app_role_assignment"):
        world.tenant.faults.add(match=operation, **fault)

    world.access(permissions=graph(USERS), state="absent", enabled=True)

    assert state(world) == (True, [])


@pytest.mark.parametrize(
    ("operation", "act"),
    [("post_service_principal", World.access), ("post_app_role_assignment", World.access_in_slices)],
)
def test_an_acknowledged_write_that_was_not_applied_is_no_success(bare, operation, act):
    bare.tenant.faults.add("not_applied", match=operation)

    with pytest.raises(NotProven, match="The write was not applied"):
        act(bare, timeout_propagation=60)

    assert bare.timing.waited == pytest.approx(60, abs=10)
    assert bare.access().changed
    assert state(bare) == (True, [READ, USERS])


def test_a_write_that_is_put_off_for_longer_than_the_run_may_last_ends_it_with_both_times(bare):
    bare.tenant.faults.add("error", match="post_service_principal", status=429, retry_after=60, times=None)

    with pytest.raises(GraphRefused, match="Graph answered 429 ") as caught:
        bare.access(timeout_propagation=30)

    assert "It asks to wait 60 s, and this run waits for 30 s at most" in caught.value.message
    assert "It was about: The service principal of payroll is created." in caught.value.message
    assert caught.value.diagnosis.code == "throttled" and bare.timing.waited == 0


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ({"kind": "no_reply"}, "The last answer: "),
        ({"kind": "error", "status": 503}, "The last answer: Graph answered 503"),
    ],
)
def test_a_write_without_an_acknowledgement_is_not_said_to_have_one(bare, fault, last):
    bare.tenant.faults.add(match="post_service_principal", times=None, **fault)

    with pytest.raises(NotProven) as caught:
        bare.access(timeout_propagation=30)

    assert "Graph did not acknowledge it, and the directory does not show it after 30 s" in caught.value.message
    assert last in caught.value.message and "not applied" not in caught.value.message


def test_lag_of_the_directory_is_waited_out(bare):
    bare.tenant.reads.lag(seconds=[0, 40, 15])
    bare.settle()

    bare.access()

    assert state(bare) == (True, [READ, USERS])
    assert any("the directory to show it: " in line for line in bare.timing.said)


@pytest.mark.parametrize("lag", [0, 25])
def test_what_somebody_else_did_meanwhile_counts_as_done_once_it_shows(bare, lag):
    bare.tenant.reads.lag(seconds=lag)
    bare.settle()
    bare.tenant.faults.add(
        "change",
        match="post_app_role_assignment",
        when="before",
        action="grant",
        arguments={"application": "payroll", "roles": [READ]},
    )

    bare.access()

    assert held(bare) == [READ, USERS]


def test_a_final_refusal_is_the_result_and_what_was_done_stays(bare):
    bare.tenant.faults.add("error", match="post_app_role_assignment", status=403, code="Authorization_RequestDenied")

    with pytest.raises(GraphRefused):
        bare.access()

    assert state(bare) == (True, [])


def test_a_long_retry_after_ends_the_run(bare):
    bare.tenant.faults.add("error", match="post_service_principal", status=429, retry_after=3600)

    with pytest.raises(GraphRefused) as caught:
        bare.access()

    assert caught.value.status == 429
    assert bare.timing.waited == 0


def test_trouble_without_end_has_an_end(bare):
    bare.tenant.faults.add("no_reply", match="post_service_principal", times=None)

    with pytest.raises(NetworkFailure):
        bare.access()

    assert bare.operations().count("post_service_principal") == 4


def test_killed_anywhere_the_next_run_comes_to_the_same(tmp_path):
    number, killed = 0, 0
    while True:
        world = World(tmp_path / str(number))
        world.tenant.change(world.payroll, required_resource_access=world.tenant.requested([READ]))
        world.tenant.change_service_principal(world.payroll, deleted="2026-01-01T00:00:00Z")
        world.kill_at(number)
        try:
            world.access()
        except Killed:
            killed += 1
            world.access()
            assert state(world) == (True, [READ])
            assert world.operations().count("post_app_role_assignment") <= 2
        else:
            break
        number += 2
    assert killed > 7


def test_a_wrong_clock_stops_before_the_first_effect(world):
    world.timing.ahead = dt.timedelta(seconds=400)

    with pytest.raises(EvercertError) as caught:
        world.access()

    assert caught.value.diagnosis.code == "clock_skew"
    assert state(world) == (False, [])


def test_with_nothing_to_do_a_wrong_clock_and_a_silent_token_are_no_matter(world, monkeypatch):
    world.access()
    world.timing.ahead = dt.timedelta(seconds=400)
    monkeypatch.setattr(tokens, "_claims", lambda token: {})

    assert world.access().changed is False
    assert not any("could not be checked beforehand" in warning for warning in world.warnings)


def test_an_application_that_never_was_is_not_called_deleted(world):
    with pytest.raises(ApplicationNotFound) as caught:
        world.access(app_id=NOBODY)

    assert "restore" not in caught.value.message


def test_the_result_names_the_application(world):
    assert world.access(check=True).display_name == "payroll"
