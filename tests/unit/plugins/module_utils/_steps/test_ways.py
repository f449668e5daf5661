# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways into and out of the ordinary life: not registered, rolled back, adopted, brought along, retired."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    InvalidInput,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours
from emulator.certificates import issue

# Unregistered


def test_the_key_store_of_another_application_is_refused_before_anything_is_said_or_done(adopted):
    other = adopted.tenant.add_application("other", [adopted.tenant.issue("other", -10, 200)])
    before = adopted.credentials

    for act in (adopted.renew, adopted.roll_back, adopted.info, adopted.verify):
        with pytest.raises(InvalidInput, match=f"holds the keys of application {adopted.payroll.app_id}"):
            act(app_id=other.app_id)
    for act in (adopted.renew, adopted.info):
        with pytest.raises(InvalidInput, match=f"this task is about {other.app_id}"):
            act(app_id=None, object_id=other.object_id)

    assert (adopted.credentials, adopted.warnings, adopted.made) == (before, [], [])


def test_why_an_application_cannot_renew_itself_is_that_its_key_is_refused(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.lose(world.current)
    world.settle()

    assert "Entra refuses a sign-in with the current key" in world.refused(**world.as_itself).message


def test_a_certificate_that_was_never_applied_is_registered_again(adopted):
    adopted.lose(adopted.old.thumbprint)

    result = adopted.renew(renew_before=5)

    assert (result.finding, result.steps) == ("unregistered", ["register", "prove", "promote"])
    assert adopted.registered == [adopted.current] == [adopted.old.thumbprint] and adopted.made == []
    assert adopted.contents.current.record.promoted > adopted.contents.current.certificate.not_before


def test_a_certificate_that_was_never_applied_and_ends_soon_is_replaced(adopted):
    adopted.lose(adopted.old.thumbprint)

    result = adopted.renew(overlap=0)

    assert result.finding == "unregistered" and result.steps[0] == "generate"
    assert adopted.registered == [adopted.current] == adopted.made


def test_a_predecessor_that_still_signs_in_becomes_current_before_anything_else(adopted):
    adopted.renew()
    made = adopted.current
    adopted.lose(made)
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


def test_a_lifetime_beyond_the_policy_is_refused_or_clamped(adopted):
    adopted.tenant.limit_lifetime("P90D", adopted.payroll)
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")

    assert "allows certificates" in adopted.refused().message and adopted.made == []
    adopted.renew(on_policy_limit="clamp")
    held = adopted.contents.current.certificate
    assert 89 <= (held.not_after - held.not_before).days <= 90


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


# A key that addKey has just made is not good for proofs yet


@pytest.fixture(params=["as_itself", "add_key"])
def by_proof(request, world):
    """Who can only add with a proof: the application itself, or an administrator who wants addKey alone."""
    world.adopt(**world.as_admin)
    world.settle()
    return world.as_itself if request.param == "as_itself" else {"add_method": "add_key"}


def test_the_older_key_signs_for_a_renewal_that_is_forced_right_after_another(world, by_proof):
    world.tenant.switches.set(young_key_refused=1200)
    world.renew(**by_proof)
    world.settle(60)
    before = world.timing.waited

    result = world.renew(force=True, **by_proof)

    assert result.operations.count("add_key") == 1 and world.timing.waited - before < 100
    assert len(world.made) == 2 and world.current == world.made[1]


def test_where_a_young_key_is_alone_its_proof_is_waited_for(world, by_proof):
    world.tenant.switches.set(young_key_refused=0)
    world.renew(overlap=0, **by_proof)
    world.settle(60)
    world.tenant.switches.set(young_key_refused=300)

    world.renew(force=True, **by_proof)

    assert len(world.made) == 2 and world.current == world.made[1]
    assert "good for proofs" in " ".join(world.timing.said)


def test_a_proof_that_is_refused_for_as_long_as_a_run_waits_says_why_and_the_next_run_goes_on(world, by_proof):
    world.tenant.switches.set(young_key_refused=0)
    world.renew(overlap=0, **by_proof)
    world.settle(60)
    world.tenant.switches.set(young_key_refused=3600)
    before = world.credentials

    refused = world.refused(force=True, **by_proof)

    assert "not good for proofs yet" in refused.message and "object_id" not in refused.message
    assert world.credentials == before and world.usable() == [world.current]
    world.settle(3600)
    world.renew(**by_proof)
    assert len(world.made) == 2 and world.current == world.made[1]


@pytest.mark.parametrize("trouble", ["removed by somebody", "private key gone"])
def test_an_older_key_that_can_sign_no_more_is_passed_over(world, trouble):
    world.adopt(**world.as_admin)
    world.settle()
    world.tenant.switches.set(young_key_refused=0)
    world.renew(**world.as_itself)
    if trouble == "private key gone":
        (world.key_store / "versions" / world.old.thumbprint / "key.pem").unlink()
    else:
        world.lose(world.old.thumbprint)

    world.renew(force=True, **world.as_itself)

    assert len(world.made) == 2 and world.current == world.made[1] and world.current in world.registered


# Dates that are right may be refused once


@pytest.mark.parametrize("way", ["add_key", "update"])
def test_dates_that_were_refused_once_are_sent_again(adopted, way):
    operation = {"add_key": "add_key", "update": "patch_application"}[way]
    adopted.tenant.faults.add("error", match=operation, status=400, code="KeyCredentialsInvalidEndDate")

    result = adopted.renew(add_method=way)

    assert result.operations.count(operation) == 2 and adopted.current == adopted.made[0]


@pytest.mark.parametrize("in_slices", [False, True])
def test_dates_that_are_refused_twice_are_refused(adopted, in_slices):
    adopted.tenant.faults.add("error", match="add_key", status=400, code="KeyCredentialsInvalidEndDate", times=None)

    with pytest.raises(EvercertError, match="KeyCredentialsInvalidEndDate"):
        (adopted.renew_in_slices if in_slices else adopted.renew)(add_method="add_key")
    assert adopted.operations().count("add_key") == 2 and adopted.current == adopted.old.thumbprint
