# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a certificate gets onto an application: the way, the intent, an answer, none, and being sure that it is there."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import explain
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    GraphRefused,
    NetworkFailure,
    NotPermitted,
    NotProven,
    SignInRefused,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._core.times import format_iso
from ansible_collections.evercert.entra.plugins.module_utils._steps import register as steps
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed, die, ours

REFUSED = {"status": 401, "error": "invalid_client"}


@pytest.fixture
def left(adopted):
    """A successor that nobody has sent."""
    adopted.renew(stop_after="generated")
    adopted.settle()
    adopted.timing.waited = 0.0
    return adopted


def start(world, **options):
    """A run under way, with its successor; the world then knows where its requests and sign-ins begin."""
    run = world.run(**options)
    run.begin_writing()
    world.since, world.signed_in, world.timing.waited = len(world.sent), len(world.sign_ins()), 0.0
    return run, run.version(world.made[0])


def writes(world):
    return [one for one in world.sent[world.since :] if one.method in ("POST", "PATCH") and "/applications" in one.url]


def reads(world):
    return [one for one in world.sent[world.since :] if one.method == "GET" and "/applications" in one.url]


def tries(world):
    return world.sign_ins()[world.signed_in :]


def register(world, run, version):
    steps.register(run, version, run.version(world.old.thumbprint))


# The way


def test_the_applications_own_token_comes_first(left):
    run, version = start(left)
    register(left, run, version)

    [sent] = writes(left)
    assert sent.url.endswith("/addKey")


def test_without_a_current_key_the_administrator_writes(left):
    run, version = start(left)

    assert steps.choose_way(run, None) == (None, "the key store holds no other key that could sign in")
    assert steps.choose_way(start(left, add_method="update")[0], version) == (None, "")


def test_where_no_way_is_open_it_is_said_which_and_why(left):
    run, version = start(left, add_method="add_key")
    with pytest.raises(Unsafe, match="addKey cannot be used: the key store holds no other key that could sign in"):
        steps.choose_way(run, None)

    run, _version = start(left, **left.as_itself)
    with pytest.raises(Unsafe, match="own credentials: the key store holds no other key that could sign in"):
        steps.choose_way(run, None)

    run, version = start(left, **{**left.as_itself, "add_method": "update"})
    with pytest.raises(Unsafe, match="cannot write its own credentials: it may not read its own object"):
        steps.choose_way(run, version)


def test_an_application_that_may_write_itself_does(left):
    left.tenant.grant(left.payroll, "Application.ReadWrite.All")
    run, _version = start(left, **left.as_itself)

    assert steps.choose_way(run, None)[0] is None


def test_one_that_may_only_read_itself_is_told_what_it_lacks(left):
    left.tenant.grant(left.payroll, "Application.Read.All")
    run, _version = start(left, **left.as_itself)

    with pytest.raises(NotPermitted, match=r"Application\.ReadWrite\.OwnedBy"):
        steps.choose_way(run, None)


def test_one_that_may_not_even_read_is_told_what_it_lacks(left):
    nobody = left.tenant.add_application("nobody", secret="n")
    run, _version = start(left, client_id=nobody.app_id, client_secret="n")

    with pytest.raises(NotPermitted, match=r"Application\.ReadWrite\.OwnedBy"):
        steps.choose_way(run, None)


# The intent


@pytest.mark.parametrize("way", ["add_key", "update"])
def test_the_intent_is_on_record_before_the_certificate_is_sent(left, way):
    known = left.contents.successor
    now = left.tenant.clock.now()
    earlier = {"registered": now, "proven": now, "seen": now, "accepted": now, "key_id": "k", "stop_after": "generated"}
    left.store.write_record(known.thumbprint, dataclasses.replace(known.record, app_id=None, object_id=None, **earlier))
    run, version = start(left, add_method=way)
    run.memory.entries["k"], run.memory.shown["k"] = {"key_id": "k"}, format_iso(now)
    run.memory.held["k"] = version.thumbprint
    left.at = lambda moment: die(moment) if "addKey" in moment or "PATCH" in moment else None

    with pytest.raises(Killed):
        register(left, run, version)

    assert left.contents.successor.record == dataclasses.replace(
        known.record,
        app_id=left.payroll.app_id,
        object_id=left.payroll.object_id,
        key_id=None,
        intent=run.now,
        stop_after=None,
        registered=None,
        proven=None,
        seen=None,
        accepted=None,
    )
    assert run.progress.unsettled is True and run.memory.last_shown(version.certificate) is None


def test_a_refusal_takes_the_intent_back(left):
    left.tenant.faults.add("error", match="add_key", status=400)
    run, version = start(left)
    before = left.contents.successor.record

    with pytest.raises(GraphRefused):
        register(left, run, version)

    assert left.contents.successor.record == before
    assert run.progress.unsettled is False and not run.progress.sent


def test_a_second_refusal_takes_it_back_as_well(left):
    left.tenant.faults.add("error", match="add_key", status=401)
    left.tenant.faults.add("error", match="patch_application", status=403)
    run, version = start(left)
    before = left.contents.successor.record

    with pytest.raises(GraphRefused):
        register(left, run, version)

    assert len(writes(left)) == 2 and left.contents.successor.record == before


def test_what_was_sent_and_refused_in_this_run_needs_no_settling(left):
    run, version = start(left)
    version = run.remember(version, intent=run.now)
    run.progress.unsettled = False

    register(left, run, version)

    assert left.timing.waited == 0 and len(writes(left)) == 1


def test_what_an_earlier_run_sent_is_settled_before_it_is_sent_again(left):
    run, version = start(left)
    version = run.remember(version, intent=run.now)

    register(left, run, version)

    assert left.timing.waited >= 600 and len(writes(left)) == 1


def test_what_an_earlier_run_sent_and_is_there_is_not_sent_again(left):
    left.tenant.add_credential(left.payroll, left.contents.successor.certificate.der)
    run, version = start(left)
    version = run.remember(version, intent=run.now)

    register(left, run, version)

    assert writes(left) == [] and left.timing.waited == 0


def test_a_pause_while_reading_back_sends_nothing_again(left):
    run, version = start(left)
    run.progress.sent = True
    left.tenant.add_credential(left.payroll, version.certificate.der)

    register(left, run, version)

    assert writes(left) == []


# An answer


def test_a_registration_is_on_record_with_its_time_and_its_key_id(left):
    run, version = start(left)

    register(left, run, version)

    record = left.contents.successor.record
    key_ids = {one.certificate.thumbprint: key_id for key_id, one in left.credentials.items()}
    assert record.registered == record.intent == record.seen == run.now
    assert record.key_id == key_ids[version.thumbprint]
    [line] = left.store.history(1)
    assert run.progress.sent
    assert (line["event"], line["proof"], line["key_id"]) == ("registered", "directory", record.key_id)


def test_an_acknowledged_registration_is_on_record_before_it_is_read_back(left):
    run, version = start(left)
    left.at = lambda moment: die(moment) if "GET" in moment and "/applications" in moment else None

    with pytest.raises(Killed):
        register(left, run, version)

    record = left.contents.successor.record
    assert record.registered == run.now and record.key_id in left.credentials and record.seen is None


@pytest.mark.parametrize("is_known", [True, False])
def test_without_reading_the_first_time_of_a_registration_stays(left, is_known):
    run, version = start(left, **left.as_itself)
    earlier = run.now - dt.timedelta(hours=1) if is_known else None
    run.remember(version, registered=earlier, key_id="k")

    steps.confirm(run, version)

    [line] = left.store.history(1)
    assert left.contents.successor.record.registered == (earlier or run.now)
    assert (line["event"], line["proof"], line["key_id"]) == ("registered", "acknowledged", "k")


def test_without_reading_the_answer_alone_is_on_record(left):
    run, version = start(left, **left.as_itself)

    register(left, run, version)

    record = left.contents.successor.record
    assert record.registered == run.now and record.seen is None and record.key_id in left.credentials
    assert reads(left) == []


@pytest.mark.parametrize(("fault", "pause"), [({"status": 409}, 2), ({"status": 429, "retry_after": 7}, 7)])
def test_a_write_that_is_put_off_is_sent_again(left, fault, pause):
    left.tenant.faults.add("error", match="add_key", **fault)
    run, version = start(left)

    register(left, run, version)

    assert left.timing.waited == pause and len(writes(left)) == 2


@pytest.mark.parametrize("status", [408, 409, 429, 499, 503])
def test_who_may_not_read_signs_in_before_anything_is_sent_a_second_time(left, status):
    """The answer is a proxy's, and the write behind it took effect."""
    left.tenant.faults.add("error", match="add_key", status=status, applied=True)
    run, version = start(left, **left.as_itself)

    register(left, run, version)

    assert len(writes(left)) == 1 and left.registered.count(version.thumbprint) == 1
    assert left.contents.successor.record.accepted and left.contents.successor.record.registered


@pytest.mark.parametrize("status", [409, 429])
def test_who_may_not_read_sends_it_again_when_that_sign_in_is_refused(left, status):
    left.tenant.faults.add("error", match="add_key", status=status)
    run, version = start(left, **left.as_itself)

    register(left, run, version)

    assert len(writes(left)) == 2 and left.purposes()[-1] == "settle"


@pytest.mark.parametrize(("seconds", "sent"), [(599, 2), (600, 1)])
def test_it_is_not_put_off_beyond_the_propagation_time(left, seconds, sent):
    left.tenant.faults.add("error", match="add_key", status=429, retry_after=seconds)
    run, version = start(left)

    with contextlib.suppress(GraphRefused):
        register(left, run, version)
    assert len(writes(left)) == sent


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_proof_is_followed_by_an_update(left, status):
    left.tenant.faults.add("error", match="add_key", status=status)
    run, version = start(left)

    register(left, run, version)

    assert [one.method for one in writes(left)] == ["POST", "PATCH"]


@pytest.mark.parametrize("options", [{"add_method": "add_key"}, "as_itself"])
@pytest.mark.parametrize("status", [401, 403])
def test_where_only_add_key_is_open_its_refusal_is_the_result(left, options, status):
    left.tenant.faults.add("error", match="add_key", status=status)
    run, version = start(left, **(left.as_itself if options == "as_itself" else options))

    with pytest.raises(GraphRefused):
        register(left, run, version)
    assert len(writes(left)) == 1 and left.sent[-1].url.endswith("/addKey")


@pytest.mark.parametrize("add_method", ["update", "auto"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_update_is_the_result(left, status, add_method):
    left.tenant.faults.add("error", match="patch_application", status=status)
    run, version = start(left, add_method=add_method)

    with pytest.raises(GraphRefused):
        steps.register(run, version, None)
    assert len(writes(left)) == 1


def test_a_certificate_that_somebody_adds_while_the_write_is_put_off_is_not_sent_again(left):
    pem = ours_pem(left)
    left.tenant.faults.add(
        "change",
        match="add_key",
        action="add_credential",
        arguments={"application": "payroll", "certificate": pem},
    )
    left.tenant.faults.add("error", match="add_key", status=409)
    run, version = start(left)

    register(left, run, version)

    assert len(writes(left)) == 1 and left.registered.count(version.thumbprint) == 1


def ours_pem(world):
    return world.store.signer(world.made[0]).certificate_pem().decode()


def test_an_update_finds_the_certificate_there_already(left):
    run, version = start(left, add_method="update")
    left.tenant.add_credential(left.payroll, version.certificate.der)

    register(left, run, version)

    assert writes(left) == []


# No answer


@pytest.mark.parametrize(("more", "sent"), [(0, 2), (1, 3)])
def test_a_write_that_never_arrives_is_sent_until_its_time_is_over(left, more, sent):
    """Settled for 60 s, sent once more, settled again, and given up."""
    left.tenant.faults.add("reset", match="add_key", times=None)
    run, version = start(left, timeout_propagation=60)
    if more:
        run.deadline(f"send {version.thumbprint}", 60 + more)

    with pytest.raises(NetworkFailure):
        register(left, run, version)

    assert len(writes(left)) == sent
    assert left.contents.successor.record.intent


@scale.sampled
@pytest.mark.parametrize("code", scale.one_of(3, ["dns", "network_refused", "tls"], check=2))
def test_a_write_that_cannot_have_been_sent_fails_at_once(left, code):
    def answer(request, send):
        if request.url.endswith("/addKey"):
            raise NetworkFailure("no way", explain(code, "graph.microsoft.com", {}), was_sent=False)
        return send(request)

    left.answer = answer
    run, version = start(left)

    with pytest.raises(NetworkFailure):
        register(left, run, version)
    assert left.timing.waited == 0 and not left.contents.successor.record.intent


@pytest.mark.parametrize("readable", [True, False])
def test_a_lost_reply_is_settled_by_looking(left, readable):
    left.tenant.faults.add("lost_reply", match="add_key")
    run, version = start(left, **({} if readable else left.as_itself))

    register(left, run, version)

    assert len(writes(left)) == 1 and left.timing.waited == 0
    assert len(tries(left)) == 1  # with the key that signs the proof, or with the successor


def test_settling_reads_on_new_connections_every_four_seconds(left):
    run, version = start(left, sign_in_budget=0)
    version = run.remember(version, intent=run.now)

    assert steps.settle(run, version) is False
    assert left.timing.waited == 600 and len(reads(left)) == 151
    assert all(one.new_connection for one in reads(left))
    assert run.progress.deadlines.keys() == {f"sign-in to settle {version.thumbprint}"}


def test_settling_signs_in_only_as_often_as_the_budget_lasts(left):
    run, version = start(left)
    version = run.remember(version, intent=run.now)

    steps.settle(run, version)

    assert 5 <= len(tries(left)) <= 24


def test_where_nothing_may_be_read_the_sign_ins_are_spread_up_to_the_end(left):
    run, version = start(left, sign_in_budget=5, sign_ins=1, **left.as_itself)
    version = run.remember(version, intent=run.now - dt.timedelta(seconds=400))

    steps.settle(run, version)

    assert len(tries(left)) == 3 and left.timing.waited == 200  # now, and after each half of the time that is left


def test_a_key_that_signs_in_is_settled_where_nothing_may_be_read(left):
    left.tenant.add_credential(left.payroll, left.contents.successor.certificate.der)
    run, version = start(left, **left.as_itself)
    version = run.remember(version, intent=run.now)

    assert steps.settle(run, version) is True
    assert left.contents.successor.record.accepted == run.now and left.timing.waited == 0
    assert left.purposes()[-1] == "settle"


def test_the_last_look_where_nothing_may_be_read_is_a_sign_in(left):
    run, version = start(left, **left.as_itself)
    version = run.remember(version, intent=run.now - dt.timedelta(seconds=700))

    assert steps.settle(run, version) is False
    assert len(tries(left)) == 1 and left.timing.waited == 0
    assert f"settle {version.thumbprint}" not in run.progress.deadlines


def test_the_last_look_where_it_may_be_read_is_a_read(left):
    run, version = start(left)
    version = run.remember(version, intent=run.now - dt.timedelta(seconds=700))

    assert steps.settle(run, version) is False
    assert len(tries(left)) == 0 and len(reads(left)) == 1


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("seconds", [0, 1])
def test_the_last_look_is_when_the_time_is_over_whatever_the_pace(left, readable, seconds):
    run, version = start(left, **({} if readable else left.as_itself))
    version = run.remember(version, intent=run.now - dt.timedelta(seconds=600 - seconds))
    run.deadline(f"sign-in to settle {version.thumbprint}", 1000)

    assert steps.settle(run, version) is False
    assert left.timing.waited == seconds
    assert (len(reads(left)), len(tries(left))) == ((1 + seconds, 0) if readable else (0, 1))


@pytest.mark.parametrize(
    ("ago", "left_over"), [(None, 600), (0, 600), (100, 500), (600, 0), (10**6, 0), (-(10**6), 600)]
)
def test_the_time_to_settle_counts_from_the_sending_and_is_never_more_than_all_of_it(left, ago, left_over):
    run, version = start(left)
    intent = None if ago is None else run.now - dt.timedelta(seconds=ago)
    sent = dataclasses.replace(version, record=Record(intent=intent))

    assert steps.seconds_to_settle(run, sent) == left_over


@pytest.mark.parametrize(
    ("code", "message", "outcome", "is_refused"),
    [
        (700027, "[Reason - The key was not found.]", False, False),
        (7000274, "", SignInRefused, True),
        (53003, "", SignInRefused, False),
    ],
)
def test_a_refusal_while_settling_waits_or_ends(left, code, message, outcome, is_refused):
    run, version = start(left)
    left.tenant.faults.add("error", match="token", code=code, message=message, **REFUSED)

    if outcome is False:
        assert steps.signs_in(run, version) is False
    else:
        with pytest.raises(outcome):
            steps.signs_in(run, version)
    assert bool(left.contents.successor.record.refused) == is_refused
    assert left.contents.successor.record.accepted is None


# Being sure


def test_an_acknowledged_write_that_never_shows_is_no_registration(left):
    left.tenant.faults.add("not_applied", match="add_key")
    run, version = start(left)

    with pytest.raises(NotProven, match="does not show it after 600 s: the write was not applied"):
        register(left, run, version)
    assert left.timing.waited == 600


def test_an_entry_of_somebody_else_is_asked_for_twice_more_before_it_counts_as_gone(left):
    foreign = left.foreign()
    run, _version = start(left)
    run.read()
    left.tenant.remove_credential(left.payroll, foreign.key_id)
    application, left.since = run.read(), len(left.sent)

    for _again in range(2):
        steps.report_vanished(run, application)

    assert [entry["key_id"] for entry in run.progress.vanished] == [foreign.key_id]
    assert len(left.warnings) == 1 and f"(key ID {foreign.key_id})" in left.warnings[0]
    assert [one.new_connection for one in reads(left)] == [True] * 4 and left.timing.waited == 4


def test_an_entry_that_shows_again_is_not_gone(left):
    left.foreign()
    run, _version = start(left)
    left.tenant.reads.lag(seconds=[10**6, 0])
    application = run.read()
    left.foreign("later")
    run.read()

    steps.report_vanished(run, application)

    assert run.progress.vanished == [] and left.warnings == []


def test_somebody_elses_key_pair_may_be_ours_to_register(adopted):
    pair = ours(adopted.tenant.issue("from the authority", -0.01, 300))
    with contextlib.suppress(EvercertError):
        adopted.renew(provided=pair, stop_after="registered")

    assert pair.certificate.thumbprint in adopted.registered
