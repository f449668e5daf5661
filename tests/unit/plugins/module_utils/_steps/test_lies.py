# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that are lost, put off, lied about or overtaken: never a false success, never a second certificate."""

from __future__ import annotations

import contextlib

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    GraphRefused,
    NotProven,
    SignInRefused,
    Unsafe,
)

WAYS = pytest.mark.parametrize("way", ["add_key", "update"])
OPERATION = {"add_key": "add_key", "update": "patch_application"}


def is_renewed(world, foreign=()):
    kept = [entry.certificate.thumbprint for entry in foreign]
    return world.registered == sorted([world.current, *kept]) and world.contents.successor is None


@WAYS
def test_a_write_that_is_acknowledged_and_never_applied_is_no_success(adopted, way):
    adopted.tenant.faults.add("not_applied", match=OPERATION[way])

    error = adopted.refused(overlap=0, add_method=way)

    assert isinstance(error, NotProven) and error.diagnosis.code == "not_shown"
    assert "not applied" in error.message
    assert adopted.current == adopted.old.thumbprint and adopted.usable() == [adopted.old.thumbprint]


@WAYS
def test_the_run_after_a_silent_write_sends_the_same_certificate(adopted, way):
    adopted.tenant.faults.add("not_applied", match=OPERATION[way])
    adopted.refused(overlap=0, add_method=way)

    adopted.renew(overlap=0, add_method=way)

    assert is_renewed(adopted) and adopted.made == [adopted.current]


def test_a_silent_write_is_found_without_permission_to_read_and_sent_again(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.tenant.faults.add("not_applied", match="add_key")

    error = world.refused(**world.as_itself)
    assert isinstance(error, NotProven)
    world.renew(**world.as_itself)

    assert world.made == [world.current] and world.current in world.registered


FAULTS = {
    "lost reply, applied": {"kind": "lost_reply"},
    "503, not applied": {"kind": "error", "status": 503},
    "503, applied": {"kind": "error", "status": 503, "applied": True},
    "500, not applied": {"kind": "error", "status": 500},
    "504, applied": {"kind": "error", "status": 504, "applied": True},
    "408, applied": {"kind": "error", "status": 408, "applied": True},
    "499, not applied": {"kind": "error", "status": 499},
    "409, applied": {"kind": "error", "status": 409, "applied": True},
    "429, applied": {"kind": "error", "status": 429, "applied": True},
    "409": {"kind": "error", "status": 409},
    "429 with Retry-After": {"kind": "error", "status": 429, "retry_after": 17},
    "429 without Retry-After": {"kind": "error", "status": 429},
    "reset, not applied": {"kind": "reset"},
    "reset, applied": {"kind": "reset", "applied": True},
    "request lost": {"kind": "no_reply"},
    "a proxy's page, not applied": {"kind": "html", "status": 502},
}
CASES = [(fault, way) for fault in FAULTS for way in ("add_key", "update", "alone")]
FAULTY = pytest.mark.parametrize(("fault", "way"), scale.one_of(5, CASES, check=2))
IDENTITIES = pytest.mark.parametrize("identity", ["as_admin", "as_itself"])


@scale.sampled
@FAULTY
def test_a_faulty_write_ends_in_one_current_certificate(world, fault, way):
    own = world.as_itself if way == "alone" else {}
    options = {"overlap": 0, **own, **({} if own else {"add_method": way})}
    world.adopt()
    world.settle()
    foreign = world.foreign(custom_key_identifier="b2Rk", start="2026-11-01T00:00:00.1234567Z")
    world.tenant.faults.add(match=OPERATION.get(way, "add_key"), **FAULTS[fault])

    world.renew(**options)

    assert is_renewed(world, [foreign]) and len(world.made) == 1
    assert world.credentials[foreign.key_id] == foreign


@scale.sampled
@FAULTY
def test_a_faulty_removal_ends_in_one_current_certificate(world, fault, way):
    own = world.as_itself if way == "alone" else {}
    options = {"overlap": 0, **own, **({} if own else {"add_method": way})}
    world.tenant.switches.set(young_key_refused=0)  # the fault strikes the first removal, which is to have an effect
    world.adopt()
    world.settle()
    skip, operation = (1, "patch_application") if way == "update" else (0, "remove_key")
    world.tenant.faults.add(match=operation, skip=skip, **FAULTS[fault])

    result = world.renew(**options)

    assert is_renewed(world) and len(result.retired) == 1


@pytest.mark.parametrize("way", ["add_key", "update"])
def test_a_removal_that_is_lost_later_is_repeated_by_the_next_run(adopted, way):
    adopted.tenant.switches.set(young_key_refused=0)  # as above
    skip, operation = (1, "patch_application") if way == "update" else (0, "remove_key")
    adopted.tenant.faults.add("reverted", match=operation, skip=skip, seconds=30)
    adopted.renew(overlap=0, add_method=way)
    adopted.settle()
    assert adopted.old.thumbprint in adopted.registered

    again = adopted.renew(overlap=0, add_method=way)

    assert again.steps == ["retire"] and is_renewed(adopted)
    assert not adopted.renew(overlap=0, add_method=way).changed


def test_retry_after_is_obeyed_before_a_write_is_sent_again(adopted):
    adopted.tenant.faults.add("error", match="add_key", status=429, retry_after=77)
    before = adopted.timing.waited

    adopted.renew(stop_after="registered")

    assert adopted.timing.waited - before >= 77


@pytest.mark.parametrize("seconds", [3600, 10**9])
@pytest.mark.parametrize("operation", ["add_key", "remove_key"])
def test_a_retry_after_beyond_patience_ends_the_run_instead(adopted, seconds, operation):
    adopted.tenant.faults.add("error", match=operation, status=429, retry_after=seconds)
    before = adopted.timing.waited

    assert isinstance(adopted.refused(overlap=0), GraphRefused)
    assert adopted.timing.waited - before < 600


def test_a_refused_proof_falls_back_to_update_where_an_administrator_signs_in(adopted):
    for status in (401, 403):
        adopted.tenant.faults.add("error", match="add_key", status=status)
        result = adopted.renew(overlap=0, force=True)
        assert "patch_application" in result.operations and is_renewed(adopted)
        adopted.settle()


def test_add_method_add_key_refuses_with_its_sentence(adopted):
    adopted.settle(21 * 86400)

    error = adopted.refused(add_method="add_key")

    assert isinstance(error, Unsafe) and "addKey cannot be used" in error.message and "'auto'" in error.message
    assert adopted.made == []


def test_the_other_proof_audience_is_tried_and_remembered_for_good(adopted):
    adopted.tenant.switches.set(proof_audience="0003", young_key_refused=0)  # both refuse with the same words

    first = adopted.renew(overlap=0)
    adopted.settle()
    second = adopted.renew(overlap=0, force=True)

    assert first.operations.count("add_key") == 2
    assert second.operations.count("add_key") == 1 == second.operations.count("remove_key")
    assert "patch_application" not in first.operations + second.operations


def disabled(world):
    world.tenant.enable(world.payroll, False)


def blocked(world):
    world.tenant.conditional_access.add(world.payroll.app_id)


def without_service_principal(world):
    world.tenant.change_service_principal(world.payroll, deleted="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (disabled, "application_disabled"),
        (blocked, "conditional_access"),
        (without_service_principal, "service_principal_missing"),
    ],
)
@IDENTITIES
@pytest.mark.parametrize("absent", [False, True], ids=["present", "absent"])
def test_trouble_that_is_not_about_the_key_sends_nothing(world, trouble, code, identity, absent):
    world.adopt(**world.as_itself)
    world.settle()
    if absent and trouble is not blocked:  # a policy is asked after the key
        world.tenant.remove_credential(world.payroll, next(iter(world.credentials)))
    trouble(world)
    before = world.credentials

    error = world.refused(**getattr(world, identity))

    assert error.diagnosis.code == code
    assert world.credentials == before and world.made == []
    assert world.contents.successor is None


@WAYS
def test_a_certificate_that_is_reverted_before_its_proof_is_no_success(adopted, way):
    adopted.tenant.faults.add("reverted", match=OPERATION[way], seconds=5)

    error = adopted.refused(overlap=0, add_method=way)
    assert isinstance(error, NotProven)
    assert adopted.usable() == [adopted.old.thumbprint] == [adopted.current]

    adopted.renew(overlap=0, add_method=way)
    assert is_renewed(adopted) and len(adopted.made) == 1


@WAYS
@scale.sampled
@pytest.mark.parametrize("seconds", scale.one_of(3, range(6, 40, 3), check=2))
def test_a_certificate_that_is_reverted_later_never_locks_the_application_out(adopted, way, seconds):
    """Reverted around the proof, the promotion and the retirement of the predecessor."""
    adopted.tenant.faults.add("reverted", match=OPERATION[way], seconds=seconds)
    with contextlib.suppress(EvercertError):
        adopted.renew(overlap=7, add_method=way)
    adopted.settle(7 * 86400)
    with contextlib.suppress(EvercertError):
        adopted.renew(overlap=7, add_method=way, renew_before=5)
    assert adopted.usable()


@WAYS
def test_replicas_that_disagree_are_waited_for(adopted, way):
    adopted.tenant.reads.lag(seconds=[0, 5, 40, 20])
    adopted.tenant.sign_ins.lag(seconds=[0, 15, 60])
    foreign = adopted.foreign()

    adopted.renew(overlap=0, add_method=way)

    assert is_renewed(adopted, [foreign]) and adopted.credentials[foreign.key_id] == foreign


def test_a_stale_read_never_makes_an_update_drop_the_certificate_just_registered(adopted):
    """Someone registers the successor; this run only sees it, proves it and retires the predecessor by PATCH."""
    adopted.renew(stop_after="generated")
    pair = adopted.store.signer(adopted.made[0])
    adopted.tenant.reads.lag(seconds=[0, 120])
    adopted.tenant.add_credential(adopted.payroll, pair.certificate.der)

    adopted.renew(overlap=0, add_method="update")

    assert is_renewed(adopted) and adopted.current == adopted.made[0]


def test_a_certificate_seen_by_an_earlier_run_is_expected_by_the_next_one(adopted):
    adopted.renew(stop_after="registered", add_method="update")
    adopted.tenant.reads.lag(seconds=[300])

    adopted.renew(overlap=0, add_method="update")

    assert is_renewed(adopted) and len(adopted.made) == 1


def test_an_entry_of_somebody_else_added_before_the_write_stays(adopted):
    adopted.tenant.faults.add(
        "change", match="get_application", skip=1, action="add_credential", arguments={"application": "payroll"}
    )
    adopted.renew(overlap=0, add_method="update")

    assert len(adopted.registered) == 2


def test_an_entry_of_somebody_else_that_vanishes_during_add_key_is_reported_and_not_recreated(adopted):
    adopted.tenant.switches.set(young_key_refused=0)  # an update that removes for a young key would stop at it
    foreign = adopted.foreign()
    adopted.settle()
    adopted.tenant.faults.add(
        "change",
        match="add_key",
        when="after",
        action="remove_credential",
        arguments={"application": "payroll", "key_id": foreign.key_id},
    )
    result = adopted.renew(overlap=0)

    assert [entry["key_id"] for entry in result.vanished] == [foreign.key_id]
    assert any(foreign.key_id in warning for warning in adopted.warnings)
    assert is_renewed(adopted)


def test_an_entry_of_somebody_else_that_is_missing_before_an_update_stops_it(adopted):
    foreign = adopted.foreign()
    adopted.settle()
    adopted.tenant.faults.add(
        "change",
        match="get_application",
        skip=1,
        action="remove_credential",
        arguments={"application": "payroll", "key_id": foreign.key_id},
    )
    error = adopted.refused(overlap=0, add_method="update")

    assert isinstance(error, Unsafe) and foreign.key_id in error.message
    assert adopted.registered == [adopted.old.thumbprint]
    adopted.renew(overlap=0, add_method="update")
    assert is_renewed(adopted) and len(adopted.made) == 1


@pytest.mark.parametrize("act", ["renew", "renew_in_slices"])
def test_an_entry_of_somebody_else_that_only_the_first_read_has_shown_is_not_overwritten(adopted, act):
    """The current certificate was lost and somebody adds one by hand; every replica but the first read's lags."""
    adopted.lose(adopted.current)
    adopted.settle(3600)
    newcomer = adopted.foreign("newcomer")
    adopted.tenant.reads.lag(seconds=[0] + [3600] * 300)

    with pytest.raises(Unsafe, match=f"no longer shown: CN=newcomer .key ID {newcomer.key_id}"):
        getattr(adopted, act)(initial_pause=0, sign_in_interval=0, timeout_propagation=60)
    assert adopted.credentials == {newcomer.key_id: newcomer}

    adopted.tenant.reads.reset()
    adopted.renew(initial_pause=0, sign_in_interval=0)
    assert is_renewed(adopted, [newcomer])


def test_a_managed_entry_that_stays_away_counts_as_removed_and_is_reported(adopted):
    adopted.renew(stop_after="registered", add_method="update")
    made = next(key for key, one in adopted.credentials.items() if one.certificate.thumbprint == adopted.made[0])
    adopted.tenant.remove_credential(adopted.payroll, made)

    adopted.renew(overlap=0, add_method="update")

    assert is_renewed(adopted) and len(adopted.made) == 1


def test_a_predecessor_is_not_removed_while_the_application_does_not_show_the_current_certificate(adopted):
    adopted.renew(stop_after="promoted")
    adopted.settle(8 * 86400)
    made = next(key for key, one in adopted.credentials.items() if one.certificate.thumbprint == adopted.current)
    adopted.tenant.sign_ins.lag(seconds=[86400])  # the token service does not know yet
    adopted.tenant.remove_credential(adopted.payroll, made)

    error = adopted.refused(renew_before=5)

    assert isinstance(error, Unsafe) and "lock it out" in error.message
    assert adopted.registered == [adopted.old.thumbprint]


def test_a_split_duty_successor_is_not_forgotten_when_our_own_write_is_refused(adopted):
    """Left by stop_after generated, it may have been sent by somebody: a refused write does not change that."""
    adopted.renew(stop_after="generated")
    adopted.tenant.faults.add("error", match="add_key", status=400)
    assert isinstance(adopted.refused(), GraphRefused)

    assert adopted.contents.successor.record.stop_after == "generated"


def test_a_refused_sign_in_while_settling_is_the_result(adopted):
    adopted.tenant.faults.add(
        "change", match="add_key", when="after", action="block_sign_in", arguments={"application": "payroll"}
    )
    adopted.tenant.faults.add("lost_reply", match="add_key")
    adopted.tenant.reads.lag(seconds=[60])
    error = adopted.refused()

    assert isinstance(error, SignInRefused) and error.diagnosis.code == "conditional_access"
