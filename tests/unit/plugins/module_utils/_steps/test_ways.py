# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways into and out of the ordinary life: not registered, rolled back, adopted, brought along, retired."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    InvalidInput,
    KeyStoreError,
    NotProven,
    SignInRefused,
    Unsafe,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours
from emulator.certificates import issue


def remove(world, thumbprint):
    found = [key for key, one in world.credentials.items() if one.certificate.thumbprint == thumbprint]
    for key_id in found:
        world.tenant.remove_credential(world.payroll, key_id)


# Unregistered


def test_a_certificate_that_was_never_applied_is_registered_again(adopted):
    remove(adopted, adopted.old.thumbprint)

    result = adopted.renew(renew_before=5)

    assert (result.finding, result.steps) == ("unregistered", ["register", "prove", "promote"])
    assert adopted.registered == [adopted.current] == [adopted.old.thumbprint] and adopted.made == []
    assert adopted.contents.current.record.promoted > adopted.contents.current.certificate.not_before


def test_a_certificate_that_was_never_applied_and_ends_soon_is_replaced(adopted):
    remove(adopted, adopted.old.thumbprint)

    result = adopted.renew(overlap=0)

    assert result.finding == "unregistered" and result.steps[0] == "generate"
    assert adopted.registered == [adopted.current] == adopted.made


def test_a_predecessor_that_still_signs_in_becomes_current_before_anything_else(adopted):
    adopted.renew()
    made = adopted.current
    remove(adopted, made)
    adopted.settle()
    adopted.tenant.faults.add("error", match=["add_key", "patch_application"], status=400, times=None)

    error = adopted.refused(renew_before=15)

    assert isinstance(error, EvercertError)
    assert adopted.current == adopted.old.thumbprint and adopted.contents.successor.thumbprint == made
    adopted.tenant.faults.clear()
    adopted.renew(renew_before=15)
    assert adopted.current == made and made in adopted.registered and len(adopted.made) == 1


def test_one_stale_replica_makes_no_certificate_unregistered(adopted):
    adopted.renew(overlap=0)
    adopted.tenant.reads.lag(seconds=[10**6, 0])

    result = adopted.renew(overlap=0)

    assert result.finding is None and not result.changed


def test_absent_on_three_reads_and_accepted_at_sign_in_is_no_finding(adopted):
    adopted.renew()
    adopted.settle()
    adopted.tenant.reads.lag(seconds=[10**6])

    result = adopted.renew()

    assert result.finding is None and not result.changed


# Rolling back


def promoted_and_lost(world):
    world.renew()
    made = world.current
    remove(world, made)
    world.settle()
    return made


@pytest.mark.parametrize("check", [True, False])
def test_a_refused_current_certificate_goes_back_to_its_predecessor(adopted, check):
    made = promoted_and_lost(adopted)

    result = adopted.roll_back(check=check, sign_in_budget=0)

    assert result.steps == ["roll_back"] and result.changed
    assert adopted.current == (made if check else adopted.old.thumbprint)
    if not check:
        assert adopted.contents.successor.record.refused
        assert not adopted.roll_back().changed


def test_a_roll_back_that_hands_its_waits_over_counts_what_was_refused_before(adopted):
    promoted_and_lost(adopted)
    before = len(adopted.sign_ins())

    adopted.roll_back_in_slices(sign_in_budget=0)

    assert adopted.current == adopted.old.thumbprint
    assert len(adopted.sign_ins()) - before == 4  # three refusals and one acceptance, however the calls were cut


def test_an_accepted_current_certificate_is_not_rolled_back(adopted):
    adopted.renew()
    adopted.settle()
    made = adopted.current

    with pytest.raises(Unsafe, match="Entra accepts sign-ins"):
        adopted.roll_back()
    assert adopted.current == made


def test_nothing_is_rolled_back_to_a_predecessor_that_does_not_sign_in(adopted):
    made = promoted_and_lost(adopted)
    remove(adopted, adopted.old.thumbprint)

    with pytest.raises(Unsafe, match="does not sign in either"):
        adopted.roll_back()
    assert adopted.current == made


def test_trouble_that_is_not_about_the_key_rolls_nothing_back(adopted):
    made = promoted_and_lost(adopted)
    adopted.tenant.enable(adopted.payroll, False)

    with pytest.raises(Unsafe, match="not because of its key"):
        adopted.roll_back()
    assert adopted.current == made


def test_one_acceptance_among_the_attempts_rolls_nothing_back(adopted):
    adopted.renew()
    adopted.settle()
    refusal = {"status": 401, "error": "invalid_client", "code": 700027, "message": "[Reason - The key was not found.]"}
    adopted.tenant.faults.add("error", match="token", times=2, **refusal)

    with pytest.raises(Unsafe, match="Entra accepts sign-ins"):
        adopted.roll_back()


def test_the_renewal_after_a_roll_back_replaces_the_refused_certificate(adopted):
    made = promoted_and_lost(adopted)
    adopted.roll_back()
    adopted.settle()

    adopted.renew(overlap=0)

    assert adopted.current not in (made, adopted.old.thumbprint) and adopted.registered == [adopted.current]


# Brought along


def test_a_key_pair_of_ones_own_is_registered_proven_and_promoted(adopted):
    pair = ours(adopted.tenant.issue("CN from the authority", -0.01, 300))

    result = adopted.renew(provided=pair, overlap=0)

    assert adopted.registered == [adopted.current] == [pair.certificate.thumbprint] and adopted.made == []
    assert result.steps[0] == "generate"
    assert not adopted.renew(provided=pair, overlap=0).changed


@pytest.mark.parametrize("span", [(-10, 20), (1, 100)])
@pytest.mark.parametrize("check", [True, False])
def test_a_certificate_that_cannot_serve_is_refused_before_anything_happens(adopted, span, check):
    pair = ours(adopted.tenant.issue("payroll", *span))

    assert isinstance(adopted.refused(check=check, provided=pair), InvalidInput)
    assert adopted.contents.successor is None


def test_a_certificate_made_for_a_kept_key_replaces_the_self_signed_one(adopted):
    adopted.renew(stop_after="generated")
    kept = adopted.store.signer(adopted.made[0])
    signed = issue("from the authority", adopted.tenant.clock.from_now(-0.01), adopted.tenant.clock.from_now(90))
    pair = ours(issue("x", signed.not_before, signed.not_after, kept.private_key))

    adopted.renew(provided=pair, overlap=0)

    assert adopted.registered == [adopted.current] == [pair.certificate.thumbprint]


# Retiring


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


def test_an_empty_store_gets_its_first_certificate_beside_the_foreign_one(world):
    result = world.renew(overlap=0)

    assert (result.finding, result.steps) == ("missing", ["generate", "register", "prove", "promote"])
    assert world.registered == sorted([world.old.thumbprint, world.current])


def test_foreign_credentials_of_every_kind_stay_byte_for_byte(adopted):
    odd = [
        adopted.foreign("portal", custom_key_identifier="c29tZSBvdGhlciB0aGluZw=="),
        adopted.foreign("fraction", start="2026-11-01T00:00:00.1234567Z", end="2027-01-01T00:00:00.7654321Z"),
        adopted.foreign("nameless", display_name=None, custom_key_identifier=None),
        adopted.foreign("ended", start="2020-01-01T00:00:00Z", end="2021-01-01T00:00:00Z"),
        adopted.foreign("encrypts"),
        adopted.foreign("saml", custom_key_identifier="c2FtbA==", type="X509CertAndPassword", usage="Sign"),
        adopted.foreign("saml", custom_key_identifier="c2FtbA=="),
    ]
    adopted.tenant.change(adopted.payroll, token_encryption_key_id=odd[4].key_id)
    adopted.settle()

    adopted.renew(overlap=0, add_method="update")
    adopted.settle()
    adopted.renew(overlap=0, force=True)

    assert [adopted.credentials[one.key_id] for one in odd] == odd
    assert set(adopted.registered) == {adopted.current, *(one.certificate.thumbprint for one in odd)}


def test_the_private_key_is_durable_before_its_certificate_leaves_the_machine(adopted):
    for method in ("add_key", "update"):
        adopted.moments.clear()
        with adopted.watching_effects():
            adopted.renew(overlap=0, add_method=method, force=True)
        sent = next(i for i, moment in enumerate(adopted.moments) if "addKey" in moment or "PATCH" in moment)
        before = adopted.moments[:sent]
        kept = before.index(f"after rename {adopted.current}")
        linked = before.index("after rename successor", kept)
        intent = before.index("after rename record.json", linked)
        assert "after sync versions" in before[kept:linked]
        assert f"after sync {adopted.current}" in before[intent:]
        adopted.settle()


def test_a_store_without_a_current_certificate_cannot_be_rolled_back(world):
    with pytest.raises(KeyStoreError, match="holds no current certificate"):
        world.roll_back()


def test_a_lifetime_beyond_the_policy_is_refused_or_clamped(adopted):
    adopted.tenant.limit_lifetime("P90D", adopted.payroll)
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")

    assert "allows certificates" in adopted.refused().message and adopted.made == []
    adopted.renew(on_policy_limit="clamp")
    held = adopted.contents.current.certificate
    assert 89 <= (held.not_after - held.not_before).days <= 90


@pytest.mark.parametrize("way", ["auto", "update"])
@pytest.mark.parametrize("renews", ["renew", "renew_in_slices"])
def test_an_application_that_went_back_to_its_predecessor_may_do_by_itself_what_it_could_before(adopted, way, renews):
    own = adopted.tenant.service_principal(adopted.payroll)
    adopted.tenant.change(adopted.payroll, owners=(own.object_id,))
    adopted.tenant.grant(adopted.payroll, "Application.ReadWrite.OwnedBy")
    made = promoted_and_lost(adopted)

    result = getattr(adopted, renews)(**adopted.as_itself, add_method=way, renew_before=15)

    assert result.steps == ["roll_back", "register", "prove", "promote"] and result.finding == "unregistered"
    assert adopted.current == made and result.proof == "directory+sign_in"


def unknown_application(world):
    return {"app_id": "99999999-2222-4333-8444-555555555555"}


def wrong_clock(world):
    world.tenant.clock.skew = 400
    return {}


def no_way_to_write(world):
    return world.as_itself


def too_long_for_the_policy(world):
    world.tenant.limit_lifetime("P90D", world.payroll)
    world.tenant.grant(world.admin, "Policy.Read.All")
    return {}


AGAINST_A_FIRST_RENEWAL = (unknown_application, wrong_clock, no_way_to_write, too_long_for_the_policy)


@pytest.mark.parametrize("scene", AGAINST_A_FIRST_RENEWAL, ids=lambda scene: scene.__name__)
def test_what_speaks_against_a_first_renewal_is_said_before_a_key_store_is_made(scene, world):
    options = scene(world)

    world.refused(**options)

    assert not (world.folder / "store").exists() and world.made == []
