# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A predecessor's credential goes when its time is over, is seen to be gone, and its key follows."""

from __future__ import annotations

import contextlib
import datetime as dt
import types

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    GraphRefused,
    KeyStoreError,
    NotProven,
    SignInRefused,
    StillWaiting,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Step
from ansible_collections.evercert.entra.plugins.module_utils._steps import remove as removal
from ansible_collections.evercert.entra.plugins.module_utils._steps import retire as steps
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours

RENEWED = ["generate", "register", "prove", "promote"]


def test_the_overlap_counts_from_promotion(adopted):
    adopted.renew()
    adopted.settle(7 * 86400 - 5)
    assert not adopted.renew().changed
    adopted.settle(10)

    assert adopted.renew().steps == ["retire"]
    assert adopted.registered == [adopted.current]


def test_a_retired_private_key_is_deleted_in_time(adopted):
    adopted.renew(overlap=0)
    adopted.settle(7 * 86400 - 60)
    assert adopted.contents.find(adopted.old.thumbprint)
    assert not adopted.renew().changed
    adopted.settle(120)
    adopted.renew()

    assert adopted.contents.find(adopted.old.thumbprint) is None


@pytest.mark.parametrize(
    ("due", "finding"),
    [({"renew_before": 175}, "near_expiry"), ({"rotation_period": 1}, "rotation_due"), ({"force": True}, "forced")],
)
def test_whatever_is_due_a_call_may_only_retire(adopted, due, finding):
    made = adopted.renew().certificate["thumbprint"]
    adopted.settle(8 * 86400)
    assert adopted.renew(check=True, **due).finding == finding

    planned, done = adopted.renew(check=True, state="retired", **due), adopted.renew(state="retired", **due)

    assert planned.steps == done.steps == ["retire"] and done.finding is None
    assert adopted.registered == [adopted.current] == [made]


def test_a_call_that_only_retires_leaves_a_lost_certificate_to_the_next_run(adopted):
    """To register it again goes through the predecessor: its consumers would have to be told."""
    made = adopted.renew().certificate["thumbprint"]
    adopted.settle(8 * 86400)
    adopted.lose(made)
    adopted.settle()

    with pytest.raises(Unsafe, match="the removal could lock it out"):
        adopted.renew(state="retired", timeout_propagation=30)

    assert adopted.current == made and adopted.registered == [adopted.old.thumbprint]
    assert adopted.renew().finding == "unregistered"


def test_nothing_is_retired_unless_the_current_key_signs_in(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.enable(adopted.payroll, False)

    assert isinstance(adopted.refused(), SignInRefused)
    assert len(adopted.registered) == 2


@pytest.mark.parametrize(("way", "operation"), [("add_key", "remove_key"), ("update", "patch_application")])
def test_a_removal_that_is_acknowledged_and_not_applied_is_no_success(adopted, way, operation):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.faults.add("not_applied", match=operation)

    error = adopted.refused(add_method=way)
    assert isinstance(error, NotProven) and error.diagnosis.code == "not_shown"
    assert adopted.renew(add_method=way).steps == ["retire"] and adopted.registered == [adopted.current]


def test_a_lost_removal_seen_by_a_stale_replica_only_still_ends(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.reads.lag(seconds=[40])
    adopted.tenant.faults.add("lost_reply", match="remove_key")

    assert adopted.renew().steps == ["retire"] and adopted.registered == [adopted.current]


def test_a_predecessor_whose_key_id_cannot_be_learnt_is_reported(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(overlap=0, **world.as_itself)

    result = world.renew(overlap=0, **world.as_itself)
    assert not result.changed and any("key ID is not recorded" in warning for warning in world.warnings)
    assert world.renew(overlap=0).steps == ["retire"]


def test_the_token_encryption_key_and_a_saml_pair_are_never_removed(adopted):
    adopted.tenant.change(adopted.payroll, token_encryption_key_id=next(iter(adopted.credentials)))
    before = dict(adopted.credentials)
    try:
        adopted.renew(overlap=0, add_method="update")
    except EvercertError as error:
        assert "tokenEncryptionKeyId" in error.message
    assert set(before) <= set(adopted.credentials)


# One step by itself


@pytest.fixture
def due(adopted):
    """The predecessor's time is over."""
    adopted.renew()
    adopted.settle(8 * 86400)
    return adopted


def begin(world, **options):
    """A run under way; the world then knows where its requests begin."""
    run = world.run(**options)
    run.begin_writing()
    world.since, world.timing.waited = len(world.sent), 0.0
    return run


def step(thumbprint, key_id=None, deletes_key=False):
    return Step("retire", "", thumbprint, key_id, deletes_key)


def retire(world, run, thumbprint=None, key_id=None, **more):
    steps.retire(run, step(thumbprint or world.old.thumbprint, key_id, **more))


GONE = (
    "Certificate {} was gone before this run could remove it: {}. It counts as retired; somebody else, or an earlier "
    "run that was stopped, has removed it."
)


def reads(world):
    return [one for one in world.sent[world.since :] if one.method == "GET" and "/applications" in one.url]


def removals(world):
    return [one for one in world.sent[world.since :] if one.method in ("POST", "PATCH") and "/applications" in one.url]


def test_a_retirement_is_told_and_on_record(due):
    key_id = due.contents.predecessor.record.key_id
    run = begin(due)

    retire(due, run)

    assert run.progress.retired == [{"key_id": key_id, "thumbprint": due.old.thumbprint}]
    assert run.progress.removed == [key_id]
    assert due.contents.predecessor.record.retired == run.now
    assert due.events()[-1] == "retired" and due.contents.current.record.accepted == run.now
    assert len(reads(due)) == 1  # what was read before the first step is known; one more shows that it is gone


@pytest.mark.parametrize("planned", [None, "k"])
def test_the_history_names_the_credential_that_was_removed_whatever_was_planned(due, planned):
    """The read that the plan rests on may not have shown it, or an earlier entry of it."""
    key_id, run = due.contents.predecessor.record.key_id, begin(due)

    retire(due, run, key_id=planned)

    assert due.store.history(1)[0]["key_id"] == key_id
    assert run.progress.retired == [{"key_id": key_id, "thumbprint": due.old.thumbprint}]


def test_a_wait_between_two_removals_drops_none_of_them_from_the_result(due):
    """The next call finds what is left to remove; what went before it is told as well."""
    twice = due.tenant.add_credential(due.payroll, due.old)
    due.settle()
    run = begin(due)
    key_ids = {twice.key_id, due.contents.predecessor.record.key_id}
    due.tenant.reads.lag(seconds=[3])

    def pause(seconds, what):
        raise StillWaiting(seconds, what)

    for _call in range(20):
        run.latest = None
        run.connection.timing = types.SimpleNamespace(monotonic=due.timing.monotonic, wait=pause)
        try:
            retire(due, run)
            break
        except StillWaiting as wait:
            due.timing.wait(wait.seconds, wait.what)

    assert {entry["key_id"] for entry in run.progress.retired} == key_ids and len(run.progress.retired) == 2
    assert due.registered == [due.current]


def test_nothing_is_removed_by_an_update_without_a_fresh_sign_in(due):
    """With addKey and removeKey ruled out nothing else signs in: an accepted one comes directly before the PATCH."""
    run = begin(due, add_method="update")
    before, since = len(due.sign_ins()), len(due.emulator.log.lines)

    retire(due, run)

    assert len(due.sign_ins()) == before + 1 and due.purposes()[-1] == "retire"
    operations = due.operations(since)
    assert operations.index("token") < operations.index("patch_application")


def test_a_current_key_that_is_refused_stops_a_removal_by_update(due):
    run = begin(due, add_method="update")
    due.tenant.faults.add("error", match="token", status=401, error="invalid_client", code=7000274)

    with pytest.raises(SignInRefused):
        retire(due, run)
    assert removals(due) == [] and due.old.thumbprint in due.registered


def test_a_removal_that_was_not_preceded_by_a_sign_in_is_stopped_where_it_would_be_sent(due):
    """The plan is asked again: should the step before it ever be left out, nothing is sent."""
    run = begin(due, add_method="update")
    key_id = due.contents.predecessor.record.key_id

    with pytest.raises(Unsafe, match="no key that stays has just signed in") as caught:
        removal._remove(run, run.version(due.old.thumbprint), run.version(due.current), key_id)
    assert removals(due) == [] and caught.value.diagnosis.code == "unsafe"


@pytest.mark.parametrize("name", ["A" * 40, ""])
def test_a_version_that_is_gone_is_retired_already(due, name):
    run = begin(due)

    steps.retire(run, step(name or None))

    assert removals(due) == [] and run.progress.retired == []


def test_the_current_certificate_is_never_retired(due):
    run = begin(due)

    with pytest.raises(KeyStoreError, match="it is the current one"):
        retire(due, run, due.current)
    assert removals(due) == []


def test_nothing_is_retired_without_a_current_certificate(world):
    world.renew(stop_after="registered")
    run = begin(world)

    with pytest.raises(KeyStoreError, match="is not retired"):
        retire(world, run, world.made[0])
    assert removals(world) == []


def test_a_key_is_deleted_alone(due):
    due.lose(due.old.thumbprint)
    run = begin(due)

    retire(due, run, deletes_key=True)

    assert due.contents.find(due.old.thumbprint) is None and removals(due) == []
    assert due.events()[-1] == "key_deleted" and run.progress.retired == []


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_a_key_that_entra_knows_is_never_destroyed(due, identity):
    """Whatever the plan says: by a read, or where none is allowed by a sign-in, as no record calls it retired."""
    run = begin(due, timeout_propagation=30, **getattr(due, identity))

    with pytest.raises(Unsafe, match="Entra still knows it") as caught:
        retire(due, run, deletes_key=True)

    assert due.contents.find(due.old.thumbprint) and caught.value.diagnosis.code == "unsafe"


@pytest.mark.parametrize("retired", [True, False])
def test_without_reading_a_sign_in_or_the_record_says_that_nobody_knows_a_key(due, retired):
    due.lose(due.old.thumbprint)
    run = begin(due, **due.as_itself)
    if retired:
        run.remember(run.version(due.old.thumbprint), retired=run.now)
    before = len(due.sign_ins())

    retire(due, run, deletes_key=True)

    assert due.contents.find(due.old.thumbprint) is None and len(due.sign_ins()) == before + (not retired)


def test_a_replica_that_still_shows_a_retired_certificate_is_waited_for_before_its_key_goes(due):
    due.tenant.reads.lag(seconds=[20])
    run = begin(due)
    run.remember(run.version(due.old.thumbprint), retired=run.now)
    due.lose(due.old.thumbprint)

    retire(due, run, deletes_key=True)

    assert due.contents.find(due.old.thumbprint) is None and 10 < due.timing.waited < 60


@pytest.mark.parametrize(("days", "kept"), [(0, False), (1, True)])
def test_a_key_is_kept_as_long_as_wanted(due, days, kept):
    retire(due, begin(due, keep_retired=days))

    assert bool(due.contents.find(due.old.thumbprint)) == kept


def test_what_another_run_has_retired_is_not_removed_again(due):
    run = begin(due)
    run.remember(run.version(due.old.thumbprint), retired=run.now)
    due.lose(due.old.thumbprint)
    run.latest = None

    retire(due, run, key_id="k")

    told = [{"key_id": "k", "thumbprint": due.old.thumbprint}]
    assert removals(due) == [] and run.progress.retired == told  # gone, and known by what was planned
    assert "retired" not in due.events()


def test_what_was_retired_and_shows_again_is_removed_again(due):
    run = begin(due)
    run.remember(run.version(due.old.thumbprint), retired=run.now - dt.timedelta(days=1))

    retire(due, run)

    assert due.registered == [due.current] and due.contents.predecessor.record.retired == run.now


def test_every_entry_of_a_retired_certificate_is_removed(due):
    twice = due.tenant.add_credential(due.payroll, due.old)
    due.settle()
    run = begin(due)

    retire(due, run)

    assert due.registered == [due.current] and due.timing.waited < 60
    assert twice.key_id in {entry["key_id"] for entry in run.progress.retired} and len(run.progress.retired) == 2


def test_another_entry_of_it_that_is_protected_stays_and_is_named(due):
    twice = due.tenant.add_credential(due.payroll, due.old)
    due.settle()
    run = begin(due)
    identifier = due.credentials[twice.key_id].custom_key_identifier
    due.tenant.add_credential(
        due.payroll, due.tenant.issue("saml", -1, 9), usage="Sign", custom_key_identifier=identifier
    )

    with pytest.raises(Unsafe, match="SAML"):
        retire(due, run)


def test_what_is_gone_is_not_removed(due):
    due.lose(due.old.thumbprint)
    run = begin(due)

    retire(due, run)

    assert removals(due) == [] and due.contents.predecessor.record.retired == run.now
    assert due.warnings == [GONE.format(due.old.thumbprint, "the application does not show it")]


def test_one_that_never_was_there_is_not_said_to_be_removed_by_somebody(due):
    """A successor that was refused when it was sent."""
    other = ours(due.tenant.issue("other", -1, 90))
    run = begin(due)
    due.store.keep_successor(other, Record(intent=run.now - dt.timedelta(hours=1), refused=run.now))
    due.store.release_successor()

    retire(due, run, other.certificate.thumbprint)

    assert removals(due) == [] and due.warnings == []


def test_without_reading_the_key_id_on_record_is_what_is_removed(world):
    world.adopt(**world.as_itself)
    world.settle()
    run = begin(world, **world.as_itself)
    other = world.tenant.issue("old", -10, 10)
    entry = world.tenant.add_credential(world.payroll, other)
    version = world.store.keep_successor(ours(other), Record(promoted=run.now, key_id=entry.key_id))
    world.store.release_successor()

    with pytest.raises(Unsafe, match="its key ID is not known"):
        retire(world, run, version.thumbprint)
    retire(world, run, version.thumbprint, key_id=entry.key_id)

    assert world.registered == [world.old.thumbprint]
    assert world.contents.find(version.thumbprint).record.retired


def test_a_fresh_sign_in_comes_before_the_first_removal_and_serves_them_all(due):
    run = begin(due)
    before = len(due.sign_ins())

    for act in (removal.fresh_sign_in, removal.fresh_sign_in, lambda run, _current: retire(due, run)):
        act(run, run.version(due.current))
        assert run.tokens[due.current].claims()["appid"] == due.payroll.app_id
        assert len(due.sign_ins()) == before + 1


def test_the_current_certificate_is_waited_for_before_anything_is_removed(due):
    due.tenant.reads.lag(seconds=[40])
    key_id = next(key for key, one in due.credentials.items() if one.certificate.thumbprint == due.current)
    current = due.credentials[key_id].key
    due.tenant.remove_credential(due.payroll, key_id)
    due.settle(60)
    run = begin(due)
    due.tenant.add_credential(due.payroll, current)

    retire(due, run)

    assert 0 < due.timing.waited < 100 and due.registered == [due.current]


@pytest.mark.parametrize(("way", "known"), [("auto", False), ("update", False), ("update", True)])
def test_nothing_is_removed_from_an_application_that_does_not_show_the_current_certificate(due, way, known):
    """Not even while the token service still accepts it. `known`: the latest read still had it."""
    due.tenant.sign_ins.lag(seconds=[5000])
    run = begin(due, add_method=way, timeout_propagation=30)
    due.lose(due.current)
    if not known:
        run.read()

    with pytest.raises(Unsafe, match="could lock it out"):
        retire(due, run)
    assert removals(due) == [] and due.registered == [due.old.thumbprint]


def test_a_protected_entry_stops_its_retirement(due):
    key_id = next(key for key, one in due.credentials.items() if one.certificate.thumbprint == due.old.thumbprint)
    run = begin(due)
    due.tenant.add_credential(due.payroll, due.old, usage="Sign", custom_key_identifier=due.old.thumbprint)
    run.read()

    with pytest.raises(Unsafe, match=f"{key_id} of application payroll is not removed"):
        retire(due, run)
    assert removals(due) == []


def test_one_whose_write_is_not_settled_is_waited_for_until_its_time_is_over(due):
    due.lose(due.old.thumbprint)
    run = begin(due)
    sent = run.now - dt.timedelta(seconds=591)
    run.remember(run.version(due.old.thumbprint), intent=sent, registered=None, seen=None)

    retire(due, run)

    assert due.timing.waited == 9 and removals(due) == []
    assert len([words for words in due.timing.said if "an unfinished write" in words]) == 3  # 4 + 4 + 1 s


def test_one_that_shows_meanwhile_is_removed(due):
    old = next(one.key for one in due.credentials.values() if one.certificate.thumbprint == due.old.thumbprint)
    due.lose(due.old.thumbprint)
    due.settle(60)
    run = begin(due)
    run.remember(run.version(due.old.thumbprint), intent=run.now, registered=None, seen=None)
    due.tenant.reads.lag(seconds=[6])
    due.tenant.add_credential(due.payroll, old)

    retire(due, run)

    assert due.registered == [due.current] and 0 < due.timing.waited < 30


@pytest.mark.parametrize("is_registered", [True, False])
def test_one_that_is_absent_without_a_write_under_way_is_not_waited_for(due, is_registered):
    """It was registered once, or never sent by this collection at all."""
    due.lose(due.old.thumbprint)
    run = begin(due)
    moment = run.now if is_registered else None
    run.remember(run.version(due.old.thumbprint), intent=moment, registered=moment)

    retire(due, run)

    assert due.timing.waited == 0


# An application whose old key is gone


@pytest.mark.parametrize("way", ["update", "auto"])
def test_an_application_whose_old_key_is_gone_reads_with_the_new_one_before_it_retires(world, way):
    """Somebody removed the old certificate after the new one was proven: the plan was made without a read."""
    own = world.tenant.service_principal(world.payroll)
    world.tenant.change(world.payroll, owners=(own.object_id,))
    world.tenant.grant(world.payroll, "Application.ReadWrite.OwnedBy")
    options = {**world.as_itself, "add_method": way, "overlap": 0}
    world.adopt()
    world.settle()
    world.renew(**options, stop_after="proven")
    world.settle()
    world.lose(world.old.thumbprint)
    world.settle()

    result = world.renew(**options)

    assert result.steps == ["prove", "promote", "retire"] and result.proof == "directory+sign_in"
    assert world.registered == [world.current] and not world.renew(**options).changed


def test_one_that_was_told_that_it_may_not_read_does_not_ask_again(world):
    world.adopt()
    world.settle()

    assert world.renew(overlap=0, **world.as_itself).operations.count("get_application") == 1


# Answers to a removal


@pytest.mark.parametrize(
    ("fault", "waits"),
    [({"status": 503}, 2), ({"status": 408}, 2), ({"status": 499}, 2), ({"status": 429, "retry_after": 7}, 7)],
)
def test_a_removal_that_is_put_off_is_sent_again(due, fault, waits):
    due.tenant.faults.add("error", match="remove_key", **fault)

    retire(due, begin(due))

    assert due.timing.waited == waits and len(removals(due)) == 2


def test_before_it_is_sent_again_another_replica_is_asked(due):
    due.tenant.faults.add("error", match="remove_key", status=503)

    retire(due, begin(due))

    assert reads(due)[0].new_connection


def test_it_is_sent_four_times_at_most(due):
    due.tenant.faults.add("error", match="remove_key", status=503, times=None)

    with pytest.raises(GraphRefused):
        retire(due, begin(due))
    assert len(removals(due)) == 4


def test_it_is_sent_again_more_and_more_slowly(due):
    due.tenant.faults.add("error", match="remove_key", status=503, times=3)

    retire(due, begin(due))

    assert due.timing.waited == 2 + 4 + 6 and len(removals(due)) == 4


@pytest.mark.parametrize(("seconds", "sent"), [(120, 2), (121, 1)])
def test_it_is_not_put_off_for_longer_than_patience_lasts(due, seconds, sent):
    due.tenant.faults.add("error", match="remove_key", status=429, retry_after=seconds)

    with contextlib.suppress(GraphRefused):
        retire(due, begin(due))
    assert len(removals(due)) == sent


def test_a_lost_reply_to_a_removal_is_looked_into(due):
    due.tenant.faults.add("lost_reply", match="remove_key")

    retire(due, begin(due))

    assert len(removals(due)) == 1 and due.registered == [due.current]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_proof_leaves_the_update(due, status):
    due.tenant.faults.add("error", match="remove_key", status=status)

    retire(due, begin(due))

    assert [one.method for one in removals(due)] == ["POST", "PATCH"]


@pytest.mark.parametrize("status", [401, 403])
def test_where_an_update_is_not_allowed_its_refusal_is_the_result(due, status):
    due.tenant.faults.add("error", match="remove_key", status=status)

    with pytest.raises(GraphRefused):
        retire(due, begin(due, add_method="add_key"))
    assert len(removals(due)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_update_is_the_result(due, status):
    due.tenant.faults.add("error", match="patch_application", status=status)

    with pytest.raises(GraphRefused):
        retire(due, begin(due, add_method="update"))
    assert len(removals(due)) == 1


@pytest.mark.parametrize("lacking", ["reading", "another identity"])
def test_a_refused_proof_is_the_result_where_no_update_could_follow(due, lacking):
    due.tenant.faults.add("error", match="remove_key", status=403)
    key_id = next(key for key, one in due.credentials.items() if one.certificate.thumbprint == due.old.thumbprint)
    if lacking == "reading":
        run = begin(due)
        run.progress.readable = False
    else:
        due.tenant.grant(due.payroll, "Application.ReadWrite.All")
        run = begin(due, **due.as_itself)

    with pytest.raises(GraphRefused):
        retire(due, run, key_id=key_id)
    assert len(removals(due)) == 1


def test_an_update_of_an_application_that_is_not_found_removes_nothing(due):
    due.tenant.faults.add("error", match="patch_application", status=404)

    with pytest.raises(GraphRefused):
        retire(due, begin(due, add_method="update"))
    assert due.contents.predecessor.record.retired is None


def test_a_key_that_the_service_does_not_know_is_gone_when_the_directory_agrees(due):
    run = begin(due)
    due.tenant.reads.lag(seconds=[6])
    due.lose(due.old.thumbprint)
    run.read()
    due.tenant.faults.add("error", match="remove_key", status=404)

    retire(due, run)

    assert len(removals(due)) == 1 and due.contents.predecessor.record.retired


def test_a_key_that_somebody_else_removes_first_is_gone(due):
    run = begin(due, add_method="update")
    due.tenant.faults.add(
        "change",
        match="get_application",
        action="remove_credential",
        arguments={"application": "payroll", "thumbprint": due.old.thumbprint},
    )

    retire(due, run)

    assert removals(due) == [] and due.contents.predecessor.record.retired


def test_a_removal_that_never_shows_is_told(due):
    due.tenant.faults.add("not_applied", match="remove_key")

    with pytest.raises(NotProven, match=r"still shows its key credential .* after 600 s"):
        retire(due, begin(due))
    assert due.contents.predecessor.record.retired is None


# "Not there" is a hint, and reading decides


NOT_THERE = {
    "as recorded": {"kind": "denied", "match": "remove_key"},
    "as a stub has it": {"kind": "error", "match": "remove_key", "status": 404, "applied": True},
}


@pytest.mark.parametrize("answer", NOT_THERE)
def test_a_removal_that_took_effect_and_was_answered_not_there_is_a_removal(due, answer):
    due.tenant.faults.add(**NOT_THERE[answer])
    run = begin(due)

    retire(due, run)

    assert len(removals(due)) == 1 and due.registered == [due.current]
    assert due.contents.predecessor.record.retired == run.now


def test_what_a_replica_still_shows_is_looked_at_again_after_not_there(due):
    due.tenant.reads.lag(seconds=[70])
    due.tenant.faults.add("denied", match="remove_key")

    retire(due, begin(due))

    assert due.registered == [due.current] and 70 <= due.timing.waited < 100
    assert due.contents.predecessor.record.retired


def test_not_there_about_a_key_that_the_directory_goes_on_showing_is_no_success(due):
    due.tenant.faults.add("error", match="remove_key", status=404, times=None)

    with pytest.raises(NotProven, match=r"nothing|no key credential .* to remove, but the application still shows it"):
        retire(due, begin(due))
    assert due.contents.predecessor.record.retired is None and len(due.registered) == 2


def test_another_bad_request_than_not_there_is_the_result(due):
    due.tenant.faults.add("error", match="remove_key", status=400)

    with pytest.raises(GraphRefused):
        retire(due, begin(due))
    assert len(removals(due)) == 1 and due.contents.predecessor.record.retired is None


def test_not_found_that_means_the_application_is_the_result(world):
    """Taken for "the key is gone" it would be a false success of whoever gave a wrong object_id."""
    run, key_id = _blind(world)
    words = f"Resource '{world.payroll.object_id}' does not exist."
    world.tenant.faults.add("error", match="remove_key", status=404, message=words)

    with pytest.raises(GraphRefused):
        retire(world, run, key_id=key_id)
    assert world.contents.predecessor.record.retired is None


def _blind(world):
    """A renewed application that may not read its own object, in a run that retires."""
    world.adopt(**world.as_admin)
    key_id = world.contents.current.record.key_id
    world.settle()
    world.renew(**world.as_itself)
    world.settle(8 * 86400)
    return begin(world, **world.as_itself), key_id


@pytest.mark.parametrize("switch", [False, True])
def test_without_reading_a_key_that_somebody_removed_is_gone(world, switch):
    world.tenant.switches.set(absent_key_is_404=switch)
    run, key_id = _blind(world)
    world.lose(world.old.thumbprint)

    retire(world, run, key_id=key_id)

    assert world.contents.predecessor.record.retired and world.timing.waited == 0
    assert len(removals(world)) == 1
    assert world.warnings == [GONE.format(world.old.thumbprint, f"Graph knows no key credential {key_id} to remove")]


def test_without_reading_a_young_key_is_asked_for_again_until_every_replica_would_know_it(world):
    run, key_id = _blind(world)
    version = run.version(world.old.thumbprint)
    run.remember(version, registered=run.now - dt.timedelta(seconds=550), intent=run.now)
    world.tenant.faults.add("error", match="remove_key", status=404, times=3)

    retire(world, run, key_id=key_id)

    assert len(removals(world)) == 4 and world.registered == [world.current] and world.timing.waited == 30


def test_a_predecessor_that_a_person_deletes_in_the_portal_is_retired_by_the_next_runs(world):
    world.adopt(**world.as_admin)
    world.settle()
    world.renew(**world.as_itself)
    world.settle(86400)
    world.lose(world.old.thumbprint)
    world.settle(7 * 86400)

    assert world.renew(**world.as_itself).steps == ["retire"]
    assert not world.renew(**world.as_itself).changed
    assert world.registered == [world.current]


# A key that addKey has just made is not good for proofs yet


@pytest.fixture(params=["as_itself", "add_key"])
def by_proof(request, world):
    """Who can only remove with a proof: the application itself, or an administrator who wants addKey alone."""
    world.adopt(**world.as_admin)
    world.settle()
    return world.as_itself if request.param == "as_itself" else {"add_method": "add_key"}


def test_a_new_key_removes_its_predecessor_as_soon_as_it_is_good_for_proofs(world, by_proof):
    result = world.renew(overlap=0, **by_proof)

    assert world.registered == [world.current] and len(result.retired) == 1 and world.warnings == []
    assert 300 <= world.timing.waited < 340
    assert any("good for proofs" in what for what in world.timing.said)


def test_a_retirement_that_a_young_key_may_not_sign_is_left_to_the_next_run(world, by_proof):
    world.tenant.switches.set(young_key_refused=1200)

    result = world.renew(overlap=0, **by_proof)

    assert result.steps == RENEWED and result.changed and result.retired == []
    assert len(world.registered) == 2 and world.current in world.made
    assert ["not take proofs" in warning for warning in world.warnings] == [True]
    assert world.timing.waited < 700
    assert not any(event in ("retired", "failed") for event in world.events())

    world.settle(1200)
    again = world.renew(overlap=0, **by_proof)
    assert again.steps == ["retire"] and world.registered == [world.current]


def test_what_is_left_to_the_next_run_is_no_change(world, by_proof):
    world.tenant.switches.set(young_key_refused=50_000)
    world.renew(overlap=0, **by_proof)
    world.settle(3600)
    before, waited = world.credentials, world.timing.waited

    result = world.renew(overlap=0, **by_proof)

    assert (result.changed, result.steps, result.retired) == (False, [], [])
    assert result.message == "Nothing is due." and world.credentials == before
    assert world.timing.waited == waited  # it is older than the propagation time: the next run is soon enough
    assert len(world.warnings) == 2


def test_a_key_that_is_not_good_for_proofs_after_a_day_fails_the_retirement(world, by_proof):
    world.tenant.switches.set(young_key_refused=10**7)
    world.renew(overlap=0, **by_proof)
    world.settle(86400)

    refused = world.refused(overlap=0, **by_proof)

    assert isinstance(refused, GraphRefused) and refused.refuses_proof
    assert "object_id" in refused.message and len(world.registered) == 2


def test_handing_its_waits_over_a_young_key_comes_to_the_same(world, by_proof):
    result = world.renew_in_slices(overlap=0, **by_proof)

    assert world.registered == [world.current] and len(result.retired) == 1


def test_an_administrator_removes_by_update_what_a_young_key_may_not_sign_for(adopted):
    result = adopted.renew(overlap=0)

    assert result.operations.count("patch_application") == 1 and adopted.registered == [adopted.current]


def _vanishing(world, operation):
    """Somebody else's entry, which goes after the first request of this kind."""
    foreign = world.foreign()
    world.settle()
    arguments = {"application": "payroll", "key_id": foreign.key_id}
    world.tenant.faults.add("change", match=operation, when="after", action="remove_credential", arguments=arguments)
    return foreign.key_id


def test_an_administrator_waits_for_a_young_key_where_a_patch_would_stop_for_an_entry_that_vanished(adopted):
    gone = _vanishing(adopted, "add_key")

    result = adopted.renew(overlap=0)

    assert [entry["key_id"] for entry in result.vanished] == [gone] and "patch_application" not in result.operations
    assert adopted.registered == [adopted.current] and len(result.retired) == 1
    assert 300 <= adopted.timing.waited < 350  # as long as the application itself would


@pytest.mark.parametrize("operation", ["add_key", "remove_key"])
def test_an_entry_that_vanished_leaves_the_retirement_to_the_next_run_while_the_key_is_young(adopted, operation):
    """The renewal is proven and nothing is in danger, whenever the entry goes."""
    adopted.tenant.switches.set(young_key_refused=1200)
    gone = _vanishing(adopted, operation)

    result = adopted.renew(overlap=0)

    assert result.steps == RENEWED and result.retired == [] and len(adopted.registered) == 2
    assert [entry["key_id"] for entry in result.vanished] == [gone] and "patch_application" not in result.operations
    assert sum("stays on the application for now" in warning for warning in adopted.warnings) == 1
    assert not any(event in ("retired", "failed") for event in adopted.events())

    adopted.settle(1200)
    assert adopted.renew(overlap=0).steps == ["retire"] and adopted.registered == [adopted.current]


def test_an_update_stops_for_an_entry_that_vanished_however_young_the_key_is(adopted):
    _vanishing(adopted, "patch_application")

    refused = adopted.refused(overlap=0, add_method="update")

    assert isinstance(refused, Unsafe) and "no longer shown" in refused.message


def test_one_of_two_predecessors_is_removed_with_the_proof_of_the_other(world):
    """An older key is good for proofs at once; it does not sign its own removal."""
    world.adopt(**world.as_admin)
    world.settle()
    world.renew(**world.as_itself)
    first = world.current
    world.settle(3600)
    world.tenant.switches.set(young_key_refused=10**6)
    world.renew(force=True, overlap=0, **world.as_itself)

    assert world.registered == sorted([world.old.thumbprint, world.current]) and first != world.current
    assert ["not take proofs" in warning for warning in world.warnings] == [True]


# Dates that are right may be refused once


@pytest.mark.parametrize("times", [1, 2])
def test_refused_dates_are_sent_once_more_when_a_credential_is_removed(due, times):
    due.tenant.faults.add(
        "error", match="patch_application", status=400, code="KeyCredentialsInvalidEndDate", times=times
    )

    with contextlib.suppress(GraphRefused):
        retire(due, begin(due, add_method="update"))
    assert len(removals(due)) == 2 and (due.registered == [due.current]) == (times == 1)
