# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign-ins: what counts, how they are paced, how many there are, and what a final refusal leads to."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.budget import pause_after_refusal
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NotProven, SignInRefused, StillWaiting
from ansible_collections.evercert.entra.plugins.module_utils._steps import prove as proofs
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import ProofProgress
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import SlicedTiming, ours

NOT_FOUND = {"kind": "error", "match": "token", "status": 401, "error": "invalid_client", "code": 700027}


def fail_sign_in(world, skip, **details):
    """The first `skip` tokens are the administrator's, the current key's and the successor's first ones."""
    world.tenant.faults.add("error", match="token", skip=skip, **details)


def refuse(world, skip, times=1):
    fail_sign_in(
        world,
        skip,
        times=times,
        status=401,
        error="invalid_client",
        code=700027,
        message="[Reason - The key was not found.]",
    )


def test_a_refusal_starts_the_count_again(adopted):
    refuse(adopted, skip=4)  # admin, own token, two successes, then this

    assert adopted.renew(stop_after="proven").sign_ins["attempts"] == 6


def test_a_proof_that_was_started_again_is_reported_as_weaker(adopted):
    straight = adopted.renew(overlap=0).sign_ins
    adopted.settle()
    refuse(adopted, skip=4)  # admin, own token, two successes, then this
    started_again = adopted.renew(force=True, stop_after="proven").sign_ins

    assert (straight["restarts"], started_again["restarts"]) == (0, 1)
    assert straight["would_detect"] < started_again["would_detect"] < 1


def test_passing_trouble_does_not_touch_the_count(adopted):
    fail_sign_in(adopted, skip=4, status=503)

    done = adopted.renew(stop_after="proven").sign_ins
    assert (done["attempts"], done["restarts"]) == (4, 0)


def test_retry_after_of_a_sign_in_is_obeyed(adopted):
    fail_sign_in(adopted, skip=4, status=429, retry_after=200)
    before = adopted.timing.waited

    adopted.renew(stop_after="proven")

    assert adopted.timing.waited - before >= 200


def test_a_retry_after_beyond_the_deadline_ends_the_proof_unproven(adopted):
    fail_sign_in(adopted, skip=4, status=429, retry_after=5000)

    assert isinstance(adopted.refused(stop_after="proven"), NotProven)


def test_the_first_sign_in_waits_for_the_initial_pause(adopted):
    adopted.renew(stop_after="registered")
    before = adopted.timing.waited
    adopted.renew(stop_after="proven", initial_pause=90, sign_ins=1)

    assert adopted.timing.waited - before == 90


def test_a_final_refusal_is_remembered_and_the_next_run_replaces_the_successor(adopted):
    fail_sign_in(adopted, skip=2, status=401, error="invalid_client", code=7000274)

    error = adopted.refused(overlap=0)
    assert isinstance(error, SignInRefused) and error.diagnosis.code == "certificate_refused"
    assert adopted.contents.successor.record.refused and adopted.usable()[0] == adopted.old.thumbprint

    adopted.settle()
    result = adopted.renew(overlap=0)
    assert result.steps == ["replace_successor", "generate", "register", "prove", "promote", "retire", "retire"]
    assert adopted.registered == [adopted.current] == adopted.made[1:]


def test_the_deadline_ends_the_proof_and_the_next_run_goes_on_with_the_same_certificate(adopted):
    adopted.tenant.sign_ins.lag(seconds=[1500])

    error = adopted.refused(overlap=0)
    assert isinstance(error, NotProven) and "700027" in str(error.diagnosis.evidence)
    adopted.settle(1500)
    adopted.renew(overlap=0)

    assert adopted.made == [adopted.current] == adopted.registered


def most_in_five_minutes(moments):
    window = dt.timedelta(minutes=5)
    return max((sum(1 for other in moments if moment <= other < moment + window) for moment in moments), default=0)


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
@pytest.mark.parametrize("budget", [3, 5, 14])
def test_the_budget_holds_across_renewal_verification_and_report(adopted, identity, budget):
    """Counted at the service, by assertion: every sign-in made with a key of the application."""
    moments = []
    adopted.liar = lambda request: _note(adopted, moments, request)
    adopted.tenant.sign_ins.lag(seconds=[0, 100, 250])
    options = {"sign_in_budget": budget, **getattr(adopted, identity)}

    adopted.verify(**options)
    adopted.renew(**options)
    adopted.info(sign_in=True, **options)
    adopted.verify(**options)

    assert len(moments) >= 8 and most_in_five_minutes(moments) <= budget


def _note(world, moments, request):
    if b"client_assertion" in (request.body or b"") and world.payroll.app_id.encode() in request.body:
        moments.append(world.tenant.clock.now())


def test_without_a_limit_sign_ins_follow_the_interval_alone(adopted):
    adopted.tenant.sign_ins.lag(seconds=[100])
    result = adopted.renew(stop_after="proven", sign_in_budget=0, sign_in_interval=5)

    assert result.sign_ins["attempts"] > 15


def test_a_wait_for_the_budget_moves_the_deadline_and_is_said(adopted):
    result = adopted.renew(sign_in_budget=3, sign_ins=3, timeout_propagation=60, overlap=0, sign_in_interval=5)

    assert result.sign_ins["consecutive"] == 3
    assert any("sign_in_budget" in said for said in adopted.timing.said)


def test_every_sign_in_of_a_proof_uses_a_new_connection_and_a_new_assertion(adopted):
    adopted.renew(stop_after="registered")
    since = len(adopted.sent)
    adopted.renew(stop_after="proven")
    tokens = [one for one in adopted.sent[since:] if b"client_assertion=" in (one.body or b"")]

    assert len(tokens) == 3 and all(one.new_connection for one in tokens)
    assert len({one.body for one in tokens}) == 3


def test_verification_expects_refusals_of_a_key_that_is_gone(adopted):
    adopted.tenant.remove_credential(adopted.payroll, next(iter(adopted.credentials)))

    gone = adopted.verify(expect="refused")
    assert gone.verified and gone.sign_ins["restarts"] == 0
    assert not adopted.verify(timeout_propagation=60).verified


def test_verification_that_expects_refusals_counts_an_acceptance_as_a_restart(adopted):
    """Two token servers; only the first has heard of the removal at the second sign-in."""
    adopted.tenant.sign_ins.lag(seconds=[0, 60])
    adopted.tenant.remove_credential(adopted.payroll, next(iter(adopted.credentials)))

    assert adopted.verify(expect="refused", sign_in_interval=5).sign_ins["restarts"] > 0


def test_verification_of_the_successor_needs_no_promotion(adopted):
    adopted.renew(stop_after="registered")

    assert adopted.verify(stage="successor").verified


# The loop itself


class Trial:
    """A proof of the current key; the seconds at which its attempts were made, counted from its beginning."""

    def __init__(self, world, pause=10, **options):
        self.world, self.connection = world, world.connect(world.options(**options))
        self.progress, self.started = ProofProgress(), world.timing.monotonic()
        proofs.begin(self.progress, self.connection, self.connection.proof.sign_ins, pause)
        self.moments = []
        world.liar = self._note

    def _note(self, request):
        if b"client_assertion" in (request.body or b""):
            self.moments.append(round(self.world.timing.monotonic() - self.started))

    def run(self):
        signer = self.world.store.signer(self.world.current)
        return proofs.prove(self.connection, self.progress, self.world.payroll.app_id, signer)


def test_a_proof_begins_once(adopted):
    trial = Trial(adopted, timeout_propagation=100)
    now = adopted.timing.monotonic()
    assert (trial.progress.started, trial.progress.deadline, trial.progress.next_at) == (now, now + 100, now + 10)

    before = dataclasses.replace(trial.progress)
    adopted.settle(50)
    proofs.begin(trial.progress, trial.connection, 7, 0)
    assert trial.progress == before


def test_each_sign_in_has_its_time_and_its_correlation_id(adopted):
    trial = Trial(adopted)
    token = trial.run()

    assert trial.moments == [10, 40, 70]
    asked = [one.headers["client-request-id"] for one in adopted.sent if b"client_assertion" in (one.body or b"")][-3:]
    assert trial.progress.correlation_ids == asked and len(set(asked)) == 3
    assert token.correlation_id == asked[-1]


def test_a_refused_sign_in_has_its_correlation_id_too(adopted):
    trial = Trial(adopted, sign_ins=1)
    refuse(adopted, skip=0)

    trial.run()

    asked = [one.headers["client-request-id"] for one in adopted.sent if b"client_assertion" in (one.body or b"")][-2:]
    assert trial.progress.correlation_ids == asked


def test_the_latest_fifty_correlation_ids_are_kept():
    progress = ProofProgress()
    for number in range(60):
        proofs.note_answer(progress, str(number))
        proofs.note_answer(progress, None)

    assert progress.correlation_ids == [str(number) for number in range(10, 60)]


@pytest.mark.parametrize("repairs", [[], ["service_principal"]])
def test_a_service_principal_that_was_just_repaired_may_not_be_known_yet(adopted, repairs):
    trial = Trial(adopted, repairs=repairs, sign_ins=1)
    fail_sign_in(adopted, skip=0, status=400, error="unauthorized_client", code=700016)

    if repairs:
        trial.run()
    else:
        with pytest.raises(SignInRefused):
            trial.run()
    assert len(trial.moments) == 1 + len(repairs)


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "error", "status": 503}])
@pytest.mark.parametrize(("interval", "pause"), [(0, 2), (1, 2), (30, 30)])
def test_passing_trouble_is_waited_out_and_counts_for_nothing(adopted, fault, interval, pause):
    trial = Trial(adopted, sign_in_interval=interval, sign_ins=1)
    adopted.tenant.faults.add(match="token", **fault)

    trial.run()

    assert trial.moments == [10, 10 + pause]


@pytest.mark.parametrize(("asked", "pause"), [(1, 30), (90, 90)])
def test_the_service_may_ask_for_more_time_and_not_for_less(adopted, asked, pause):
    trial = Trial(adopted, sign_ins=1)
    adopted.tenant.faults.add("error", match="token", status=429, retry_after=asked)

    trial.run()

    assert trial.moments == [10, 10 + pause]


@pytest.mark.parametrize("has_store", [True, False])
def test_after_a_refusal_the_budget_is_spread_up_to_the_deadline(adopted, has_store):
    options = {} if has_store else {"key_store": None}
    trial = Trial(adopted, sign_in_budget=4, sign_ins=1, timeout_propagation=250, **options)
    refuse(adopted, skip=0)
    refused = adopted.tenant.clock.now() + dt.timedelta(seconds=10)

    trial.run()

    wanted = pause_after_refusal(trial.connection.proof, [refused] if has_store else [], refused, 240)
    assert trial.moments == [10, 10 + wanted] == [10, 90 if has_store else 70]


def test_the_last_moment_still_counts(adopted):
    trial = Trial(adopted, timeout_propagation=70)

    trial.run()

    assert trial.moments == [10, 40, 70]


def test_until_the_deadline_there_is_a_sign_in(adopted):
    trial = Trial(adopted, sign_ins=1)
    trial.progress.next_at, trial.progress.deadline = trial.started, trial.started + 1

    trial.run()

    assert trial.moments == [0]


def test_after_the_deadline_nobody_signs_in(adopted):
    for late in (0, 1):
        trial = Trial(adopted, timeout_propagation=70)
        trial.progress.deadline = adopted.timing.monotonic() - late
        trial.progress.next_at = trial.progress.deadline

        with pytest.raises(NotProven, match="0 of 3 consecutive sign-ins were accepted in 0 attempts within 70 s"):
            trial.run()
        assert trial.moments == []


def test_a_wait_for_the_budget_that_is_handed_over_moves_the_deadline_too(adopted):
    connection = adopted.connect(adopted.options(sign_in_budget=3), timing=SlicedTiming(adopted.tenant))
    for _number in range(3):
        connection.note_sign_in(adopted.current, "test")
    progress = ProofProgress()
    proofs.begin(progress, connection, 3, 0)
    before = progress.deadline

    with pytest.raises(StillWaiting, match="sign_in_budget"):
        proofs.prove(connection, progress, adopted.payroll.app_id, adopted.store.signer(adopted.current))
    assert (progress.deadline, progress.attempts) == (before + 300, 0)


def test_what_is_waited_for_is_said(adopted):
    adopted.timing.said.clear()
    Trial(adopted).run()

    first, *others = adopted.timing.said
    assert first == "the token service to see the latest changes before the first sign-in (600 s left)"
    assert [said.split(":")[1][:37] for said in others] == [
        " 1 of 3 consecutive sign-ins accepted",
        " 2 of 3 consecutive sign-ins accepted",
    ]


def test_the_last_answer_is_told_where_there_was_one(adopted):
    adopted.tenant.sign_ins.lag(seconds=[10**6])
    adopted.tenant.add_credential(adopted.payroll, late := adopted.tenant.issue("late"))
    trial = Trial(adopted)

    with pytest.raises(NotProven, match="Last answer: Entra does not find the certificate"):
        proofs.prove(trial.connection, trial.progress, adopted.payroll.app_id, ours(late))


def test_a_proof_that_was_not_needed_took_no_time(adopted):
    values = proofs.as_values(ProofProgress(), adopted.connect(adopted.options()))

    assert values["elapsed"] == 0.0 and values["would_detect"] is None


def test_the_time_of_a_proof_is_told(adopted):
    trial = Trial(adopted)
    trial.run()
    trial.progress.started -= 0.26

    assert proofs.as_values(trial.progress, trial.connection)["elapsed"] == 70.3


# Never a storm


def apart(world):
    """The seconds between one attempt as payroll and the next."""
    times = [dt.datetime.fromisoformat(line["time"]) for line in world.sign_ins()]
    return [(later - earlier).total_seconds() for earlier, later in zip(times, times[1:])]


def test_a_refused_sign_in_is_not_repeated_at_once_whatever_the_options(adopted):
    adopted.renew(stop_after="registered", overlap=7)
    since = len(adopted.sign_ins())
    refuse(adopted, skip=1, times=None)

    with pytest.raises(NotProven):
        adopted.renew(sign_in_interval=0, sign_in_budget=0, initial_pause=0, timeout_propagation=60, overlap=7)

    assert min(apart(adopted)[since:]) >= 2


def test_a_rollback_asks_no_faster(adopted):
    adopted.renew(overlap=7)
    adopted.lose(adopted.current)
    adopted.settle()
    since = len(adopted.sign_ins())

    adopted.roll_back(sign_in_interval=0, sign_in_budget=0)

    assert min(apart(adopted)[since : since + 2]) >= 2
