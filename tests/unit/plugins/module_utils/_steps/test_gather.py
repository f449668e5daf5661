# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a renewal decides on: how often it reads, when it signs in, and what an answer counts for."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused, SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._steps.gather import gather, try_sign_in

DAY = 86400
LATE = 10**6


def look(world, looked=None, **given):
    """The snapshot; the world then knows which requests it cost and how long it waited."""
    world.since, world.timing.waited, first = len(world.emulator.log.lines), 0.0, len(world.sent)
    snapshot = gather(world.connect(world.options(**given)), looked)
    world.reads = [one for one in world.sent[first:] if one.method == "GET" and "/applications" in one.url]
    return snapshot


def tries(world):
    """Sign-ins with keys of the application."""
    lines = world.emulator.log.lines[world.since :]
    return [line for line in lines if line["operation"] == "token" and line["app_id"] == world.payroll.app_id]


def refuse(world, code, times=1):
    world.tenant.faults.add("error", match="token", times=times, status=401, error="invalid_client", code=code)


def remember(world, version, **changes):
    world.store.write_record(version.thumbprint, dataclasses.replace(version.record, **changes))


# An administrator reads


def test_a_certificate_that_is_shown_costs_one_read_and_no_sign_in(adopted):
    snapshot = look(adopted)

    assert snapshot.application.app_id == adopted.payroll.app_id
    assert len(adopted.reads) == 1 and tries(adopted) == []
    assert snapshot.current_sign_in is None and snapshot.unreadable is None


def test_an_absent_certificate_is_looked_for_three_times_then_tried(adopted):
    adopted.lose(adopted.old.thumbprint)
    looked = {}

    snapshot = look(adopted, looked)

    assert [one.new_connection for one in adopted.reads] == [False, True, True]
    assert [adopted.payroll.object_id in one.url for one in adopted.reads] == [False, True, True]
    assert adopted.timing.waited == 2 and looked["absent"] == 3
    assert len(tries(adopted)) == 1 and snapshot.current_sign_in.diagnosis.code == "certificate_not_registered"
    assert adopted.purposes()[-1] == "check"


def test_what_earlier_calls_have_looked_for_counts(adopted):
    adopted.lose(adopted.old.thumbprint)

    look(adopted, {"absent": 2})

    assert len(adopted.reads) == 1


def test_a_certificate_that_is_shown_again_is_not_tried(adopted):
    adopted.renew(overlap=0)
    adopted.tenant.reads.lag(seconds=[LATE, 0])

    snapshot = look(adopted)

    assert len(adopted.reads) == 2 and adopted.timing.waited == 1
    assert tries(adopted) == [] and snapshot.current_sign_in is None
    assert snapshot.application.find_credential(snapshot.store.current.certificate)


def test_a_successor_under_way_leaves_the_absent_current_one_alone(adopted):
    adopted.renew(stop_after="registered")
    adopted.lose(adopted.old.thumbprint)

    snapshot = look(adopted)

    assert len(adopted.reads) == 1 and tries(adopted) == [] and snapshot.current_sign_in is None


def test_an_application_is_read_by_the_object_id_that_is_given(adopted):
    look(adopted, object_id=adopted.payroll.object_id)

    assert f"/applications/{adopted.payroll.object_id}?" in adopted.reads[0].url


def test_who_may_not_read_decides_without(adopted):
    nobody = adopted.tenant.add_application("nobody", secret="n")

    snapshot = look(adopted, client_id=nobody.app_id, client_secret="n")

    assert (snapshot.application, snapshot.current_sign_in) == (None, None)
    assert snapshot.unreadable.code == "permission_denied"


def test_any_other_answer_is_the_result(adopted):
    adopted.tenant.faults.add("error", match="get_application", status=400, times=None)

    with pytest.raises(GraphRefused):
        look(adopted)


def test_a_token_that_was_given_needs_no_token_service(adopted):
    token = adopted.connect(adopted.options()).graph.token.value

    look(adopted, auth_source="access_token", access_token=token)

    assert adopted.operations(adopted.since) == ["get_application"]


def test_trouble_with_the_trial_is_no_answer_about_the_key(adopted):
    adopted.lose(adopted.old.thumbprint)
    adopted.tenant.faults.add("error", match="token", skip=1, status=503, times=None)

    with pytest.raises(SignInRefused) as caught:
        look(adopted)
    assert caught.value.diagnosis.retry == "later"


def test_trouble_with_a_sign_in_that_was_asked_for_is_no_answer_either(adopted):
    connection, current = adopted.connect(adopted.options()), adopted.contents.current
    adopted.tenant.faults.add("error", match="token", status=503, times=None)

    with pytest.raises(SignInRefused) as caught:
        try_sign_in(connection, None, current, "info")
    assert caught.value.diagnosis.retry == "later"


@pytest.mark.parametrize("repairs", [[], ["service_principal"]])
def test_a_key_of_a_service_principal_that_was_just_repaired_counts_as_not_registered(adopted, repairs):
    adopted.lose(adopted.old.thumbprint)
    adopted.tenant.enable(adopted.payroll, False)

    if not repairs:
        with pytest.raises(SignInRefused):
            look(adopted)
        return
    diagnosis = look(adopted, repairs=repairs).current_sign_in.diagnosis
    assert diagnosis.code == "certificate_not_registered" and diagnosis.evidence["correlation_id"]


def test_a_key_that_signs_in_after_a_repair_is_accepted(adopted):
    adopted.renew(overlap=0)
    adopted.tenant.reads.lag(seconds=[LATE])

    assert look(adopted, repairs=["service_principal"]).current_sign_in.accepted


def test_a_trial_that_is_refused_for_another_reason_is_the_result(adopted):
    adopted.lose(adopted.old.thumbprint)
    adopted.tenant.enable(adopted.payroll, False)

    with pytest.raises(SignInRefused) as caught:
        look(adopted)
    assert caught.value.diagnosis.code == "application_disabled"


# The application reads itself


def test_a_sign_in_as_itself_is_the_proof_that_its_key_works(adopted):
    snapshot = look(adopted, **adopted.as_itself)

    assert snapshot.application is None and snapshot.unreadable.code == "permission_denied"
    assert snapshot.current_sign_in.accepted and len(tries(adopted)) == 1


def test_one_that_may_read_itself_is_read(adopted):
    adopted.tenant.grant(adopted.payroll, "Application.Read.All")

    snapshot = look(adopted, **adopted.as_itself)

    assert snapshot.application and snapshot.current_sign_in.accepted and snapshot.unreadable is None


def test_a_refusal_as_not_registered_is_asked_three_times_and_outweighs_the_record(adopted):
    adopted.lose(adopted.old.thumbprint)
    looked = {}

    snapshot = look(adopted, looked, **adopted.as_itself)

    assert len(tries(adopted)) == 3 and adopted.timing.waited == 4 and looked["refused"] == 3
    assert snapshot.current_sign_in.diagnosis.code == "certificate_not_registered"
    assert snapshot.store.current.record.registered is None
    assert adopted.contents.current.record.registered


def test_refusals_of_earlier_calls_count(adopted):
    adopted.lose(adopted.old.thumbprint)

    look(adopted, {"refused": 2}, **adopted.as_itself)

    assert len(tries(adopted)) == 1


def test_an_acceptance_after_a_refusal_keeps_the_record(adopted):
    adopted.tenant.faults.add(
        "error",
        match="token",
        status=401,
        error="invalid_client",
        code=700027,
        message="[Reason - The key was not found.]",
    )

    snapshot = look(adopted, **adopted.as_itself)

    assert snapshot.current_sign_in.accepted and len(tries(adopted)) == 2
    assert snapshot.store.current.record.registered


def test_a_refusal_for_another_reason_is_final_and_keeps_the_record(adopted):
    refuse(adopted, 7000274)

    snapshot = look(adopted, **adopted.as_itself)

    assert snapshot.current_sign_in.diagnosis.code == "certificate_refused" and len(tries(adopted)) == 1
    assert snapshot.store.current.record.registered and adopted.timing.waited == 0


def test_a_refusal_that_is_not_the_keys_is_the_result(adopted):
    adopted.tenant.enable(adopted.payroll, False)

    with pytest.raises(SignInRefused):
        look(adopted, **adopted.as_itself)


def test_a_refused_administrator_is_the_result_whatever_is_wrong(adopted):
    refuse(adopted, 7000274)

    with pytest.raises(SignInRefused):
        look(adopted)


@pytest.mark.parametrize(("before_the_end", "asked"), [(1, 1), (0, 0)])
def test_a_key_that_has_ended_by_the_services_clock_is_not_tried(adopted, before_the_end, asked):
    adopted.settle(20 * DAY - 900 - before_the_end)
    adopted.timing.ahead = -adopted.timing.ahead.resolution * 10**6 * 3600  # our own clock is an hour late

    snapshot = look(adopted, **adopted.as_itself)

    assert len(tries(adopted)) == asked
    assert asked or adopted.operations(adopted.since) == ["discovery"]
    assert bool(snapshot.current_sign_in) == bool(asked)


def test_a_successor_under_way_is_no_reason_to_ask_again_for_the_current_one(adopted):
    adopted.renew(stop_after="registered")
    adopted.lose(adopted.old.thumbprint)

    snapshot = look(adopted, **adopted.as_itself)

    assert snapshot.current_sign_in.diagnosis and adopted.timing.waited == 0
    assert snapshot.store.current.record.registered


# The way back


@pytest.fixture
def replaced(adopted):
    """A current certificate that is not registered any more, and its predecessor, which still is."""
    adopted.renew()
    adopted.settle()
    adopted.lose(adopted.current)
    return adopted


def test_a_predecessor_is_tried_when_the_current_key_is_refused(replaced):
    snapshot = look(replaced)

    assert snapshot.predecessor_sign_in.accepted and len(tries(replaced)) == 2


def test_it_is_not_tried_while_the_current_key_works(adopted):
    adopted.renew()
    adopted.settle()

    assert look(adopted, **adopted.as_itself).predecessor_sign_in is None
    assert len(tries(adopted)) == 1


def test_it_is_not_tried_once_it_is_retired(replaced):
    remember(replaced, replaced.contents.predecessor, retired=replaced.tenant.clock.now())

    assert look(replaced).predecessor_sign_in is None and len(tries(replaced)) == 1


def test_it_is_not_tried_when_it_has_ended(replaced):
    replaced.settle(20 * DAY)

    assert look(replaced).predecessor_sign_in is None and len(tries(replaced)) == 1


def test_it_is_not_tried_while_a_successor_is_under_way(adopted):
    adopted.renew()
    adopted.settle()
    adopted.renew(stop_after="registered", force=True)
    adopted.settle()
    adopted.lose(adopted.current)

    snapshot = look(adopted, **adopted.as_itself)

    assert snapshot.store.predecessor and snapshot.current_sign_in.diagnosis
    assert snapshot.predecessor_sign_in is None and len(tries(adopted)) == 2  # the current one and the successor


# A successor that may have been sent


@pytest.fixture
def left(adopted):
    """Made and left by request, known to nobody but perhaps somebody else."""
    adopted.renew(stop_after="generated")
    adopted.settle()
    return adopted


def test_a_pair_left_by_request_is_tried_once(left):
    assert look(left).successor_sign_in.diagnosis.code == "certificate_not_registered"
    assert len(tries(left)) == 1


def test_one_that_the_application_shows_is_not_tried(left):
    left.tenant.add_credential(left.payroll, left.store.signer(left.made[0]).certificate.der)

    assert look(left).successor_sign_in is None and tries(left) == []


def test_one_that_was_refused_for_good_is_not_tried(left):
    remember(left, left.contents.successor, refused=left.tenant.clock.now())

    assert look(left).successor_sign_in is None and tries(left) == []


def test_one_that_has_ended_is_not_tried(left):
    left.settle(181 * DAY)

    assert look(left).successor_sign_in is None and tries(left) == []


def test_one_that_this_collection_may_have_sent_is_read_where_it_may_be(left):
    remember(left, left.contents.successor, intent=left.tenant.clock.now())

    assert look(left).successor_sign_in is None and tries(left) == []


@pytest.mark.parametrize(("sent", "accepted", "asked"), [(True, False, 1), (True, True, 3), (False, False, 1)])
def test_where_nothing_may_be_read_it_is_tried_whatever_its_record_says(left, sent, accepted, asked):
    """A restored record does not know of the write. What has signed in once may be refused by a token server that
    lags: that is asked more often."""
    now = left.tenant.clock.now()
    times = {"intent": now if sent else None, "accepted": now if accepted else None}
    remember(left, left.contents.successor, stop_after=None, **times)

    assert bool(look(left, **left.as_itself).successor_sign_in) == bool(asked)
    assert len(tries(left)) == 1 + asked
