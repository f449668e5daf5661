# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renewals in which nothing goes wrong: by whom, how, at what cost, and what they leave alone."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, SignInRefused, Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Step
from ansible_collections.evercert.entra.plugins.module_utils._core.status import Finding
from ansible_collections.evercert.entra.plugins.module_utils._core.times import whole_seconds
from ansible_collections.evercert.entra.plugins.module_utils._steps import renew as steps
from ansible_collections.evercert.entra.plugins.module_utils._steps.gather import gather
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours

WHOLE = ["generate", "register", "prove", "promote", "retire"]


def test_an_administrator_renews_by_add_key_within_12_requests(adopted):
    """After an overlap no key is too young for its proof; without one PATCH removes (test_retire.py)."""
    adopted.tenant.switches.set(young_key_refused=0)

    result = adopted.renew(overlap=0)

    assert result.steps == WHOLE
    assert result.finding == "near_expiry"
    assert result.proof == "directory+sign_in"
    assert "add_key" in result.operations and "remove_key" in result.operations
    assert "patch_application" not in result.operations
    assert adopted.registered == [adopted.current] == adopted.made
    assert result.requests <= 12, result.operations


def test_an_administrator_renews_by_update_within_14_requests(adopted):
    result = adopted.renew(overlap=0, add_method="update")

    assert result.steps == WHOLE
    assert "add_key" not in result.operations
    assert adopted.registered == [adopted.current] == adopted.made
    assert result.requests <= 14, result.operations


def test_an_application_without_any_permission_renews_itself(world):
    world.adopt(**world.as_itself)
    world.settle()
    result = world.renew(overlap=7, **world.as_itself)

    assert result.steps == WHOLE[:4]
    assert result.proof == "sign_in"
    assert world.current == world.made[0]
    assert len(world.registered) == 2
    assert result.requests <= 12, result.operations


def test_an_application_that_renews_itself_retires_what_it_registered_itself(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(overlap=0, **world.as_itself)
    world.settle()
    result = world.renew(overlap=0, force=True, **world.as_itself)

    assert result.steps == WHOLE
    assert world.current == world.made[1]
    assert world.made[0] not in world.registered


def test_a_second_run_changes_nothing(adopted):
    adopted.renew(overlap=0)
    adopted.settle()
    before = adopted.credentials
    result = adopted.renew(overlap=0)

    assert not result.changed and result.steps == [] and result.finding is None
    assert adopted.credentials == before and len(adopted.made) == 1


# What a new key pair is


def test_a_new_certificate_starts_five_minutes_ago_and_lives_as_long_as_asked(adopted):
    now = whole_seconds(adopted.tenant.clock.now())
    adopted.renew(stop_after="generated", validity=90)

    made = adopted.contents.successor
    assert made.certificate.not_before == now - dt.timedelta(minutes=5)
    assert made.certificate.not_after - made.certificate.not_before == dt.timedelta(days=90)
    assert made.record == Record(
        app_id=adopted.payroll.app_id,
        object_id=adopted.payroll.object_id,
        generated=now,
        stop_after="generated",
        finding="near_expiry",
        validity="90",
        origin="generated",
    )


@pytest.mark.parametrize("subject", ["CN=asked for", None])
def test_its_subject_is_as_asked_or_the_applications_name(adopted, subject):
    asked = []
    original = adopted.make_key_pair
    adopted.make_key_pair = lambda policy, name, start, end: asked.append(name) or original(policy, name, start, end)

    adopted.renew(stop_after="generated", subject=subject)

    assert asked == [subject or "CN=payroll"]


def test_where_nothing_may_be_read_it_is_called_by_the_app_id(world):
    world.adopt(**world.as_itself)
    asked = []
    original = world.make_key_pair
    world.make_key_pair = lambda policy, name, start, end: asked.append(name) or original(policy, name, start, end)

    world.renew(stop_after="generated", **world.as_itself)

    assert asked == [f"CN={world.payroll.app_id}"]


def test_a_pair_that_was_brought_is_on_record_as_that(adopted):
    pair = ours(adopted.tenant.issue("CN from the authority", -0.01, 300))
    adopted.renew(provided=pair, stop_after="generated", pfx_passphrase="p")

    version = adopted.contents.successor
    assert version.record.origin == "provided"
    assert (adopted.key_store / "versions" / version.thumbprint / "bundle.pfx").exists()


@pytest.mark.parametrize("check", [True, False])
def test_a_renewal_does_not_take_the_pfx_from_its_consumers(world, check):
    world.adopt(pfx_passphrase="p")

    problem = world.refused(check=check)

    assert isinstance(problem, InvalidInput) and "current/bundle.pfx" in problem.message
    assert (world.made, len(world.registered)) == ([], 1)


def test_a_pfx_that_nobody_reads_any_more_can_be_left_behind(world):
    world.adopt(pfx_passphrase="p")
    (world.key_store / "current" / "bundle.pfx").unlink()
    assert world.renew().changed


def test_a_run_that_makes_nothing_needs_no_passphrase_of_a_pfx(world):
    world.adopt(pfx_passphrase="p")
    world.renew(pfx_passphrase="p", stop_after="generated")

    assert world.renew().steps == ["register", "prove", "promote"]
    assert (world.key_store / "current" / "bundle.pfx").exists()


@pytest.mark.parametrize(("more", "refused"), [(0, True), (1, False)])
def test_a_pair_that_was_brought_has_to_last_beyond_the_next_renewal(adopted, more, refused):
    now = adopted.tenant.clock.now()
    pair = ours(adopted.tenant.issue("x", -1, 10))
    certificate = dataclasses.replace(pair.certificate, not_after=now + dt.timedelta(days=30, seconds=more))
    run = adopted.run()

    if refused:
        with pytest.raises(InvalidInput, match="within renew_before"):
            steps._refuse_unusable(run, dataclasses.replace(pair, certificate=certificate))
    else:
        steps._refuse_unusable(run, dataclasses.replace(pair, certificate=certificate))


@pytest.mark.parametrize(("more", "refused"), [(1, True), (0, False)])
def test_a_pair_that_was_brought_has_to_be_valid_already(adopted, more, refused):
    now = adopted.tenant.clock.now()
    pair = ours(adopted.tenant.issue("x", -1, 100))
    certificate = dataclasses.replace(pair.certificate, not_before=now + dt.timedelta(seconds=more))
    run = adopted.run()

    if refused:
        with pytest.raises(InvalidInput, match="is not valid before"):
            steps._refuse_unusable(run, dataclasses.replace(pair, certificate=certificate))
    else:
        steps._refuse_unusable(run, dataclasses.replace(pair, certificate=certificate))


# Proof and promotion


def test_the_proof_is_on_record_before_the_promotion(adopted):
    adopted.renew(stop_after="proven")

    record = adopted.contents.successor.record
    assert record.proven == record.accepted == adopted.tenant.clock.now()


@pytest.mark.parametrize(("since", "pause"), [(0, 40), (30, 10), (40, 0), (100, 0), (-5, 40)])
def test_the_first_pause_counts_from_the_registration(adopted, since, pause):
    adopted.renew(stop_after="registered")
    version = adopted.contents.successor
    registered = adopted.tenant.clock.now() - dt.timedelta(seconds=since)
    adopted.store.write_record(version.thumbprint, dataclasses.replace(version.record, registered=registered))
    adopted.timing.waited = 0.0

    adopted.renew(stop_after="proven", initial_pause=40, sign_ins=1)

    assert adopted.timing.waited == pause


def test_a_recent_proof_is_checked_by_one_sign_in_without_a_pause(adopted):
    adopted.renew(stop_after="proven")
    adopted.timing.waited = 0.0

    done = adopted.renew(stop_after="promoted", initial_pause=40).sign_ins

    assert (done["required"], done["attempts"], adopted.timing.waited) == (1, 1, 0)


@pytest.mark.parametrize(("code", "blames"), [(7000274, True), (53003, False)])
def test_only_a_refusal_for_being_this_key_gives_the_successor_up(adopted, code, blames):
    adopted.tenant.faults.add("error", match="token", skip=2, status=401, error="invalid_client", code=code)

    assert isinstance(adopted.refused(), SignInRefused)
    assert bool(adopted.contents.successor.record.refused) == blames


@pytest.mark.parametrize("lacking", ["proof", "start", "end"])
def test_what_is_not_proven_and_valid_now_is_not_promoted(adopted, lacking):
    adopted.renew(stop_after="proven")
    run = adopted.run()
    version, now = adopted.contents.successor, run.now
    if lacking == "proof":
        run.remember(version, proven=None)
    else:
        adopted.tenant.clock.advance({"start": -400, "end": 181 * 86400}[lacking])
    run.connection.service.discovery()

    with pytest.raises(Unsafe, match="it is not proven and valid now"):
        steps._promote(run, Step("promote", "", version.thumbprint), None)
    assert adopted.current == adopted.old.thumbprint and now


def test_promoting_the_current_certificate_again_begins_its_overlap_anew(adopted):
    run = adopted.run()
    current = adopted.contents.current
    run.remember(current, stop_after="promoted", promoted=None)

    steps._promote(run, Step("promote", "", current.thumbprint), None)

    record = adopted.contents.current.record
    assert record.promoted == run.now and record.stop_after is None
    assert adopted.events()[-1] == "promoted"


# Stops and pauses


@pytest.mark.parametrize("stage", ["generated", "registered", "proven"])
def test_a_stop_leaves_its_mark(adopted, stage):
    adopted.renew(stop_after=stage, force=True)

    record = adopted.contents.successor.record
    assert (record.stop_after, record.finding) == (stage, "near_expiry")


def test_a_stop_without_a_successor_leaves_none(adopted):
    adopted.renew(stop_after="generated", renew_before=1)

    assert adopted.contents.successor is None


@pytest.mark.parametrize("stage", ["promoted", "retired"])
def test_a_whole_renewal_leaves_no_mark(adopted, stage):
    adopted.renew(stop_after=stage, overlap=0)

    assert adopted.contents.current.record.stop_after is None


def test_an_unplanned_run_goes_on_with_nothing(adopted):
    connection = adopted.connect(adopted.options())

    assert steps.go_on(connection, adopted.request(adopted.options()), Progress()) is None


def waiting(adopted, name, thumbprint, reason="near_expiry", position=0):
    """What an earlier call handed over: it waits at this step."""
    names = ("register", "prove", "promote", "retire")
    planned = tuple(Step(each, "", None if each == "retire" else thumbprint) for each in names)
    progress = Progress(
        finding=Finding(reason, "", ""), steps=planned, position=names.index(name), made=thumbprint, app_id="a"
    )
    connection = adopted.connect(adopted.options())
    return steps.go_on(connection, adopted.request(adopted.options()), progress)


def test_a_call_goes_on_with_the_successor_that_is_still_there(adopted):
    adopted.renew(stop_after="registered")

    run = waiting(adopted, "prove", adopted.made[0])

    assert run.progress.position == 1 and run.provided is None


def test_a_call_begins_anew_when_the_successor_is_another_one(adopted):
    adopted.renew(stop_after="registered")

    assert waiting(adopted, "prove", "A" * 40) is None
    assert waiting(adopted, "prove", "") is None


def test_what_another_run_has_promoted_meanwhile_is_left_to_it(adopted):
    adopted.renew()

    run = waiting(adopted, "prove", adopted.current)

    assert [step.name for step in run.progress.steps[run.progress.position :]] == ["retire"]


def test_one_that_was_current_from_the_start_is_still_ours(adopted):
    adopted.renew()

    assert waiting(adopted, "prove", adopted.current, reason="unregistered").progress.position == 1


def test_a_retirement_goes_on_whatever_the_successor_is(adopted):
    adopted.renew(stop_after="registered")

    assert waiting(adopted, "retire", "A" * 40).progress.position == 3


# Back to a predecessor, and replacing


def test_a_version_is_made_current_once(adopted):
    adopted.renew()
    run = adopted.run()
    step = Step("roll_back", "", adopted.old.thumbprint)

    for _again in range(2):
        steps._roll_back(run, step, None)

    assert adopted.current == adopted.old.thumbprint
    assert adopted.events().count("rolled_back") == 1 and not run.tokens


def test_what_is_replaced_is_kept_and_set_aside_where_it_was_not_sent(adopted):
    for kept in ({"intent": True}, {"stop_after": "generated"}, {"promoted": True}, {}):
        made = adopted.store.keep_successor(ours(adopted.tenant.issue("x")), Record())
        run = adopted.run()
        changes = {name: run.now if value is True else value for name, value in kept.items()}
        run.remember(made, **changes)

        steps._replace_successor(run, Step("replace_successor", "", made.thumbprint), None)

        assert adopted.contents.successor is None
        assert bool(adopted.contents.find(made.thumbprint).record.aside) != bool(kept)
        assert adopted.events()[-1] == "replaced"


def test_a_refused_current_key_signs_no_proof(adopted):
    snapshot = gather(adopted.connect(adopted.options(**adopted.as_itself)))
    assert steps.usable_current(snapshot) == snapshot.store.current

    adopted.lose(adopted.current)
    assert steps.usable_current(gather(adopted.connect(adopted.options(**adopted.as_itself)))) is None


def test_what_cannot_be_retired_is_a_warning_even_when_nothing_is_done(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(overlap=0, **world.as_itself)
    world.warnings.clear()

    world.renew(overlap=0, check=True, **world.as_itself)

    assert len(world.warnings) == 1 and "key ID is not recorded" in world.warnings[0]


def test_a_lock_that_is_not_free_is_waited_for_until_its_deadline(adopted):
    request = dataclasses.replace(adopted.request(adopted.options()), lock_deadline=adopted.timing.monotonic() - 5)

    with steps.locked(adopted.connect(adopted.options()), request):
        pass  # a deadline that is over asks once
