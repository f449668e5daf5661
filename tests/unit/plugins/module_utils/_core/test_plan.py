# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.model import STAGES
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import (
    GENERATED,
    is_known_registered,
    is_resumable,
    plan_renewal,
    replaced_at,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.status import assess
from ansible_collections.evercert.entra.tests.unit.builders import (
    ACCEPTED,
    a_certificate,
    a_credential,
    a_snapshot,
    a_store,
    a_version,
    an_application,
    at,
    refused,
)
from hypothesis import given, settings
from hypothesis import strategies as st

POLICY = RenewalPolicy()
NEW_ONE = ["generate", "register", "prove", "promote"]


def days(count):
    return dt.timedelta(days=count)


def plan(snapshot, policy=POLICY, provided=None, **changes):
    policy = dataclasses.replace(policy, **changes)
    return plan_renewal(snapshot, policy, assess(snapshot, policy), provided)


def names(found):
    return [step.name for step in found.steps]


def retired(found):
    """The certificates whose credentials are removed."""
    return [step.thumbprint for step in found.steps if step.name == "retire" and not step.deletes_key]


def test_nothing_is_planned_while_nothing_is_due():
    found = plan(a_snapshot(a_version()))

    assert not found
    assert found.finding is None


@pytest.mark.parametrize(
    "snapshot",
    [
        a_snapshot(),
        a_snapshot(a_version(expires=-1)),
        a_snapshot(a_version(expires=5)),
        a_snapshot(a_version(issued=-100)),
        a_snapshot(a_version(issued=-1)),
    ],
    ids=["missing", "expired", "near_expiry", "rotation_due", "forced"],
)
def test_the_ordinary_findings_make_a_new_certificate(snapshot, request):
    found = plan(snapshot, rotation_period=days(100), force="forced" in request.node.name)

    assert names(found) == NEW_ONE
    assert found.finding.reason in request.node.name
    assert all(step.thumbprint is None for step in found.steps)


def test_what_is_not_known_yet_is_shown_by_a_word():
    generate, register, prove, promote = plan(a_snapshot()).steps

    assert generate.detail == "RSA 2048, valid 180 days."
    assert GENERATED == "(generated)"
    assert all(GENERATED in step.detail for step in (register, prove, promote))


def test_what_is_known_is_named():
    new = a_version("new", expires=180, intent=-1)

    register, prove, promote = plan(a_snapshot(None, new, application=an_application())).steps
    assert all(new.thumbprint in step.detail for step in (register, prove, promote))

    shown = plan(a_snapshot(None, new)).steps
    assert [(step.name, step.key_id) for step in shown] == [
        ("prove", a_credential(new).key_id),
        ("promote", a_credential(new).key_id),
    ]


@pytest.mark.parametrize(
    "stop_after, expected",
    [
        ("generated", NEW_ONE[:1]),
        ("registered", NEW_ONE[:2]),
        ("proven", NEW_ONE[:3]),
        ("promoted", NEW_ONE),
        ("retired", [*NEW_ONE, "retire"]),
    ],
)
def test_a_plan_ends_where_it_should_stop(stop_after, expected):
    assert names(plan(a_snapshot(a_version(expires=5)), overlap=days(0), stop_after=stop_after)) == expected


def test_the_predecessor_stays_for_the_overlap():
    old = a_version("old", promoted=-90)
    new = a_version("new", promoted=-6.9, replaces=old)

    assert plan(a_snapshot(new, others=[old])).steps == ()


def test_the_predecessor_is_retired_once_the_overlap_has_passed():
    old = a_version("old", promoted=-90)
    new = a_version("new", promoted=-7, replaces=old)

    found = plan(a_snapshot(new, others=[old]))

    assert found.finding is None
    assert retired(found) == [old.thumbprint]
    assert found.steps[0].key_id == a_credential(old).key_id
    assert a_credential(old).key_id in found.steps[0].detail


def test_with_no_overlap_the_predecessor_goes_in_the_same_run():
    old = a_version("old", expires=5)

    found = plan(a_snapshot(old), overlap=days(0))

    assert names(found) == [*NEW_ONE, "retire"]
    assert retired(found) == [old.thumbprint]


def test_without_an_overlap_a_promotion_of_this_very_second_is_over():
    """The service's clock tells whole seconds, so a run at once may read an earlier time than the one on record."""
    old = a_version("old", promoted=-90)
    new = a_version("new", promoted=0.5 / 86400, replaces=old)

    assert retired(plan(a_snapshot(new, others=[old]), overlap=days(0))) == [old.thumbprint]


def test_the_overlap_counts_from_the_promotion_of_the_one_that_took_its_place():
    oldest, old = a_version("oldest", promoted=-100), a_version("old", promoted=-50)
    old = dataclasses.replace(old, record=dataclasses.replace(old.record, predecessor=oldest.thumbprint))
    new = a_version("new", promoted=-1, replaces=old)
    store = a_store(new, others=[oldest, old])

    again = a_version("again", promoted=-20, replaces=oldest)
    unfinished = a_version("unfinished", intent=-1, replaces=oldest)

    assert replaced_at(store, oldest) == at(-50)
    assert replaced_at(a_store(new, unfinished, [oldest, again, old]), oldest) == at(-20)
    assert replaced_at(store, old) == at(-1)
    assert replaced_at(a_store(), old) is None
    assert retired(plan(a_snapshot(new, others=[oldest, old]))) == [oldest.thumbprint]


def test_a_version_that_nobody_names_counts_from_the_promotion_of_current():
    stray = a_version("stray", promoted=-100)

    assert retired(plan(a_snapshot(a_version("new", promoted=-8), others=[stray]))) == [stray.thumbprint]
    assert retired(plan(a_snapshot(a_version("new", promoted=-6), others=[stray]))) == []
    assert retired(plan(a_snapshot(a_version("new"), others=[stray]))) == []


def test_a_certificate_that_never_served_is_retired_without_an_overlap():
    sent = a_version("sent", intent=-1)

    assert retired(plan(a_snapshot(a_version("new", promoted=-1), others=[sent]))) == [sent.thumbprint]


def test_a_certificate_that_served_and_was_refused_later_has_no_overlap_either():
    """What a rollback left: a renewal that replaces it does not wait for it."""
    back, bad = a_version("back", promoted=-1), a_version("bad", expires=180, promoted=-3, intent=-3, refused=-1)

    assert retired(plan(a_snapshot(back, bad))) == [bad.thumbprint]


def test_a_renewal_retires_what_was_due_without_it():
    due, old = a_version("due", promoted=-90), a_version("old", promoted=-20, expires=5)

    assert retired(plan(a_snapshot(old, others=[due]))) == [due.thumbprint]


def test_a_version_that_was_never_sent_is_not_retired():
    assert not plan(a_snapshot(a_version("new", promoted=-50), others=[a_version("unsent", generated=-50)]))


@pytest.mark.parametrize(("hours_ago", "expected"), [(1, ["retire"]), (1 / 6, []), (0.1, [])])
def test_a_removal_that_was_lost_again_is_repeated_once_no_replica_lags(hours_ago, expected):
    old = a_version("old", promoted=-90, retired=-hours_ago / 24)
    new = a_version("new", promoted=-1, replaces=old)

    found = plan(a_snapshot(new, others=[old], application=an_application(old, new)))

    assert names(found) == expected
    assert all(step.key_id == a_credential(old).key_id and not step.deletes_key for step in found.steps)


def test_the_private_key_of_a_certificate_that_came_back_is_kept_until_it_is_gone_again():
    old = a_version("old", promoted=-90, retired=-50)

    found = plan(a_snapshot(a_version("new", promoted=-60), others=[old], application=an_application(old)))

    assert [step.deletes_key for step in found.steps] == [False]


@pytest.mark.parametrize("retired_at, deleted", [(-6.9, False), (-7, True)])
def test_a_retired_key_is_deleted_after_keep_retired(retired_at, deleted):
    old = a_version("old", promoted=-90, retired=retired_at, key_id="k")

    found = plan(a_snapshot(a_version("new", promoted=-20), others=[old]))

    assert [(step.thumbprint, step.deletes_key) for step in found.steps] == [(old.thumbprint, True)] * deleted


def test_a_key_is_deleted_only_by_a_run_that_retires():
    old = a_version("old", promoted=-90, retired=-50)

    assert not plan(a_snapshot(a_version("new"), others=[old]), stop_after="promoted")


def test_a_predecessor_that_is_gone_from_the_application_is_only_noted_as_retired():
    old = a_version("old", promoted=-90)
    new = a_version("new", promoted=-8, replaces=old)

    (step,) = plan(a_snapshot(new, others=[old], application=an_application(new))).steps

    assert (step.name, step.key_id) == ("retire", None)


# --- What must never be removed ----------------------------------------------------------------------------------


def old_and_new():
    old = a_version("old", promoted=-90)
    return old, a_version("new", promoted=-8, replaces=old)


@pytest.mark.parametrize(
    "entry, others, encryption, why",
    [
        ({"key_id": "decrypts"}, [], "decrypts", "it decrypts tokens"),
        ({"identifier": "pair"}, [a_credential(a_certificate("s"), usage="Sign", identifier="pair")], None, "SAML"),
        ({"usage": "Sign"}, [], None, "it signs tokens"),
    ],
    ids=["token encryption", "SAML pair", "signing key"],
)
def test_a_protected_credential_is_reported_and_not_planned(entry, others, encryption, why):
    old, new = old_and_new()
    application = an_application(new, a_credential(old, **entry), *others, token_encryption_key_id=encryption)

    found = plan(a_snapshot(new, others=[old], application=application))

    assert not found
    assert len(found.not_retirable) == 1
    assert old.thumbprint in found.not_retirable[0] and why in found.not_retirable[0]


def test_the_entry_for_sign_in_goes_and_its_twin_for_token_encryption_stays():
    old, new = old_and_new()
    twin, plain = a_credential(old, key_id="decrypts"), a_credential(old, key_id="plain")
    application = an_application(new, twin, plain, token_encryption_key_id="decrypts")

    (step,) = plan(a_snapshot(new, others=[old], application=application)).steps

    assert step.key_id == "plain"


def test_an_entry_known_by_its_identifier_alone_is_removed_only_by_the_key_id_on_record():
    old, new = old_and_new()
    application = an_application(new, a_credential(old, key_id="k", certificate=None))

    found = plan(a_snapshot(new, others=[old], application=application))

    assert not found
    assert "which anybody may have set" in found.not_retirable[0]
    recorded = dataclasses.replace(old, record=dataclasses.replace(old.record, key_id="k"))
    assert plan(a_snapshot(new, others=[recorded], application=application)).steps[0].key_id == "k"


def test_without_reading_the_directory_the_key_id_on_record_is_removed():
    old = a_version("old", promoted=-90, key_id="recorded")
    new = a_version("new", promoted=-8, replaces=old)

    (step,) = plan(a_snapshot(new, others=[old], application=False)).steps

    assert step.key_id == "recorded"


def test_a_key_id_that_cannot_be_learnt_is_reported():
    old, new = old_and_new()

    found = plan(a_snapshot(new, others=[old], application=False))

    assert not found
    assert "its key ID is not recorded and the directory may not be read" in found.not_retirable[0]
    assert plan(a_snapshot(new, others=[old], application=False), stop_after="promoted").not_retirable == ()


# --- Going on with what an earlier run left ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "record, shown, expected",
    [
        ({}, False, ["register", "prove", "promote"]),
        ({"intent": -1}, False, ["register", "prove", "promote"]),
        ({"intent": -1, "registered": -1}, False, ["register", "prove", "promote"]),
        ({"intent": -1}, True, ["prove", "promote"]),
        ({"intent": -1, "registered": -1, "proven": -1}, True, ["prove", "promote"]),
    ],
)
def test_an_interrupted_renewal_goes_on_with_the_certificate_that_exists(record, shown, expected):
    old, new = a_version("old", expires=5), a_version("new", issued=0, expires=180, **record)
    application = an_application(old, new) if shown else an_application(old)

    found = plan(a_snapshot(old, new, application=application))

    assert names(found) == expected
    assert {step.thumbprint for step in found.steps} == {new.thumbprint}


def test_a_successor_that_signs_in_is_registered_although_the_directory_does_not_show_it_yet():
    new = a_version("new", expires=180, stop_after="generated")
    snapshot = a_snapshot(a_version("old"), new, application=an_application(), successor_sign_in=ACCEPTED)

    assert names(plan(snapshot)) == ["prove", "promote"]
    assert not is_known_registered(dataclasses.replace(snapshot, successor_sign_in=refused()), new)


@pytest.mark.parametrize("record, known", [({"registered": -1}, True), ({"intent": -1}, False)])
def test_the_record_decides_where_the_directory_may_not_be_read(record, known):
    new = a_version("new", expires=180, **record)

    assert ("register" not in names(plan(a_snapshot(a_version("old"), new, application=False)))) is known


@pytest.mark.parametrize(
    "successor",
    [
        a_version("new", expires=180, intent=-1, refused=-1),
        a_version("new", expires=30, intent=-1),
        a_version("new", expires=180, intent=-1, key_size=3072),
    ],
    ids=["refused", "ends within renew_before", "other key size"],
)
def test_a_successor_that_does_not_serve_is_settled_replaced_and_retired(successor):
    found = plan(a_snapshot(a_version("old"), successor), force=True)

    assert names(found) == ["replace_successor", *NEW_ONE, "retire"]
    assert found.steps[0].thumbprint == successor.thumbprint
    assert retired(found) == [successor.thumbprint]


def test_the_replacement_says_why():
    refused_one = a_version("new", expires=180, intent=-1, refused=-1)
    short = a_version("new", expires=10, intent=-1)

    assert "was finally refused" in plan(a_snapshot(None, refused_one)).steps[0].detail
    assert "ends too soon or is not as requested now" in plan(a_snapshot(None, short)).steps[0].detail


def test_a_successor_that_was_never_sent_is_replaced_and_needs_no_retirement():
    old, unsent = a_version("old", promoted=-90), a_version("new", expires=10, generated=-1)

    for application in (an_application(old), False):
        found = plan(a_snapshot(old, unsent, application=application))

        assert names(found) == ["replace_successor", *NEW_ONE]
        assert found.not_retirable == ()


def test_one_that_the_directory_shows_is_retired_whatever_its_record_says():
    """A restored record does not know what was sent."""
    old, unsent = a_version("old", promoted=-90), a_version("new", expires=10, generated=-1)

    assert retired(plan(a_snapshot(old, unsent, application=an_application(old, unsent)))) == [unsent.thumbprint]


def test_a_pair_that_a_stop_handed_out_counts_as_possibly_sent():
    handed_out = a_version("new", expires=10, generated=-1, stop_after="generated")

    assert retired(plan(a_snapshot(a_version("old"), handed_out))) == [handed_out.thumbprint]


def test_a_certificate_brought_by_the_user_replaces_a_successor_that_is_another():
    successor = a_version("new", expires=180, intent=-1)

    assert names(plan(a_snapshot(a_version("old"), successor), provided=a_certificate("mine", expires=180)))[0] == (
        "replace_successor"
    )
    assert names(plan(a_snapshot(a_version("old"), successor), provided=successor.certificate)) == ["prove", "promote"]


def test_the_key_size_asked_for_does_not_matter_for_a_certificate_that_was_brought():
    brought = a_version("new", expires=180, intent=-1, key_size=4096, origin="provided")

    assert names(plan(a_snapshot(a_version("old"), brought))) == ["prove", "promote"]


# --- Reported rotated but not applied ----------------------------------------------------------------------------


def gone(expires=90, **facts):
    """The store's current certificate is absent and refused; its predecessor may still sign in."""
    old = a_version("old", promoted=-90, expires=50)
    new = a_version("new", promoted=-20, expires=expires, replaces=old)
    facts = {"application": an_application(old), "current_sign_in": refused(), **facts}
    return old, new, a_snapshot(new, others=[old], **facts)


def test_a_predecessor_that_still_signs_in_becomes_current_at_once():
    old, new, snapshot = gone(predecessor_sign_in=ACCEPTED)

    found = plan(snapshot)

    assert found.finding.reason == "unregistered"
    assert names(found) == ["roll_back", "register", "prove", "promote"]
    assert [step.thumbprint for step in found.steps] == [old.thumbprint, *[new.thumbprint] * 3]


def test_a_renewal_under_way_goes_on_whatever_became_of_the_current_certificate():
    _old, new, _snapshot = gone()
    successor = a_version("next", expires=180, intent=-1)
    snapshot = a_snapshot(new, successor, application=an_application(successor), current_sign_in=refused())

    assert {step.thumbprint for step in plan(snapshot).steps} == {successor.thumbprint}


def test_a_certificate_that_the_directory_shows_is_not_registered_again_whatever_a_sign_in_says():
    current = a_version(promoted=-20)

    assert names(plan(a_snapshot(current, current_sign_in=refused()), force=True)) == NEW_ONE


@pytest.mark.parametrize("stop_after", STAGES)
def test_the_way_back_comes_first_wherever_the_run_stops(stop_after):
    _old, _new, snapshot = gone(predecessor_sign_in=ACCEPTED)

    assert names(plan(snapshot, stop_after=stop_after))[0] == "roll_back"


@pytest.mark.parametrize("sign_in", [None, refused(), refused("certificate_expired")])
def test_a_predecessor_that_does_not_sign_in_stays_where_it_is(sign_in):
    _old, new, snapshot = gone(predecessor_sign_in=sign_in)

    found = plan(snapshot)

    assert names(found) == ["register", "prove", "promote"]
    assert {step.thumbprint for step in found.steps} == {new.thumbprint}


def test_an_absent_certificate_that_ends_soon_is_not_registered_again():
    old, new, snapshot = gone(expires=30, predecessor_sign_in=ACCEPTED)

    found = plan(snapshot)

    assert names(found) == ["roll_back", *NEW_ONE]
    assert found.steps[0].thumbprint == old.thumbprint
    assert retired(found) == []
    assert set(retired(plan(snapshot, overlap=days(0)))) == {old.thumbprint, new.thumbprint}


@pytest.mark.parametrize("sign_in", [None, ACCEPTED])
def test_registering_again_begins_the_overlap_anew(sign_in):
    """The predecessor was replaced 20 days ago by a certificate that nobody could sign in with."""
    old, _new, snapshot = gone(predecessor_sign_in=sign_in)

    assert retired(plan(snapshot)) == []
    assert retired(plan(snapshot, overlap=days(0))) == [old.thumbprint]


# --- What holds for every plan -----------------------------------------------------------------------------------

MAYBE_DAYS = st.none() | st.sampled_from([-30, -8, -1, -0.001, 0])


@st.composite
def versions(draw, name):
    return a_version(
        name,
        issued=draw(st.sampled_from([-400, -90, 0])),
        expires=draw(st.sampled_from([-5, 5, 90, 180])),
        key_size=draw(st.sampled_from([2048, 3072])),
        key_id=draw(st.none() | st.just(f"recorded-{name}")),
        origin=draw(st.sampled_from(["generated", "provided", "adopted"])),
        stop_after=draw(st.none() | st.sampled_from(STAGES[:3])),
        finding=draw(st.none() | st.just("near_expiry")),
        **{word: draw(MAYBE_DAYS) for word in ("intent", "registered", "proven", "promoted", "retired", "refused")},
    )


@st.composite
def situations(draw):
    """Any store, any application (foreign and protected entries too), any answers, any policy."""
    pool = [draw(versions(name)) for name in "abcd"]
    chain = draw(st.permutations(pool))
    linked = [
        dataclasses.replace(version, record=dataclasses.replace(version.record, predecessor=before.thumbprint))
        if draw(st.booleans())
        else version
        for version, before in zip(chain, chain[1:] + chain[:1])
    ]
    current = linked[0] if draw(st.booleans()) else None
    successor = linked[1] if draw(st.booleans()) else None
    others = linked[2 : 2 + draw(st.integers(0, 2))]
    shown = [a_credential(version, key_id=f"entry-{i}") for i, version in enumerate(linked) if draw(st.booleans())]
    shown = [dataclasses.replace(entry, certificate=None) if draw(st.booleans()) else entry for entry in shown]
    foreign = [
        a_credential(a_certificate(f"foreign {i}"), key_id=f"foreign-{i}") for i in range(draw(st.integers(0, 2)))
    ]
    pair = []
    if shown and draw(st.booleans()):
        entry = draw(st.sampled_from(shown))
        pair = [a_credential(a_certificate("saml"), key_id="signs", usage="Sign", identifier=entry.identifier)]
    application = an_application(
        *draw(st.permutations([*shown, *foreign, *pair])),
        token_encryption_key_id=draw(
            st.none() | st.sampled_from([entry.key_id for entry in [*shown, *foreign]] or [""])
        ),
    )
    answers = st.sampled_from([None, ACCEPTED, refused(), refused("certificate_expired")])
    snapshot = a_snapshot(
        current,
        successor,
        others,
        application=application if draw(st.booleans()) else False,
        current_sign_in=draw(answers),
        predecessor_sign_in=draw(answers),
        successor_sign_in=draw(answers),
    )
    policy = RenewalPolicy(
        overlap=draw(st.sampled_from([days(0), days(7)])),
        keep_retired=draw(st.sampled_from([days(0), days(7)])),
        rotation_period=draw(st.none() | st.just(days(60))),
        force=draw(st.booleans()),
    )
    return snapshot, policy, draw(st.none() | st.just(a_certificate("brought", expires=180)))


@given(situations())
@settings(max_examples=60)
def test_no_plan_retires_what_it_promotes_or_removes_before_it_promotes(situation):
    snapshot, policy, provided = situation

    found = plan(snapshot, policy, provided)

    order = names(found)
    promoted = [step.thumbprint for step in found.steps if step.name == "promote"]
    removed = [step.thumbprint for step in found.steps if step.name == "retire"]
    assert len(promoted) <= 1
    assert not set(promoted) & set(removed)
    assert len(removed) == len(set(removed))
    assert "promote" not in order or "retire" not in order[: order.index("promote")]
    if not promoted and snapshot.store.current:
        assert snapshot.store.current.thumbprint not in removed


@given(situations())
@settings(max_examples=60)
def test_no_plan_touches_a_foreign_or_protected_credential(situation):
    snapshot, policy, provided = situation

    found = plan(snapshot, policy, provided)

    assert all(step.thumbprint is None or snapshot.store.find(step.thumbprint) for step in found.steps)
    if snapshot.application:
        for step in found.steps:
            if step.name == "retire" and step.key_id and not step.deletes_key:
                entry = snapshot.application.find_credential_by_id(step.key_id)
                assert snapshot.store.holds(entry)
                assert not snapshot.application.why_protected(entry)


@given(situations())
@settings(max_examples=60)
def test_stopping_earlier_does_the_same_up_to_there(situation):
    snapshot, policy, provided = situation
    whole = plan(snapshot, policy, provided).steps

    for stop_after in STAGES:
        cut = plan(snapshot, policy, provided, stop_after=stop_after).steps

        assert cut == whole[: len(cut)]


@given(situations())
@settings(max_examples=60)
def test_a_certificate_is_promoted_only_after_it_was_proven_and_made_only_where_there_is_none(situation):
    snapshot, policy, provided = situation

    found = plan(snapshot, policy, provided)

    order = [name for name in names(found) if name != "retire"]
    assert order == [name for name in ("roll_back", "replace_successor", *NEW_ONE) if name in order]
    assert ("promote" in order) == ("prove" in order) == bool(found.finding)
    if "generate" in order:
        assert "register" in order
        assert not snapshot.store.successor or "replace_successor" in order


@given(situations())
@settings(max_examples=60)
def test_a_key_is_deleted_only_when_its_credential_was_removed_long_enough_ago(situation):
    snapshot, policy, provided = situation

    for step in plan(snapshot, policy, provided).steps:
        if step.deletes_key:
            assert snapshot.store.find(step.thumbprint).record.retired + policy.keep_retired <= snapshot.now


@pytest.mark.parametrize(
    ("longest", "application", "resumed"),
    [(180, None, True), (179, None, False), (179, "new", True), (None, None, True)],
)
def test_a_renewal_goes_on_with_a_certificate_that_the_policy_still_allows(longest, application, resumed):
    """One that is on the application already goes on working, however long it lives."""
    current, new = a_version("old", promoted=-90), a_version("new", origin="generated", intent=-1)
    shown = an_application(current, *([new] if application else []))
    snapshot = a_snapshot(current, new, application=shown)
    policy = dataclasses.replace(POLICY, longest=None if longest is None else days(longest))

    assert is_resumable(snapshot, policy, new, None) is resumed
