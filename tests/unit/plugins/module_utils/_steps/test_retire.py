# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A predecessor's credential goes when its time is over, is seen to be gone, and its key follows."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import explain
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    GraphRefused,
    KeyStoreError,
    NotProven,
    SignInRefused,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Step
from ansible_collections.evercert.entra.plugins.module_utils._steps import retire as steps
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours


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

    assert isinstance(adopted.refused(add_method=way), NotProven)
    assert adopted.renew(add_method=way).steps == ["retire"] and adopted.registered == [adopted.current]


def test_a_lost_removal_seen_by_a_stale_replica_only_still_ends(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.reads.lag(seconds=[40])
    adopted.tenant.faults.add("lost_reply", match="remove_key")

    assert adopted.renew().steps == ["retire"] and adopted.registered == [adopted.current]


def test_confirm_retired_waits_until_the_old_key_is_refused(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.sign_ins.lag(seconds=[100])

    assert adopted.renew(confirm_retired=True).steps == ["retire"]
    assert not adopted.tenant.oracle.can_sign_in(adopted.payroll, adopted.old.thumbprint)


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


def reads(world):
    return [one for one in world.sent[world.since :] if one.method == "GET" and "/applications" in one.url]


def removals(world):
    return [one for one in world.sent[world.since :] if one.method in ("POST", "PATCH") and "/applications" in one.url]


def test_a_retirement_is_told_and_on_record(due):
    key_id = due.contents.predecessor.record.key_id
    run = begin(due)

    retire(due, run)

    assert run.progress.retired == [{"key_id": None, "thumbprint": due.old.thumbprint}]
    assert run.progress.removed == [key_id]
    assert due.contents.predecessor.record.retired == run.now
    assert due.events()[-1] == "retired" and due.contents.current.record.accepted == run.now
    assert len(reads(due)) == 1  # what was read before the first step is known; one more shows that it is gone


def test_the_history_names_the_credential(due):
    retire(due, begin(due), key_id="k")

    assert due.store.history(1)[0]["key_id"] == "k"


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
    run = begin(due)

    retire(due, run, deletes_key=True)

    assert due.contents.find(due.old.thumbprint) is None and removals(due) == []
    assert due.events()[-1] == "key_deleted" and run.progress.retired == []


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

    assert removals(due) == [] and run.progress.retired == [{"key_id": "k", "thumbprint": due.old.thumbprint}]
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


def test_without_reading_the_key_id_on_record_is_what_is_removed(world):
    world.adopt(**world.as_itself)
    world.settle()
    run = begin(world, **world.as_itself)
    other = world.tenant.issue("old", -10, 10)
    entry = world.tenant.add_credential(world.payroll, other)
    version = world.store.keep_successor(ours(other), Record(promoted=run.now))
    world.store.release_successor()

    with pytest.raises(Unsafe, match="its key ID is not known"):
        retire(world, run, version.thumbprint)
    retire(world, run, version.thumbprint, key_id=entry.key_id)

    assert world.registered == [world.old.thumbprint]
    assert world.contents.find(version.thumbprint).record.retired


def test_a_fresh_sign_in_comes_before_the_first_removal_and_serves_them_all(due):
    run = begin(due)
    before = len(due.sign_ins())

    for act in (steps.fresh_sign_in, steps.fresh_sign_in, lambda run, _current: retire(due, run)):
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


# Answers to a removal


@pytest.mark.parametrize(("fault", "waits"), [({"status": 503}, 2), ({"status": 429, "retry_after": 7}, 7)])
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


def test_a_refused_update_is_not_repeated_for_want_of_a_proof(due):
    refused = GraphRefused("No.", explain("permission_denied", "", {}), 403, "Authorization_RequestDenied")

    with pytest.raises(GraphRefused):
        steps._after_failure(begin(due), refused, None, 1.0)


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


def test_confirming_waits_twenty_seconds_at_a_time_until_the_key_is_refused(due):
    due.tenant.sign_ins.lag(seconds=[50])

    retire(due, begin(due, confirm_retired=True))

    assert due.timing.waited == 60 and due.contents.predecessor.record.retired


def test_confirming_ends_when_the_propagation_time_is_over(due):
    due.tenant.sign_ins.lag(seconds=[5000])

    with pytest.raises(NotProven, match="still accepts sign-ins"):
        retire(due, begin(due, confirm_retired=True, timeout_propagation=61, sign_in_budget=0))
    assert due.timing.waited == 61
