# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode predicts the run that follows it, and a stop by request is resumed as if it had not been one."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World, tree

STOPS = ("generated", "registered", "proven", "promoted", "retired")


def empty_store(world):
    return {}


def due(world):
    world.adopt()
    return {}


def due_without_overlap(world):
    return {**due(world), "overlap": 0}


def due_by_update(world):
    return {**due(world), "overlap": 0, "add_method": "update"}


def due_by_itself(world):
    world.adopt(**world.as_itself)
    return {"overlap": 0, **world.as_itself}


def healthy(world):
    return {**due(world), "renew_before": 5}


def forced(world):
    return {**due(world), "renew_before": 5, "force": True}


def rotation_due(world):
    return {**due(world), "renew_before": 5, "rotation_period": 90}


def expired(world):
    world.adopt()
    world.settle(21 * 86400)
    return {}


def expired_by_itself(world):
    return {**expired(world), **world.as_itself}


def unregistered(world):
    world.adopt()
    world.tenant.remove_credential(world.payroll, next(iter(world.credentials)))
    return {"renew_before": 5}


def unregistered_and_ending_soon(world):
    return {**unregistered(world), "renew_before": 30}


def unregistered_by_itself(world):
    return {**unregistered(world), **world.as_itself}


def unregistered_with_a_predecessor(world):
    world.adopt()
    world.renew()
    made = next(key for key, one in world.credentials.items() if one.certificate.thumbprint == world.current)
    world.tenant.remove_credential(world.payroll, made)
    return {"renew_before": 15}


def stopped(stage):
    def scene(world):
        world.adopt()
        world.renew(stop_after=stage, overlap=0)
        return {"overlap": 0}

    scene.__name__ = f"stopped_after_{stage}"
    return scene


def stopped_and_stopped_again(world):
    world.adopt()
    world.renew(stop_after="generated")
    return {"stop_after": "registered"}


def silent_write(world):
    world.adopt()
    world.tenant.faults.add("not_applied", match="add_key")
    world.refused()
    return {"overlap": 0}


def refused_successor(world):
    world.adopt()
    world.renew(stop_after="registered")
    version = world.contents.successor
    world.store.write_record(version.thumbprint, dataclasses.replace(version.record, refused=version.record.intent))
    return {"overlap": 0}


def overlap_passed(world):
    world.adopt()
    world.renew()
    world.settle(8 * 86400)
    return {}


def retired_long_ago(world):
    overlap_passed(world)
    world.renew()
    world.settle(8 * 86400)
    return {}


def with_odd_neighbours(world):
    world.foreign(custom_key_identifier="b2Rk", start="2026-11-01T00:00:00.1234567Z")
    return due_by_update(world)


def skewed(world):
    world.adopt()
    world.tenant.clock.skew = 400
    return {}


def disabled(world):
    world.adopt()
    world.tenant.enable(world.payroll, False)
    return {}


def beyond_the_policy(world):
    world.adopt()
    world.tenant.limit_lifetime("P90D", world.payroll)
    world.tenant.grant(world.admin, "Policy.Read.All")
    return {}


def clamped_to_the_policy(world):
    return {**beyond_the_policy(world), "on_policy_limit": "clamp"}


SCENES = (
    empty_store,
    due,
    due_without_overlap,
    due_by_update,
    due_by_itself,
    healthy,
    forced,
    rotation_due,
    expired,
    expired_by_itself,
    unregistered,
    unregistered_and_ending_soon,
    unregistered_by_itself,
    unregistered_with_a_predecessor,
    *(stopped(stage) for stage in STOPS),
    stopped_and_stopped_again,
    silent_write,
    refused_successor,
    overlap_passed,
    retired_long_ago,
    with_odd_neighbours,
    skewed,
    disabled,
    beyond_the_policy,
    clamped_to_the_policy,
)


def outcome(world, **options):
    """What a run comes to, in the words that check mode promises."""
    try:
        result = world.renew(**options)
    except EvercertError as error:
        return {"failed": error.message}
    retired = [(entry["key_id"], entry["thumbprint"]) for entry in result.retired]
    return {"changed": result.changed, "finding": result.finding, "steps": result.steps, "retired": retired}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_check_mode_predicts_the_run_that_follows_and_leaves_no_trace(scene, tmp_path):
    world = World(tmp_path)
    options = scene(world)
    if world.tenant.clock.skew == 0:
        world.settle()
    before, files, made = world.credentials, tree(tmp_path), list(world.made)

    since = len(world.emulator.log.lines)
    predicted = outcome(world, check=True, **options)
    writes = set(world.operations(since)) & {"patch_application", "add_key", "remove_key"}

    assert (world.credentials, tree(tmp_path), world.made) == (before, files, made) and not writes
    assert predicted == outcome(world, **options)


@pytest.mark.parametrize("add_method", ["add_key", "update"])
@pytest.mark.parametrize("stage", STOPS)
def test_a_stop_by_request_is_resumed_with_the_original_finding(adopted, stage, add_method):
    first = adopted.renew(stop_after=stage, overlap=0, add_method=add_method)
    whole = ["generate", "register", "prove", "promote", "retire"]
    assert first.finding == "near_expiry" and first.steps == whole[: STOPS.index(stage) + 1]

    again = adopted.renew(stop_after=stage, overlap=0, add_method=add_method)
    assert again.steps == (["prove"] if stage == "proven" else [])  # a proof is checked again, nothing else is done

    rest = adopted.renew(overlap=0, add_method=add_method)
    if stage in STOPS[:3]:
        assert rest.finding == "near_expiry"
    assert adopted.registered == [adopted.current] == adopted.made


def test_a_certificate_that_a_run_hands_out_counts_as_sent_although_the_run_that_made_it_was_killed(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(stop_after="generated", **world.as_itself)
    successor = world.contents.successor
    world.store.write_record(successor.thumbprint, dataclasses.replace(successor.record, stop_after=None))  # the kill

    handed = world.renew(stop_after="generated", **world.as_itself)
    world.tenant.add_credential(world.payroll, world.store.signer(handed.certificate["thumbprint"]).certificate.der)
    world.settle()

    assert (handed.steps, handed.changed) == ([], False)
    assert world.renew(**world.as_itself).steps == ["prove", "promote"]
    assert world.current == handed.certificate["thumbprint"] and len(world.registered) == 2


def test_an_interrupted_run_is_resumed_as_interrupted(adopted):
    adopted.tenant.sign_ins.lag(seconds=[2000])
    adopted.refused(overlap=0)
    adopted.settle(2000)

    assert adopted.renew(overlap=0).finding == "interrupted"
    assert adopted.made == [adopted.current]


@pytest.mark.parametrize(("minutes", "required"), [(14, 1), (16, 3)])
def test_a_proof_counts_for_15_minutes(adopted, minutes, required):
    adopted.renew(stop_after="proven")
    adopted.settle(minutes * 60)

    assert adopted.renew(overlap=0).sign_ins["required"] == required


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_a_pair_that_somebody_else_registers_is_proven_and_promoted(world, identity):
    world.adopt(**world.as_itself)
    world.renew(stop_after="generated", **getattr(world, identity))
    world.settle()
    world.tenant.add_credential(world.payroll, world.store.signer(world.made[0]).certificate.der)

    result = world.renew(**getattr(world, identity))

    assert result.steps == ["prove", "promote"] and result.finding == "near_expiry"
    assert world.current == world.made[0] and len(world.registered) == 2


def test_a_pair_for_an_application_that_has_nothing_yet_is_finished_by_its_own_identity(world):
    """Split duty: the key is made here, an administrator elsewhere registers it."""
    world.renew(stop_after="generated")
    world.tenant.add_credential(world.payroll, world.store.signer(world.made[0]).certificate.der)

    result = world.renew(**world.as_itself)

    assert result.finding == "missing" and world.current == world.made[0]


def test_whoever_cannot_renew_an_expired_certificate_is_told_who_can(adopted):
    adopted.settle(21 * 86400)

    error = adopted.refused(**adopted.as_itself)

    assert "An identity that may write it has to renew" in error.message and adopted.made == []


@pytest.mark.parametrize("skew", [-400, 400])
def test_a_wrong_clock_stops_writers_before_the_first_effect_and_readers_answer(adopted, skew):
    adopted.tenant.clock.skew = skew
    files = tree(adopted.folder / "store" / "versions")

    error = adopted.refused()

    assert error.diagnosis.code == "clock_skew"
    assert adopted.made == [] and tree(adopted.folder / "store" / "versions") == files
    assert adopted.info().status == "near_expiry"
    assert adopted.verify().verified


def test_one_wrong_answer_neither_renews_nor_removes_what_is_not_due(adopted):
    """A read that is 200 days ahead, then others that are right: nothing is due, the overlap has six days left."""
    adopted.renew(overlap=7)
    adopted.settle(86400)
    for number in range(3):
        adopted.lie_about_the_time(number, days=200)
        with contextlib.suppress(EvercertError):
            adopted.renew(overlap=7)

    assert len(adopted.made) == 1 and adopted.old.thumbprint in adopted.registered


@pytest.mark.parametrize("number", [3, 4])
def test_one_wrong_answer_before_the_key_pair_is_made_stops_the_run_and_costs_no_second_pair(adopted, number):
    """The policies are read and the own token is got after the plan was made and found good."""
    adopted.lie_about_the_time(number, hours=1)
    error = adopted.refused(overlap=7)
    assert adopted.made == []
    adopted.tell_the_time_again()
    adopted.settle()

    assert error.diagnosis.code == "clock_skew" and "3600 s ahead of the time of this run" in error.message
    assert adopted.renew(overlap=7).steps[-1] == "promote" and len(adopted.made) == 1


@pytest.mark.parametrize("ahead", [{"hours": -1}, {"days": 200}])
def test_no_wrong_answer_at_any_moment_costs_a_second_pair_or_the_overlap(adopted, ahead):
    """Each answer of a run in turn; whatever that run says, the next one reaches the goal."""
    adopted.renew(overlap=7, stop_after="registered")
    for number in range(12):
        adopted.lie_about_the_time(number, **ahead)
        with contextlib.suppress(EvercertError):
            adopted.renew(overlap=7, stop_after="proven")
        adopted.tell_the_time_again()
        adopted.settle()
    adopted.renew(overlap=7)

    assert len(adopted.made) == 1 and adopted.old.thumbprint in adopted.registered


def test_an_answer_that_is_wrong_during_the_proof_keeps_the_key_from_being_promoted(adopted):
    adopted.renew(overlap=7, stop_after="registered")
    adopted.lie_about_the_time(3, hours=1)

    assert adopted.refused(overlap=7).diagnosis.code == "clock_skew"
    assert adopted.current == adopted.old.thumbprint
    adopted.tell_the_time_again()
    assert adopted.renew(overlap=7).steps == ["prove", "promote"]


def test_check_mode_says_the_same_of_a_wrong_answer(adopted):
    for check in (True, False):
        adopted.lie_about_the_time(1, days=200)
        assert adopted.refused(check=check).diagnosis.code == "clock_skew"


@pytest.mark.parametrize("ahead", [{"days": -2}, {"days": 2}])
def test_readers_answer_when_one_answer_is_wrong(adopted, ahead):
    adopted.lie_about_the_time(1, **ahead)
    assert adopted.info().status == "near_expiry"

    adopted.lie_about_the_time(1, **ahead)
    assert adopted.verify().verified


def test_a_time_before_the_last_note_of_the_key_store_is_wrong_even_when_both_clocks_agree(adopted):
    adopted.renew(overlap=7, stop_after="proven")
    adopted.tenant.clock.advance(-3600)

    error = adopted.refused(overlap=7)

    assert error.diagnosis.code == "clock_skew" and "behind the last moment that the key store notes" in error.message
    assert adopted.info().status == "near_expiry"


def test_what_if_notes_nothing(adopted):
    """A report with the option now decides for then, and notes its sign-in when it truly was."""
    since = adopted.tenant.clock.now()
    adopted.info(now="2026-12-30T10:00:00Z", sign_in=True)

    (signed_in,) = adopted.store.sign_ins_since(since)
    checked = adopted.store.history(1)[0]
    assert signed_in < since + dt.timedelta(minutes=1)
    assert checked["event"] == "checked" and checked["at"] < "2026-12"


def test_without_a_date_header_the_local_clock_counts(adopted):
    adopted.liar = None
    original = adopted.answer

    def without_date(request, send):
        answer = original(request, send)
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        return dataclasses.replace(answer, headers=headers)

    adopted.answer = without_date

    assert adopted.renew(overlap=0).finding == "near_expiry"
    assert adopted.registered == [adopted.current]
