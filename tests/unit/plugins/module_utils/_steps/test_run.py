# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run remembers, reads, notes and waits for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.memory import Memory, summary
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Plan, Step
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.status import Finding
from ansible_collections.evercert.entra.plugins.module_utils._steps.gather import gather
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import (
    SEEN_STEP,
    Progress,
    ProofProgress,
    start,
    take_up,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours


@pytest.fixture
def run(adopted):
    adopted.timing.waited = 0.0
    return adopted.run()


def reads(world, since):
    return [one for one in world.sent[since:] if one.method == "GET" and "/applications" in one.url]


# Progress


def test_progress_survives_a_pause():
    progress = Progress(
        app_id="a",
        object_id="o",
        display_name="d",
        readable=False,
        finding=Finding("forced", "why", "what"),
        steps=(Step("generate", "detail"), Step("retire", "detail", "A", "k", True)),
        not_retirable=("because",),
        position=1,
        made="B",
        unsettled=True,
        sent=True,
        memory=Memory({"k": {"key_id": "k"}}, {"k": "2026-11-22T10:00:00Z"}, {"k": "F"}, ["A"]),
        proof=ProofProgress(required=3, correlation_ids=["c"]),
    )

    for each in (progress, Progress()):
        assert Progress.from_values(json.loads(json.dumps(each.to_values()))) == each


def test_a_run_begins_with_nothing_done():
    assert Progress().readable
    assert ProofProgress() == ProofProgress(0, 0, 0, 0, 0.0, 0.0, 0.0, [])


@pytest.mark.parametrize(
    "broken", [{}, {"steps": 1}, {"steps": [{}]}, {"steps": [], "proof": 1}, {"unknown": 1}, [["odd"]]]
)
def test_anything_else_is_refused(broken):
    with pytest.raises(InvalidInput, match="_waiting holds something else"):
        Progress.from_values({**Progress().to_values(), **broken} if "unknown" in broken else broken)


# Versions and records


def test_a_version_is_known_by_its_name_or_as_the_one_just_made(adopted, run):
    assert run.version(adopted.current).thumbprint == adopted.current
    run.progress.made = adopted.current
    assert run.version(None).thumbprint == adopted.current


@pytest.mark.parametrize("name", ["A" * 40, None])
def test_a_version_that_is_gone_is_told(run, name):
    with pytest.raises(KeyStoreError, match="no longer in the key store"):
        run.version(name)


def test_what_is_remembered_is_durable_at_once(adopted, run):
    changed = run.remember(adopted.contents.current, proof_audience="x")

    assert changed.record.proof_audience == "x" == adopted.contents.current.record.proof_audience


def test_a_line_of_the_history_says_when_and_which_certificate(adopted, run):
    run.log("proven", adopted.contents.current, attempts=3)

    at = f"{adopted.tenant.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    [line] = adopted.store.history(1)
    assert line == {"at": at, "event": "proven", "thumbprint": adopted.current, "attempts": 3}


def test_a_deadline_is_set_once(adopted, run):
    first = run.deadline("x", 10)
    adopted.settle(5)

    assert run.deadline("x", 10) == first == run.progress.deadlines["x"]
    assert run.deadline("y", 10) == first + 5


# Reading


def test_an_application_is_read_by_its_object_id(adopted, run):
    since = len(adopted.sent)
    run.read()
    run.read(new_connection=True)

    one, other = reads(adopted, since)
    assert f"/applications/{adopted.payroll.object_id}?" in one.url
    assert (one.new_connection, other.new_connection) == (False, True)


def test_reading_goes_on_more_and_more_slowly_until_it_shows(adopted, run):
    since, shown = len(adopted.sent), []
    at = adopted.timing.monotonic()

    def done(application):
        shown.append(adopted.timing.monotonic() - at)
        return len(shown) == 9

    assert run.read_until("A", done, "the thing").app_id == adopted.payroll.app_id
    pauses = [later - earlier for earlier, later in zip(shown, shown[1:])]
    assert pauses == pytest.approx([1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10, 10])
    assert [one.new_connection for one in reads(adopted, since)] == [False] + [True] * 8


def test_reading_ends_when_the_propagation_time_is_over(adopted):
    run = adopted.run(timeout_propagation=5)
    adopted.timing.waited, since = 0.0, len(adopted.sent)

    assert run.read_until("A", lambda application: False, "the thing") is None
    assert adopted.timing.waited == 5 and len(reads(adopted, since)) == 5
    assert run.progress.deadlines["the thing A"] == adopted.timing.monotonic()


def test_what_was_read_is_known(adopted, run):
    adopted.tenant.change(adopted.payroll, display_name="renamed")
    foreign = adopted.foreign()
    run.progress.app_id = run.progress.object_id = ""

    application = run.read()

    assert run.latest == application
    assert (run.progress.app_id, run.progress.object_id) == (adopted.payroll.app_id, adopted.payroll.object_id)
    assert run.progress.display_name == "renamed"
    assert [entry["key_id"] for entry in run.progress.after] == list(adopted.credentials)
    assert run.memory.foreign() == {foreign.key_id: summary(application.find_credential_by_id(foreign.key_id))}


def test_a_summary_tells_what_people_know_a_credential_by(adopted, run):
    [entry] = run.latest.key_credentials

    assert summary(entry) == {
        "key_id": next(iter(adopted.credentials)),
        "display_name": entry.display_name,
        "thumbprint": adopted.old.thumbprint,
        "not_before": f"{adopted.old.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{adopted.old.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }


# What was seen


def test_nothing_is_written_before_the_first_step(adopted, run):
    before = adopted.contents.current.record
    adopted.settle()

    run.read()
    assert adopted.contents.current.record == before

    run.begin_writing()
    assert adopted.contents.current.record.seen == adopted.tenant.clock.now()


@pytest.mark.parametrize(("seconds", "noted"), [(59, False), (60, True)])
def test_what_is_seen_is_noted_once_a_minute(adopted, run, seconds, noted):
    run.begin_writing()
    first = adopted.contents.current.record.seen
    adopted.settle(seconds)

    run.read()

    assert (adopted.contents.current.record.seen != first) == noted


@pytest.mark.parametrize("lacking", [{"registered": None}, {"key_id": "another"}])
def test_what_a_record_lacks_is_noted_at_once(adopted, run, lacking):
    run.begin_writing()
    current = adopted.contents.current
    adopted.store.write_record(current.thumbprint, dataclasses.replace(current.record, **lacking))

    run.read()

    record = adopted.contents.current.record
    assert record.key_id == next(iter(adopted.credentials)) and record.registered


def test_a_registration_keeps_its_time(adopted, run):
    registered = adopted.contents.current.record.registered
    adopted.settle()

    run.begin_writing()

    assert adopted.contents.current.record.registered == registered


@pytest.mark.parametrize("state", ["removed", "retired"])
def test_a_removal_that_a_replica_does_not_know_yet_makes_nothing_seen(adopted, run, state):
    run.begin_writing()
    current = adopted.contents.current
    run.forget_seen(current)
    if state == "removed":
        run.progress.removed.append(next(iter(adopted.credentials)))
    else:
        run.remember(run.version(current.thumbprint), retired=run.now)

    run.read()

    assert adopted.contents.current.record.seen is None
    assert state == "retired" or not run.was_seen_lately(run.version(adopted.current))


@pytest.mark.parametrize("by", ["this run", "an earlier one"])
@pytest.mark.parametrize(("more", "lately"), [(-1, True), (0, False)])
def test_seen_lately_is_within_the_propagation_time(adopted, run, by, more, lately):
    run.begin_writing()
    if by == "this run":
        run.remember(run.version(adopted.current), seen=None)
    else:
        run.memory.forget(adopted.contents.current.certificate)
    adopted.tenant.clock.advance((run.policy.propagation + SEEN_STEP).total_seconds() + more)

    assert run.was_seen_lately(run.version(adopted.current)) == lately


def test_what_was_never_seen_was_not_seen_lately(adopted, run):
    run.begin_writing()

    assert not run.was_seen_lately(run.forget_seen(run.version(adopted.current)))
    assert adopted.contents.current.record.seen is None


def test_entries_of_others_that_are_gone_are_known_but_for_those_removed_on_purpose(adopted, run):
    first, second = adopted.foreign("first"), adopted.foreign("second")
    run.read()
    run.progress.removed.append(second.key_id)
    for entry in (first, second):
        adopted.tenant.remove_credential(adopted.payroll, entry.key_id)

    assert [entry["key_id"] for entry in run.missing_foreign(run.read())] == [first.key_id]


def test_what_an_earlier_read_has_shown_is_on_record_before_anything_is_written(adopted, run):
    """The read that the plan rests on came from a replica that lags."""
    current = adopted.contents.current
    adopted.store.write_record(current.thumbprint, dataclasses.replace(current.record, seen=None))
    run.latest, at = None, run.now
    adopted.settle()

    run.begin_writing()

    assert adopted.contents.current.record.seen == at


def test_the_certificate_of_a_key_that_was_deleted_meanwhile_is_not_somebody_elses(adopted, run):
    """Another run retired it during a pause, and a replica that lagged had shown it."""
    made = adopted.store.keep_successor(ours(adopted.tenant.issue("made", -1, 100)), Record())
    adopted.tenant.add_credential(adopted.payroll, made.certificate.der)
    adopted.settle()
    run.read()
    adopted.lose(made.thumbprint)
    adopted.store.release_successor()
    adopted.store.delete_version(made.thumbprint)

    assert run.missing_foreign(run.read()) == []


def test_what_calls_have_seen_is_one_memory(adopted, run):
    """Whatever a call has read before it takes up what an earlier one handed over."""
    earlier = Progress(memory=Memory({"k": {"key_id": "k"}}, {"k": ""}, {"k": "F"}, []), looked={"absent": 2})

    take_up(run.connection, earlier)

    assert run.memory is earlier.memory and run.connection.graph.tried is earlier.looked
    assert list(run.memory.entries) == ["k", *adopted.credentials]


# The beginning


def test_a_run_knows_from_the_start_what_was_read(adopted, run):
    assert run.progress.readable and run.progress.before == run.progress.after
    assert (run.progress.app_id, run.progress.object_id) == (adopted.payroll.app_id, adopted.payroll.object_id)
    assert run.tokens == {}


def test_a_run_that_may_not_read_knows_itself_and_keeps_its_token(adopted):
    run = adopted.run(**adopted.as_itself)

    assert not run.progress.readable and run.progress.before is None and run.latest is None
    assert (run.progress.app_id, run.progress.object_id) == (adopted.payroll.app_id, adopted.payroll.object_id)
    assert list(run.tokens) == [adopted.current]
    assert run.tokens[adopted.current] is run.connection.graph.token


def test_a_run_is_what_was_planned(adopted):
    plan = Plan(Finding("forced", "", ""), (Step("generate", ""),), ("because",))
    connection = adopted.connect(adopted.options())

    progress = start(connection, RenewalPolicy(), gather(connection), plan, None, None).progress

    assert (progress.finding, progress.steps, progress.not_retirable) == (plan.finding, plan.steps, ("because",))


def test_a_key_that_signs_in_without_being_shown_gives_nobody_elses_token(adopted):
    adopted.tenant.sign_ins.lag(seconds=[5000])
    adopted.lose(adopted.current)

    assert adopted.run().tokens == {}


def test_a_refused_key_gives_no_token(adopted):
    adopted.lose(adopted.current)

    assert adopted.run(**adopted.as_itself).tokens == {}


def test_without_a_key_store_there_is_nothing_in_it(adopted, run):
    connection = dataclasses.replace(run.connection, key_store=None)

    assert dataclasses.replace(run, connection=connection).contents.is_empty


def test_the_time_of_a_run_is_the_services(adopted, run):
    adopted.timing.ahead = dt.timedelta(hours=1)
    run.read()

    assert run.now == adopted.tenant.clock.now()
