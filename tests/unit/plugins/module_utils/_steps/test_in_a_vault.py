# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renewals with the private key in Azure Key Vault: what holds for a directory, and what only a vault has."""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import itertools
import json

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    InvalidInput,
    KeyStoreError,
    NetworkFailure,
    UntrustedAnswer,
    VaultRefused,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import KeyPair, certificate_from_der
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps import (
    test_adopt,
    test_renew,
    test_retire,
    test_roll_back,
    test_stops,
    test_ways,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed, VaultWorld, World

RENEWED = ["generate", "register", "prove", "promote"]


@pytest.fixture
def vault_world(tmp_path):
    """Nothing in the vault yet."""
    return VaultWorld(tmp_path)


@pytest.fixture
def in_vault(vault_world):
    """Today's certificate, which ends in 20 days, is current in the vault."""
    vault_world.adopt()
    vault_world.settle()
    return vault_world


# What holds for every key store. These are the tests of the directory store themselves.

THE_SAME = (
    test_renew.test_a_second_run_changes_nothing,
    test_ways.test_a_certificate_that_was_never_applied_is_registered_again,
    test_ways.test_a_certificate_that_was_never_applied_and_ends_soon_is_replaced,
    test_ways.test_a_predecessor_that_still_signs_in_becomes_current_before_anything_else,
    test_ways.test_one_stale_replica_makes_no_certificate_unregistered,
    test_ways.test_absent_on_three_reads_and_accepted_at_sign_in_is_no_finding,
    test_roll_back.test_a_roll_back_that_hands_its_waits_over_counts_what_was_refused_before,
    test_roll_back.test_an_accepted_current_certificate_is_not_rolled_back,
    test_roll_back.test_nothing_is_rolled_back_to_a_predecessor_that_does_not_sign_in,
    test_roll_back.test_trouble_that_is_not_about_the_key_rolls_nothing_back,
    test_roll_back.test_the_renewal_after_a_roll_back_replaces_the_refused_certificate,
    test_adopt.test_an_adopted_key_pair_is_current_and_managed_and_entra_is_unchanged,
    test_adopt.test_a_key_pair_that_does_not_sign_in_is_not_adopted,
    test_ways.test_a_key_pair_of_ones_own_is_registered_proven_and_promoted,
    test_retire.test_the_overlap_counts_from_promotion,
    test_retire.test_a_retired_private_key_is_deleted_in_time,
    test_retire.test_nothing_is_retired_unless_the_current_key_signs_in,
    test_retire.test_a_lost_removal_seen_by_a_stale_replica_only_still_ends,
    test_retire.test_the_token_encryption_key_and_a_saml_pair_are_never_removed,
    test_ways.test_an_empty_store_gets_its_first_certificate_beside_the_foreign_one,
    test_ways.test_foreign_credentials_of_every_kind_stay_byte_for_byte,
    test_roll_back.test_a_store_without_a_current_certificate_cannot_be_rolled_back,
    test_stops.test_an_interrupted_run_is_resumed_as_interrupted,
)


@pytest.mark.parametrize("test", THE_SAME, ids=lambda test: test.__name__)
def test_the_same_holds_in_a_vault(test, vault_world, request):
    (fixture,) = inspect.signature(test).parameters

    test(vault_world if fixture == "world" else request.getfixturevalue("in_vault"))


@pytest.mark.parametrize(
    "test",
    [
        test_retire.test_a_new_key_removes_its_predecessor_as_soon_as_it_is_good_for_proofs,
        test_retire.test_a_retirement_that_a_young_key_may_not_sign_is_left_to_the_next_run,
        test_ways.test_the_older_key_signs_for_a_renewal_that_is_forced_right_after_another,
    ],
    ids=lambda test: test.__name__,
)
def test_a_young_key_is_no_failure_in_a_vault(test, in_vault):
    test(in_vault, {"add_method": "add_key"})


@pytest.mark.parametrize("add_method", ["add_key", "update"])
@pytest.mark.parametrize("stage", test_stops.STOPS)
def test_a_stop_by_request_is_resumed_in_a_vault(in_vault, stage, add_method):
    test_stops.test_a_stop_by_request_is_resumed_with_the_original_finding(in_vault, stage, add_method)


def test_waits_may_be_handed_over_at_any_time(in_vault):
    result = in_vault.renew_in_slices(overlap=0)

    assert result.steps == [*RENEWED, "retire"] and len(in_vault.made) == 1
    assert in_vault.registered == [in_vault.current] and len(in_vault.versions) == 2


# Where the key is


def test_the_private_key_is_made_in_the_vault_and_cannot_be_exported(vault_world):
    vault_world.renew(subject="CN=payroll,O=Example", key_size=3072)

    (version,) = vault_world.versions
    policy = vault_world.vault.certificate("payroll").policy
    assert policy["key_props"] == {"kty": "RSA", "key_size": 3072, "exportable": False, "reuse_key": False}
    assert policy["lifetime_actions"][0]["action"]["action_type"] == "EmailContacts"
    assert version.pair.subject == "CN=payroll,O=Example" and not version.exportable
    assert version.pair.parsed.public_key().key_size == 3072


def test_a_key_may_be_made_exportable_when_asked_for(vault_world):
    vault_world.renew(exportable=True)

    assert vault_world.versions[-1].exportable


def test_the_validity_is_in_whole_months_and_never_longer_than_asked_for(vault_world):
    vault_world.renew(validity=180)

    held = vault_world.contents.current.certificate
    assert held.not_after - vault_world.tenant.clock.now() <= dt.timedelta(days=180)
    assert held.not_after - vault_world.tenant.clock.now() > dt.timedelta(days=145)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("validity", "renew_before", "shortest"), [(31, 28, 28), (60, 45, 30), (89, 60, 59), (365, 350, 335)]
)
def test_what_would_be_due_again_on_every_run_is_refused(in_vault, check, validity, renew_before, shortest):
    before = in_vault.count()

    with pytest.raises(InvalidInput) as caught:
        in_vault.renew(check, validity=validity, renew_before=renew_before)

    assert caught.value.message == (
        f"renew_before ({renew_before} days) must be less than {shortest} days in Azure Key Vault, else every run "
        f"would renew again: of validity ({validity} days) it takes the whole months, which may be as short as that. "
        "Lower renew_before, or raise validity."
    )
    assert in_vault.count() == before


@pytest.mark.parametrize("day", range(0, 360, 45))
def test_what_is_just_less_is_renewed_once(vault_world, day):
    vault_world.settle(day * 86400)
    vault_world.renew(validity=60, renew_before=29.9)
    vault_world.settle()

    assert not vault_world.renew(validity=60, renew_before=29.9).changed


@pytest.mark.parametrize(("renew_before", "accepted"), [(58, True), (60, False)])
def test_a_validity_is_lowered_to_a_limit_where_its_months_are_long_enough(in_vault, renew_before, accepted):
    in_vault.tenant.limit_lifetime("P90D")
    in_vault.tenant.grant(in_vault.admin, "Policy.Read.All")
    given = {"renew_before": renew_before, "on_policy_limit": "clamp"}

    if accepted:
        assert in_vault.renew(**given).steps == RENEWED
        return
    error = in_vault.refused(**given)
    assert "may live no longer than 59 days: lower renew_before, which is 60, below them" in error.message
    assert error.diagnosis.code == "policy_refused" and len(in_vault.versions) == 1


def test_the_vault_signs_and_no_private_key_is_ever_sent(in_vault):
    in_vault.sent.clear()
    result = in_vault.renew(overlap=0)

    assert result.operations.count("sign_with_key") >= 5
    assert not any(b"PRIVATE KEY" in (request.body or b"") for request in in_vault.sent)
    assert "import_certificate" not in result.operations


def test_a_token_for_the_vault_goes_to_the_vault_alone_and_one_for_graph_to_graph(in_vault):
    in_vault.sent.clear()
    in_vault.renew(overlap=0)

    hosts = {}
    for request in in_vault.sent:
        if "Authorization" in request.headers:
            hosts.setdefault(request.headers["Authorization"], set()).add(request.url.split("/")[2])
    assert {frozenset(seen) for seen in hosts.values()} == {
        frozenset({"payroll.vault.azure.net"}),
        frozenset({"graph.microsoft.com"}),
    }


def test_bringing_a_key_pair_imports_it_with_its_chain(in_vault):
    chain = (in_vault.tenant.issue("authority").der,)
    pair = in_vault.tenant.issue("payroll", -0.01, 300)
    ours = KeyPair(certificate_from_der(pair.der), pair.private_key, chain)

    in_vault.renew(provided=ours, overlap=0)

    assert in_vault.current == pair.thumbprint
    assert in_vault.versions[-1].chain == chain


def test_a_predecessor_whose_time_is_over_is_disabled_and_its_key_signs_no_more(in_vault):
    in_vault.renew(overlap=0, keep_retired=0)

    assert [version.enabled for version in in_vault.versions] == [False, True]
    assert in_vault.contents.find(in_vault.old.thumbprint) is None


def test_tags_of_others_stay_and_ours_keep_within_the_limits(in_vault):
    in_vault.versions[0].tags.update(team="payroll", cost="4711")
    in_vault.renew(overlap=0, force=True)

    old, new = in_vault.versions
    assert old.tags["team"] == "payroll" and old.tags["cost"] == "4711"
    for version in (old, new):
        assert len(version.tags) <= 9 and "evercert-successor" not in version.tags
        assert max(len(text) for pair in version.tags.items() for text in pair) <= 256


def test_the_record_reads_back_as_it_was_written(in_vault):
    in_vault.renew(stop_after="proven")

    record = in_vault.contents.successor.record
    assert (record.app_id, record.object_id) == (in_vault.payroll.app_id, in_vault.payroll.object_id)
    assert record.intent and record.proven and record.stop_after == "proven" and record.finding == "near_expiry"


def test_the_history_is_what_the_records_say(in_vault):
    in_vault.renew(overlap=0)

    events = in_vault.store.history(100)
    assert [event["event"] for event in events][-5:] == ["generated", "registered", "proven", "promoted", "retired"]
    assert in_vault.store.history(2) == events[-2:] and in_vault.store.history(0) == []


def test_sign_ins_of_a_renewal_are_remembered_for_the_next(in_vault):
    in_vault.renew(overlap=0)

    made = in_vault.store.sign_ins_since(dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc))
    assert len(made) == len(in_vault.sign_ins()) - 1  # the adoption imported its version after its one


def test_a_verification_changes_nothing_in_the_vault(in_vault):
    tags = [dict(version.tags) for version in in_vault.versions]

    assert in_vault.verify().verified
    assert [version.tags for version in in_vault.versions] == tags


def held_in(world):
    certificate = world.vault.certificate("payroll")
    return [(version.id, dict(version.tags)) for version in certificate.versions] if certificate else []


@pytest.mark.parametrize("scene", ["due", "empty_store", "stopped_after_registered", "overlap_passed"])
def test_check_mode_predicts_and_leaves_no_trace_in_a_vault(scene, tmp_path):
    world = VaultWorld(tmp_path)
    options = {found.__name__: found for found in test_stops.SCENES}[scene](world)
    world.settle()
    before = held_in(world)

    predicted = test_stops.outcome(world, check=True, **options)

    assert held_in(world) == before
    assert predicted == test_stops.outcome(world, **options)


# AutoRenew


@pytest.mark.parametrize("copies", [False, True], ids=["without_tags", "with_copied_tags"])
def test_a_version_that_auto_renew_made_is_found_and_that_very_one_is_registered(in_vault, copies):
    in_vault.tenant.switches.set(auto_renew_copies_tags=copies)
    in_vault.settle(86400)
    made = in_vault.vault.auto_renew("payroll").pair.thumbprint

    told = in_vault.info()
    assert "unregistered" in told.reasons
    finding = next(one for one in told.findings if one["reason"] == "unregistered")
    assert made in finding["message"] and "AutoRenew" in finding["message"]
    assert in_vault.current == in_vault.old.thumbprint

    result = in_vault.renew(overlap=0)

    assert result.finding == "unregistered" and result.steps == ["register", "prove", "promote", "retire"]
    assert in_vault.current == made and in_vault.registered == [made]
    assert len(in_vault.versions) == 2 and in_vault.made == []
    assert not in_vault.renew(overlap=0).changed


def test_one_that_somebody_registered_by_hand_is_only_proven(in_vault):
    in_vault.settle(86400)
    made = in_vault.vault.auto_renew("payroll").pair
    in_vault.tenant.add_credential(in_vault.payroll, made)

    assert in_vault.renew(overlap=0).steps == ["prove", "promote", "retire"]
    assert in_vault.registered == [made.thumbprint]


def test_a_policy_that_renews_by_itself_is_found_in_time(in_vault):
    certificate = in_vault.vault.certificate("payroll")
    action = {"trigger": {"days_before_expiry": 15}, "action": {"action_type": "AutoRenew"}}
    certificate.policy.update(lifetime_actions=[action], x509_props={"subject": "CN=payroll"})
    in_vault.settle(6 * 86400)

    assert in_vault.renew(overlap=0).finding == "unregistered"
    assert len(in_vault.versions) == 2


def test_an_existing_vault_certificate_is_taken_over_as_it_is(vault_world):
    """Registered long ago by hand, with no run of ours so far."""
    policy = {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=payroll"}}
    vault_world.vault.begin("payroll", policy, {}, True)
    vault_world.settle()
    pair = vault_world.vault.certificate("payroll").versions[-1].pair
    vault_world.tenant.add_credential(vault_world.payroll, pair)

    told = vault_world.info()
    assert told.status == "healthy" and told.reasons == ["interrupted"]

    result = vault_world.renew()

    assert result.steps == ["prove", "promote"] and result.finding == "interrupted"
    assert vault_world.current == pair.thumbprint and len(vault_world.versions) == 1


def test_one_that_ends_too_soon_is_replaced_and_left_enabled(in_vault):
    """Somebody else may use it: it is not ours to disable."""
    in_vault.settle(86400)
    in_vault.vault.certificate("payroll").policy["x509_props"] = {"subject": "CN=x", "validity_months": 1}
    in_vault.vault.auto_renew("payroll")

    result = in_vault.renew(overlap=0, renew_before=40)

    assert result.steps[:2] == ["replace_successor", "generate"]
    assert [version.enabled for version in in_vault.versions] == [True, True, True]
    assert in_vault.registered == [in_vault.current] == in_vault.made


def a_certificate_in_use(vault_world, months=12):
    """Somebody's own, registered by hand, with no run of ours so far."""
    policy = {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=payroll", "validity_months": months}}
    vault_world.vault.begin("payroll", policy, {}, True)
    vault_world.settle()
    pair = vault_world.vault.certificate("payroll").versions[-1].pair
    vault_world.tenant.add_credential(vault_world.payroll, pair)
    return pair


def test_a_certificate_in_use_that_ends_soon_is_taken_over_as_current_renewed_and_retired(vault_world):
    """It is no unfinished successor: nothing of ours has begun."""
    pair = a_certificate_in_use(vault_world, months=1)

    told = vault_world.info(renew_before=40)
    assert (told.status, told.reasons) == ("near_expiry", ["near_expiry"])
    check = vault_world.renew(check=True, renew_before=40)
    result = vault_world.renew(renew_before=40)

    assert (result.finding, result.steps) == ("near_expiry", ["adopt", "generate", "register", "prove", "promote"])
    assert (check.finding, check.steps) == (result.finding, result.steps)
    assert result.predecessor["thumbprint"] == pair.thumbprint
    vault_world.settle(8 * 86400)
    assert vault_world.renew(renew_before=40).steps == ["retire"]
    assert pair.thumbprint not in vault_world.registered


@pytest.mark.parametrize("at", [0, 1])
def test_a_take_over_that_is_killed_is_taken_up_again(tmp_path, at):
    world = VaultWorld(tmp_path)
    world.contract.observe = lambda seen: None
    pair = a_certificate_in_use(world, months=1)
    world.moments.clear()
    world.renew(check=True, renew_before=40)
    updates = [number for number, moment in enumerate(world.moments) if "PATCH" in moment]
    assert updates == []

    writes = []
    world.strike_no_more()

    def count(request, send):
        if request.method == "PATCH" and "vault" in request.url:
            writes.append(request)
            if len(writes) == at + 1:
                send(request)
                raise Killed
        return send(request)

    world.answer = count
    with pytest.raises(Killed):
        world.renew(renew_before=40)
    del world.answer
    world.settle(60)

    world.renew(renew_before=40)
    assert world.contents.predecessor.thumbprint == pair.thumbprint
    assert len(world.versions) == 2 and world.current in world.registered


def test_copied_tags_make_a_version_of_the_vault_none_of_ours_and_it_stays_enabled(in_vault):
    in_vault.renew(overlap=0)
    in_vault.settle(3 * 86400)
    in_vault.tenant.switches.set(auto_renew_copies_tags=True)
    in_vault.vault.certificate("payroll").policy["x509_props"] = {"subject": "CN=payroll", "validity_months": 12}
    made = in_vault.vault.auto_renew("payroll")

    assert in_vault.info().reasons == ["unregistered"]
    in_vault.renew()
    assert made.enabled and in_vault.current == made.pair.thumbprint


def test_a_version_of_the_vault_from_the_same_second_as_ours_is_found(in_vault):
    in_vault.renew(overlap=0)
    in_vault.vault.certificate("payroll").policy["x509_props"] = {"subject": "CN=payroll", "validity_months": 12}
    made = in_vault.vault.auto_renew("payroll")
    made.created = in_vault.versions[-2].created

    assert in_vault.info().reasons == ["unregistered"]


def test_too_many_tags_of_others_are_refused_before_anything_is_done(in_vault):
    in_vault.versions[0].tags.update({f"user{number}": "x" for number in range(10)})

    with pytest.raises(KeyStoreError, match=r"too many .*Remove 1 of them"):
        in_vault.store.refuse_obstacles()
    in_vault.versions[0].tags.pop("user0")
    in_vault.store.refuse_obstacles()


def test_a_quiet_run_costs_no_more_in_an_old_vault(in_vault):
    in_vault.vault.certificate("payroll").policy["x509_props"] = {"subject": "CN=payroll", "validity_months": 12}
    young = in_vault.renew(renew_before=5).requests
    for _year in range(3):
        version = in_vault.vault.auto_renew("payroll")
        version.enabled = False
        version.tags.update({"evercert": version.pair.thumbprint, "evercert-deleted": "1"})

    assert in_vault.renew(renew_before=5).requests == young


@pytest.mark.xfail(strict=True, reason="P5: the tags of a version are read again just before each of its changes")
def test_a_renewal_reads_versions_less_often_than_it_changes_them(in_vault):
    since = len(in_vault.operations())

    in_vault.renew(overlap=0)

    asked = in_vault.operations(since)
    assert asked.count("get_certificate") < asked.count("update_certificate")


# Interruptions and races


READS = ("/sign?", "/oauth2/", "/$batch")


def moments_of(folder, act):
    """After each request that changes something; a process that dies elsewhere has done no more than that."""
    world = a_vault(folder)
    world.moments.clear()
    act(world)
    return [
        number
        for number, moment in enumerate(world.moments)
        if moment.startswith("after ") and " GET " not in moment and not any(part in moment for part in READS)
    ]


def a_vault(folder):
    folder.mkdir()
    world = VaultWorld(folder)
    world.contract.observe = lambda seen: None
    world.adopt()
    world.settle()
    world.foreign()
    return world


@scale.sampled
def test_a_kill_at_any_request_loses_nothing_and_the_next_run_converges(tmp_path):
    def act(world):
        return world.renew(overlap=0)

    folders = (tmp_path / str(number) for number in itertools.count())
    for number in scale.one_of(10, moments_of(next(folders), act), check=2):
        world = a_vault(next(folders))
        world.kill_at(number)
        with pytest.raises(Killed) as killed:
            act(world)
        where = f"{number}: {killed.value}"
        world.strike_no_more()

        assert world.usable(), where
        world.settle(60)
        act(world)
        foreign = [one.certificate.thumbprint for one in world.credentials.values()]
        assert len(world.versions) == 2, where  # today's and one more: never a second key pair for one renewal
        assert world.usable() == [world.current] and world.current != world.old.thumbprint, where
        assert world.old.thumbprint not in foreign and len(foreign) == 2, where
        assert world.contents.successor is None, where


def test_a_reply_that_is_lost_when_a_version_is_made_makes_no_second_one(in_vault):
    in_vault.tenant.faults.add("lost_reply", match="create_certificate")

    assert isinstance(in_vault.refused(), NetworkFailure)
    in_vault.renew(overlap=0)

    assert len(in_vault.versions) == 2 and in_vault.registered == [in_vault.current]


@pytest.mark.parametrize(
    "fault", [{"kind": "error", "status": 429, "retry_after": 7}, {"kind": "error", "status": 503}]
)
def test_passing_trouble_of_the_vault_is_waited_out(in_vault, fault):
    for operation in ("list_versions", "sign_with_key", "update_certificate", "get_pending"):
        in_vault.tenant.faults.add(match=operation, skip=1, **fault)

    assert in_vault.renew(overlap=0).steps == [*RENEWED, "retire"]
    assert any("Key Vault answered" in said for said in in_vault.timing.said)


def test_a_certificate_that_is_lost_unread_after_its_proof_is_registered_again(in_vault):
    """Whoever opens the vault may not read the directory, so that sign-ins alone can say it."""
    host = in_vault.tenant.add_application("host", secret="s3cret")
    in_vault.vault.allow(host)
    unread = {"client_id": host.app_id, "object_id": in_vault.payroll.object_id, "add_method": "add_key"}
    in_vault.renew(**unread, overlap=7)
    renewed = in_vault.current
    in_vault.lose(renewed)
    in_vault.settle(dt.timedelta(days=8).total_seconds())

    result = in_vault.renew(**unread, overlap=7)
    assert result.finding == "unregistered" and result.steps[0] == "roll_back"
    assert in_vault.current == renewed and renewed in in_vault.registered
    in_vault.settle(dt.timedelta(days=8).total_seconds())
    in_vault.renew(**unread, overlap=7)
    assert in_vault.registered == [renewed]
    assert not in_vault.renew(**unread, overlap=7).changed


# From 30 to 40 lies what comes before our own key pair.
@scale.sampled
@pytest.mark.parametrize("at", sorted({*range(30, 40, 4), *scale.one_of(22, range(112), check=2)}))
def test_of_two_runs_at_once_both_go_on_with_one_version(tmp_path, at):
    """A vault has no lock: another run does a whole renewal at any request of ours."""
    world = a_vault(tmp_path / "store")
    other = VaultWorld.__new__(VaultWorld)
    other.__dict__.update(world.__dict__)
    other.moments, other._strikes, other.made, other.sent = [], {}, [], []

    world.strike_at(at, lambda _moment: other.renew(overlap=7))
    with contextlib.suppress(EvercertError):
        world.renew(overlap=7)
    world.strike_no_more()
    world.settle()
    world.renew(overlap=7)

    assert world.usable() and world.contents.successor is None
    assert world.contents.current.thumbprint in world.registered
    live = [version for version in world.versions if version.enabled]
    assert {version.pair.thumbprint for version in live} >= set(world.usable())
    assert len(live) == 2, "today's and one more are promised"
    assert world.tenant.oracle.can_sign_in(world.payroll, world.current)


def test_a_version_that_another_run_has_just_made_is_taken_up(in_vault):
    store, now = in_vault.store, in_vault.tenant.clock.now()
    assert store.read().successor is None
    in_vault.settle(60)
    made = in_vault.vault.auto_renew("payroll").pair.thumbprint

    key = store.make_key_pair(key_size=2048, subject="payroll", not_before=now, not_after=now + dt.timedelta(days=90))

    assert key.certificate.thumbprint == made and len(in_vault.versions) == 2


def test_of_two_successors_made_at_once_the_younger_is_taken_back(in_vault):
    theirs = in_vault.store
    policy = {"key_size": 2048, "subject": "payroll", "not_before": in_vault.tenant.clock.now()}
    policy["not_after"] = policy["not_before"] + dt.timedelta(days=180)
    in_vault.vault.seconds_to_make = 0
    ours = in_vault.store
    assert ours.read().successor is None and theirs.read().successor is None
    first = theirs.make_key_pair(**policy)
    second_pair = in_vault.tenant.issue("payroll")
    in_vault.settle(5)
    theirs.keep_successor(first, Record(app_id="theirs"))
    kept = ours.keep_successor(KeyPair(certificate_from_der(second_pair.der), second_pair.private_key), Record())

    assert kept.thumbprint == first.certificate.thumbprint and kept.record.app_id == "theirs"
    assert [version.enabled for version in in_vault.versions] == [True, True, False]


# What is refused


def test_a_vault_that_asks_for_a_token_of_another_domain_gets_none(in_vault):
    in_vault.tenant.switches.set(vault_resource="https://graph.microsoft.com")
    in_vault.sent.clear()

    error = in_vault.refused()

    assert isinstance(error, UntrustedAnswer) and "which is another domain" in error.message
    assert not any("Authorization" in request.headers for request in in_vault.sent)


@pytest.mark.parametrize(
    "resource",
    [
        "https://azure.net.evil",
        "http://vault.azure.net",
        "https://net",
        "https://x@vault.azure.net",
        "https://[",
        "vault",
    ],
)
def test_odd_domains_are_no_domain_of_the_vault(in_vault, resource):
    in_vault.tenant.switches.set(vault_resource=resource)

    assert isinstance(in_vault.refused(), UntrustedAnswer)


@pytest.mark.parametrize(
    ("role", "said"),
    [("certificates", "Key Vault Crypto User"), ("crypto", "Key Vault Certificates Officer"), (None, "roles")],
)
def test_a_missing_role_is_named(in_vault, role, said):
    in_vault.vault.roles = {in_vault.admin.app_id: {role}}

    error = in_vault.refused()

    assert isinstance(error, VaultRefused) and error.diagnosis.code == "permission_denied"
    assert said in error.message and "https://payroll.vault.azure.net/certificates/payroll" in error.message


def test_a_firewall_is_told_apart_from_a_missing_role(in_vault):
    in_vault.vault.blocks_network = True

    error = in_vault.refused()

    assert error.diagnosis.code == "network_refused" and "firewall does not let this host in" in error.message


def test_a_deleted_name_is_told_with_its_remedy(vault_world):
    vault_world.renew()
    vault_world.vault.certificate("payroll").is_deleted = True

    error = vault_world.refused()

    assert "recover it, purge it, or choose another name" in error.message


def test_a_disabled_current_version_is_told(in_vault):
    in_vault.versions[0].enabled = False

    with pytest.raises(KeyStoreError, match="is disabled in the vault"):
        in_vault.store.signer(in_vault.old.thumbprint)


@pytest.mark.parametrize(
    "given",
    [
        {"auth_source": "key_store"},
        {"auth_source": "access_token", "access_token": "x"},
        {"validity": 30.5, "renew_before": 3},
        {"group": "root"},
        {"key_passphrase": "x"},
        {"pfx_passphrase": "x"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_does_not_go_with_a_vault_is_refused_before_anything_is_sent(vault_world, given):
    error = vault_world.refused(**given)

    assert isinstance(error, InvalidInput) and next(iter(given)) in error.message
    assert vault_world.sent == []


def test_exportable_is_for_vaults(tmp_path):
    error = World(tmp_path).refused(exportable=False)

    assert error.problems == ("exportable is for a key store in Azure Key Vault, not for a directory.",)


@pytest.mark.parametrize(
    "address",
    ["http://v.vault.azure.net/certificates/x", "https://v.vault.azure.net/secrets/x", "https://v.vault.azure.net"],
)
def test_other_addresses_are_no_key_store(vault_world, address):
    error = vault_world.refused(key_store=address)

    assert "https://<vault>/certificates/<name>" in error.message and vault_world.sent == []


def test_no_secret_is_in_what_the_vault_remembers(in_vault):
    in_vault.renew(overlap=0)

    text = json.dumps([version.tags for version in in_vault.versions])
    assert "s3cret" not in text and "eyJ" not in text and "PRIVATE" not in text


def test_what_others_have_changed_meanwhile_is_not_overwritten(in_vault):
    in_vault.renew(stop_after="proven")
    store, successor = in_vault.store, in_vault.contents.successor
    store.read()
    in_vault.renew(overlap=7)

    for act in (
        lambda: store.write_record(successor.thumbprint, successor.record),
        lambda: store.promote_successor(in_vault.tenant.clock.now()),
    ):
        with pytest.raises(KeyStoreError, match=r"Another run, or a person, has changed|has no successor to promote"):
            act()
    assert in_vault.current == successor.thumbprint
