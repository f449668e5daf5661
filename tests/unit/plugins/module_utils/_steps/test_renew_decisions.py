# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each function of a renewal by itself: what it decides, what it writes down, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    GraphRefused,
    KeyStoreError,
    NotPermitted,
    NotProven,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import STAGES
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import STAGE_OF, Step
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import PROOF_FRESH, RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.status import Finding
from ansible_collections.evercert.entra.plugins.module_utils._steps import renew as steps
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import SlicedTiming, ours

KEY_ID = "11111111-2222-4333-8444-555555555555"
POLICIES = {"get_application_policies", "get_default_policy"}


def finding(reason):
    return Finding(reason, "", "") if reason else None


def latest(world):
    """The last line of the history, without its time."""
    line = dict(world.store.history(1)[0])
    del line["at"]
    return line


def change(world, version, **changes):
    world.store.write_record(version.thumbprint, dataclasses.replace(version.record, **changes))


# What is asked, and the key store it is done in


def test_a_request_tells_nothing_of_keys_and_passphrases(adopted):
    policy = RenewalPolicy()
    given = steps.Request(policy, adopted.make_key_pair, ours(adopted.old), "p4ss")

    assert repr(given) == f"Request(policy={policy!r}, lock_deadline=0.0)"
    assert steps.Request(policy, adopted.make_key_pair).provided is None


@pytest.mark.parametrize(("seconds", "waits"), [(-5, 0), (0.5, 0.5), (7, 7)])
def test_a_lock_that_another_run_holds_is_waited_for_until_its_deadline(adopted, seconds, waits):
    deadline = adopted.timing.monotonic() + seconds
    request = dataclasses.replace(adopted.request(adopted.options()), lock_deadline=deadline)
    connection, adopted.timing.waited = adopted.connect(adopted.options()), 0.0

    is_late = pytest.raises(KeyStoreError, match="is still locked")
    with adopted.store.lock(0.0, adopted.timing.wait), is_late, steps.locked(connection, request):
        pass
    assert adopted.timing.waited == waits


def test_under_the_lock_what_a_killed_run_left_is_cleared_and_access_is_put_right(adopted):
    half_made = adopted.key_store / "versions" / ("A" * 40)
    half_made.mkdir(mode=0o700)
    bundle, options = adopted.key_store / "current" / "bundle.pem", adopted.options(group=str(os.getegid()))
    connection = adopted.connect(options)

    with steps.locked(connection, adopted.request(options)):
        assert not half_made.exists()
        assert bundle.stat().st_mode & 0o777 == 0o640
    assert f"{adopted.current}/bundle.pem" in str(connection.access_changes)


# Trouble that stays, however the calls are cut


@pytest.mark.parametrize("answered", [0, 1])
def test_trouble_is_counted_over_the_calls_of_one_renewal(adopted, answered):
    """Five reads are the end of it: before the plan, and when the directory is read back."""
    adopted.tenant.faults.add("error", match="get_application", status=503, skip=answered, times=None)
    since = len(adopted.emulator.log.lines)

    with pytest.raises(GraphRefused):
        adopted.renew_in_slices()
    assert adopted.operations(since).count("get_application") == answered + 5


def test_looking_does_not_go_on_for_ever(adopted):
    adopted.tenant.faults.add("error", match="get_application", status=503)
    over = Progress(deadlines={"step 0 prepare": adopted.timing.monotonic() - 1})

    with pytest.raises(NotProven, match="Gave up after waiting too long to prepare"):
        adopted.renew(timing=SlicedTiming(adopted.tenant), progress=over)


# The plan within management policies


@pytest.mark.parametrize(
    ("stage", "options", "asked"),
    [
        (None, {"renew_before": 5}, False),
        (None, {"stop_after": "generated"}, True),
        ("generated", {}, True),
        ("registered", {}, False),
    ],
)
def test_policies_are_read_where_a_certificate_is_made_or_sent(adopted, stage, options, asked):
    if stage:
        adopted.renew(stop_after=stage)

    assert bool(POLICIES & set(adopted.renew(check=True, **options).operations)) == asked


def limit(world):
    """From now on certificates may live 90 days."""
    world.tenant.limit_lifetime("P90D")
    world.tenant.grant(world.admin, "Policy.Read.All")


def test_a_limit_counts_before_a_certificate_is_made_that_is_sent_later(adopted):
    limit(adopted)

    assert isinstance(adopted.refused(stop_after="generated"), Unsafe) and adopted.made == []


def test_a_successor_that_is_short_enough_goes_on_whatever_a_new_one_would_be(adopted):
    """The lifetime of the old one is not in question, although it is too long."""
    adopted.renew(stop_after="generated", validity=60)
    limit(adopted)

    assert adopted.renew(overlap=0, validity=60).steps == ["register", "prove", "promote", "retire"]


def test_a_successor_that_was_brought_before_the_limit_is_refused_by_name(adopted):
    brought = ours(adopted.tenant.issue("brought", -0.01, 120))
    adopted.renew(provided=brought, stop_after="generated")
    limit(adopted)

    assert brought.certificate.thumbprint in adopted.refused().message


# Reasons to stop before the first effect


def test_a_wrong_clock_is_no_matter_where_nothing_is_due(adopted):
    adopted.tenant.clock.skew = 400

    assert not adopted.renew(renew_before=5).changed


def test_a_pair_that_was_brought_long_ago_is_in_the_way_of_no_retirement(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)

    assert adopted.renew(provided=ours(adopted.old)).steps == ["retire"]


def test_the_current_key_signs_for_a_successor_that_exists(adopted):
    adopted.renew(stop_after="generated")

    assert "add_key" in adopted.renew(add_method="add_key").operations


@pytest.fixture
def lost(adopted):
    """The current certificate was promoted, and then removed by somebody; its predecessor still signs in."""
    adopted.renew()
    adopted.lose(adopted.current)
    adopted.settle()
    return adopted


def test_the_predecessor_signs_for_a_certificate_that_was_lost(lost):
    result = lost.renew(add_method="add_key")

    assert result.steps == ["roll_back", "register", "prove", "promote"] and "add_key" in result.operations


def test_who_may_not_write_does_not_begin_by_going_back(lost):
    reader = lost.tenant.add_application("reader", secret="r", roles=["Application.Read.All"])
    current = lost.current

    error = lost.refused(client_id=reader.app_id, client_secret="r", add_method="update")

    assert isinstance(error, NotPermitted) and lost.current == current


# Going on with what an earlier call left waiting


def go_on(world, name, thumbprint):
    progress = Progress(finding=finding("missing"), steps=(Step(name, "", thumbprint),), app_id="a")
    return steps.go_on(world.connect(world.options()), world.request(world.options()), progress)


@pytest.mark.parametrize("name", ["register", "prove", "promote"])
@pytest.mark.parametrize("thumbprint", ["A" * 40, None])
def test_no_step_goes_on_with_a_certificate_that_is_gone(adopted, name, thumbprint):
    assert go_on(adopted, name, thumbprint) is None


def test_the_first_certificate_of_a_store_is_gone_on_with(world):
    world.renew(stop_after="registered")

    assert go_on(world, "prove", world.made[0]).progress.position == 0


def test_a_run_that_goes_on_knows_the_services_time(adopted):
    adopted.timing.ahead = dt.timedelta(hours=1)

    assert go_on(adopted, "retire", None).now == adopted.tenant.clock.now()


# What is written down where nothing is done


def test_a_run_with_nothing_to_do_leaves_the_store_as_it_is(adopted):
    before = adopted.contents

    adopted.renew(renew_before=5)

    assert adopted.contents == before


def test_what_the_directory_shows_is_on_record_before_the_first_step(adopted):
    adopted.settle()
    at = adopted.tenant.clock.now()

    adopted.renew(stop_after="generated")

    assert adopted.contents.current.record.seen == at


@pytest.mark.parametrize(
    ("reason", "given", "known", "kept"),
    [
        (None, None, "known", "known"),
        (None, None, None, None),
        (None, KEY_ID, "known", "known"),
        (None, KEY_ID, None, KEY_ID),
        ("near_expiry", KEY_ID, None, None),
        ("near_expiry", None, "known", "known"),
        ("unregistered", None, "known", None),
        ("unregistered", None, None, None),
    ],
)
def test_the_key_id_that_others_registered_the_current_certificate_under(adopted, reason, given, known, kept):
    """Forgotten when it is to be registered anew, learnt when it was not known; else not even written."""
    change(adopted, adopted.contents.current, key_id=known)
    run = adopted.run(registered_key_id=given)
    run.progress.finding = finding(reason)

    with adopted.watching_effects():
        began = len(adopted.moments)
        steps._note_what_others_do(run)
    assert adopted.contents.current.record.key_id == kept
    assert (len(adopted.moments) > began) == (kept != known)


@pytest.mark.parametrize("reason", [None, "unregistered"])
def test_without_a_current_certificate_there_is_nothing_to_note(world, reason):
    run = world.run(registered_key_id=KEY_ID)
    run.progress.finding = finding(reason)

    steps._note_what_others_do(run)

    assert world.contents.is_empty


# What is written down of a certificate that was registered elsewhere


def noted(world, *names, given=KEY_ID, **record):
    """The records of successor and current after a run with these steps for the successor was told a key ID."""
    successor = world.store.keep_successor(ours(world.tenant.issue("next")), world.contents.current.record)
    change(world, successor, **{"app_id": None, "object_id": None, "key_id": None, "registered": None, **record})
    before = world.contents
    run = world.run(registered_key_id=given)
    place = {"roll_back": world.current, "retire": world.current}
    run.progress.steps = tuple(Step(name, "", place.get(name, successor.thumbprint)) for name in names)
    steps._note_registered_elsewhere(run)
    return before, world.contents


@pytest.mark.parametrize(
    ("names", "accepted"),
    [
        (("register", "prove", "promote"), False),
        (("prove", "promote", "retire"), True),
        (("roll_back", "register"), False),
        (("roll_back", "prove"), True),
    ],
)
def test_a_key_id_from_elsewhere_belongs_to_the_certificate_that_goes_on(adopted, names, accepted):
    before, after = noted(adopted, *names)

    record = after.successor.record
    assert (record.app_id, record.object_id) == (adopted.payroll.app_id, adopted.payroll.object_id)
    assert record.key_id == KEY_ID
    assert record.registered == (adopted.tenant.clock.now() if accepted else None)
    assert after.current == before.current


@pytest.mark.parametrize(("names", "given"), [(("register", "prove"), None), (("retire",), KEY_ID), ((), KEY_ID)])
def test_without_a_key_id_or_a_certificate_that_goes_on_nothing_is_written(adopted, names, given):
    before, after = noted(adopted, *names, given=given)

    assert after == before


def test_what_was_known_of_it_stays(adopted):
    registered = adopted.tenant.clock.now() - dt.timedelta(days=1)

    _before, after = noted(adopted, "prove", app_id="known", object_id="known", registered=registered)

    record = after.successor.record
    assert (record.app_id, record.object_id) == ("known", adopted.payroll.object_id)
    assert record.registered == registered


def test_what_the_run_does_not_know_is_not_made_up(adopted):
    run, current = adopted.run(registered_key_id=KEY_ID), adopted.contents.current
    change(adopted, current, app_id=None)
    run.progress.app_id = run.progress.object_id = ""
    run.progress.steps = (Step("prove", "", current.thumbprint),)

    steps._note_registered_elsewhere(run)

    record = adopted.contents.current.record
    assert (record.app_id, record.object_id) == (None, adopted.payroll.object_id)


# Each step


def test_every_step_that_can_be_planned_can_be_carried_out():
    assert set(steps.ACTIONS) == set(STAGE_OF)


def test_going_back_is_told_with_its_reason(lost):
    back = lost.old.thumbprint

    steps._roll_back(lost.run(), Step("roll_back", "", back), None)

    reason = "the current certificate is not registered"
    assert latest(lost) == {"event": "rolled_back", "thumbprint": back, "reason": reason}


def test_going_back_needs_no_current_certificate(lost):
    run, old = lost.run(), lost.old.thumbprint
    (lost.key_store / "current").unlink()

    steps._roll_back(run, Step("roll_back", "", old), None)

    assert lost.current == old


def test_an_unsent_key_is_gone_from_the_disk_when_its_replacement_is_done(adopted):
    """Not before the directory was asked: a restored record does not know what was sent."""
    made = adopted.tenant.clock.now()
    successor = adopted.store.keep_successor(ours(adopted.tenant.issue("x")), steps.Record(generated=made))

    assert adopted.renew(key_size=3072).steps[:2] == ["replace_successor", "generate"]

    assert not (adopted.key_store / "versions" / successor.thumbprint).exists()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("reason", ["forced", None])
def test_what_is_known_when_a_key_is_made_is_on_record_and_told(adopted, known, reason):
    run = adopted.run()
    run.progress.finding = finding(reason)
    if not known:
        run.progress.app_id = run.progress.object_id = ""

    steps._generate(run, Step("generate", ""), adopted.request(adopted.options()))

    record = adopted.contents.successor.record
    whose = (adopted.payroll.app_id, adopted.payroll.object_id) if known else (None, None)
    assert ((record.app_id, record.object_id), record.finding, record.origin) == (whose, reason, "generated")
    assert latest(adopted) == {"event": "generated", "thumbprint": adopted.made[0], "finding": reason}


def test_a_certificate_does_not_sign_for_itself(adopted):
    current = adopted.current
    adopted.lose(current)
    run, before = adopted.run(), len(adopted.sign_ins())

    steps._register(run, Step("register", "", current), None)

    assert adopted.registered == [current] and len(adopted.sign_ins()) == before


@pytest.fixture
def proven(adopted):
    """A successor that was proven a moment ago."""
    adopted.renew(stop_after="proven")
    adopted.timing.waited = 0.0
    return adopted


@pytest.mark.parametrize(("short", "required"), [(1, 1), (0, 3), (-1, 3)])
def test_a_proof_of_less_than_fifteen_minutes_ago_is_checked_by_one_sign_in(proven, short, required):
    proven.settle(PROOF_FRESH.total_seconds() - short)
    run = proven.run()

    steps._prove(run, Step("prove", "", proven.made[0]), None)

    assert run.progress.proof.consecutive == required
    assert latest(proven) == {
        "event": "proven",
        "thumbprint": proven.made[0],
        "sign_ins": required,
        "attempts": required,
    }


def test_no_first_pause_comes_before_the_check_of_a_recent_proof(proven):
    run = proven.run(initial_pause=400)

    steps._prove(run, Step("prove", "", proven.made[0]), None)

    assert proven.timing.waited == 0


def test_a_proof_that_an_earlier_call_completed_leaves_no_token(proven):
    run = proven.run()
    proof = run.progress.proof
    proof.required = proof.consecutive = proof.attempts = 3

    steps._prove(run, Step("prove", "", proven.made[0]), None)

    assert proven.made[0] not in run.tokens


@pytest.mark.parametrize(
    ("edge", "more", "valid"), [("not_before", -1, False), ("not_before", 0, True), ("not_after", 0, False)]
)
def test_only_a_certificate_that_is_valid_this_second_is_promoted(proven, edge, more, valid):
    successor = proven.contents.successor
    moment = getattr(successor.certificate, edge) + dt.timedelta(seconds=more)
    proven.tenant.clock.advance((moment - proven.tenant.clock.now()).total_seconds())
    run, step = proven.run(), Step("promote", "", successor.thumbprint)

    if valid:
        steps._promote(run, step, None)
        told = {"event": "promoted", "thumbprint": successor.thumbprint, "predecessor": proven.old.thumbprint}
        assert latest(proven) == told
    else:
        with pytest.raises(Unsafe, match="is not promoted"):
            steps._promote(run, step, None)
        assert proven.current == proven.old.thumbprint


def test_promoting_the_current_certificate_again_does_not_promote_another_one(proven):
    change(proven, proven.contents.current, proven=proven.tenant.clock.now())

    steps._promote(proven.run(), Step("promote", "", proven.current), None)

    assert proven.current == proven.old.thumbprint and proven.contents.successor.thumbprint == proven.made[0]


# The mark of a stop


@pytest.mark.parametrize("reason", ["forced", None])
@pytest.mark.parametrize("stage", STAGES)
def test_a_mark_says_where_a_successor_was_left_and_why_it_was_made(adopted, stage, reason):
    adopted.store.keep_successor(ours(adopted.tenant.issue("x")), steps.Record(finding="near_expiry"))
    run = adopted.run(stop_after=stage)
    run.progress.finding = finding(reason)

    steps._leave_mark(run)

    record = adopted.contents.successor.record
    is_left = stage in ("generated", "registered", "proven")
    assert (record.stop_after, record.finding) == ((stage, reason) if is_left else (None, "near_expiry"))


@pytest.mark.parametrize("stage", STAGES)
def test_there_is_nothing_to_mark_without_a_successor(adopted, stage):
    before = adopted.contents

    steps._leave_mark(adopted.run(stop_after=stage))

    assert adopted.contents == before
