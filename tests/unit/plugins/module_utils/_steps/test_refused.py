# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that Graph refuses for what they are, where nobody could know it before."""

from __future__ import annotations

import datetime as dt

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import (
    Killed,
    VaultWorld,
    World,
    ours,
)

RENEWED = ["generate", "register", "prove", "promote"]
AS_ITSELF, AS_ADMIN = "itself", "administrator"


@pytest.fixture(params=[AS_ITSELF, AS_ADMIN])
def limited(request, adopted):
    """A policy allows 90 days, and who renews may not read it; `who` are the options of either identity."""
    adopted.tenant.limit_lifetime("P90D")
    adopted.who = adopted.as_itself if request.param == AS_ITSELF else {"add_method": "update"}
    return adopted


@pytest.fixture
def limited_vault(tmp_path):
    world = VaultWorld(tmp_path)
    world.adopt()
    world.settle()
    world.tenant.limit_lifetime("P90D")
    return world


def sent(world):
    """Every write to Graph, in its order; what a refusal is about."""
    asked = [request for request in world.sent if "/v1.0/applications" in request.url]
    return [request for request in asked if request.url.endswith("/addKey") or request.method == "PATCH"]


def life(world):
    held = world.contents.current.certificate
    return held.not_after - held.not_before


def private_key(world, thumbprint):
    return world.store.signer(thumbprint).private_key.private_numbers()


@pytest.mark.parametrize("given", [{"validity": 89}, {"validity": 60, "renew_before": 15}], ids=str)
def test_what_a_policy_refused_is_replaced_by_the_next_run_as_it_is_asked_for_then(limited, given):
    first = limited.refused(**limited.who)
    assert first.diagnosis.code == "policy_refused" and "give a lower validity" in first.message
    assert limited.contents.successor.record.refusal == "policy_refused"

    predicted = limited.renew(check=True, **limited.who, **given)
    result = limited.renew(**limited.who, **given)

    assert result.steps == predicted.steps == ["replace_successor", *RENEWED]
    assert "was refused when it was sent (policy_refused)" in result.message
    assert limited.current == limited.made[1] and len(limited.contents.versions) == 2
    assert limited.registered == sorted([limited.old.thumbprint, limited.current])


def test_it_is_never_sent_again_unchanged(limited):
    limited.refused(**limited.who)
    limited.refused(**limited.who)

    assert len(limited.made) == 2 and len(sent(limited)) == 2 and sent(limited)[0].body != sent(limited)[1].body
    assert [event for event in limited.events() if event in ("refused", "replaced")] == [
        "refused",
        "replaced",
        "refused",
    ]


def test_the_policy_that_was_changed_is_all_that_it_takes(limited):
    limited.refused(**limited.who)
    limited.tenant.limit_lifetime(None)

    assert limited.renew(**limited.who).steps == ["replace_successor", *RENEWED]


@pytest.mark.parametrize(
    ("code", "message", "ours"),
    [
        ("UntrustedAuthorityAsPerAppPolicy", "The issuer is not trusted.", "policy_refused"),
        ("KeyCredentialsInvalidValue", "Key credential value is invalid.", "value_refused"),
        ("Request_BadRequest", "Invalid credential value. Error: Cannot find the requested object.", "value_refused"),
    ],
)
def test_a_refusal_for_another_reason_is_on_record_too_and_makes_nothing_shorter(limited, code, message, ours):
    limited.tenant.limit_lifetime(None)
    refusal = {"status": 400, "code": code, "message": message}
    limited.tenant.faults.add("error", match=["add_key", "patch_application"], **refusal)

    error = limited.refused(**limited.who, on_policy_limit="clamp")

    assert error.diagnosis.code == ours and "the next run makes another one" in error.message
    assert len(limited.made) == 1 and limited.contents.successor.record.refusal == ours
    assert limited.renew(**limited.who).steps == ["replace_successor", *RENEWED]


def test_a_refusal_that_is_not_about_the_certificate_is_resumed_with_it(limited):
    limited.tenant.limit_lifetime(None)
    limited.tenant.faults.add("error", match=["add_key", "patch_application"], status=400)
    limited.refused(**limited.who)

    assert limited.renew(**limited.who).steps == RENEWED[1:] and len(limited.made) == 1


def test_one_that_was_brought_is_sent_again_only_where_it_is_brought_again(limited):
    pair = ours(limited.tenant.issue("from the authority", -0.01, 300))
    error = limited.refused(provided=pair, **limited.who, on_policy_limit="clamp")
    assert "was brought, so no other one is made in its place" in error.message
    limited.tenant.limit_lifetime(None)

    result = limited.renew(provided=pair, **limited.who)

    assert result.steps == RENEWED[1:] and limited.current == pair.certificate.thumbprint
    assert limited.contents.current.record.refused is None


def test_the_current_one_that_is_registered_no_more_and_too_long_is_replaced(adopted):
    adopted.renew(overlap=0)
    gone = adopted.current
    adopted.settle(86400)
    adopted.lose(gone)
    adopted.settle()
    adopted.tenant.limit_lifetime("P90D")
    assert adopted.refused().diagnosis.code == "policy_refused"

    result = adopted.renew(validity=60)

    assert result.steps[:4] == RENEWED and adopted.current != gone and adopted.contents.successor is None


# Another validity is another wish


@pytest.mark.parametrize("stage", ["generated", "registered", "proven"])
def test_a_successor_that_was_made_for_another_validity_is_replaced(adopted, stage):
    adopted.renew(stop_after=stage)
    adopted.settle()

    result = adopted.renew(validity=120)

    assert result.steps[:5] == ["replace_successor", *RENEWED] and adopted.current == adopted.made[1]
    assert life(adopted).days in (119, 120)


def test_the_same_validity_goes_on_with_it(adopted):
    adopted.renew(stop_after="proven")

    assert adopted.renew(validity=180.0).steps == ["prove", "promote"]


def test_a_current_certificate_is_registered_again_whatever_is_asked_for_now(adopted):
    adopted.renew(overlap=0)
    adopted.lose(adopted.current)
    adopted.settle()

    assert adopted.renew(validity=120).steps == RENEWED[1:] and len(adopted.made) == 1


# Shorter where the limit can only be found out


def test_a_limit_that_may_not_be_read_is_found_by_halving_and_the_result_says_what_was_taken(limited):
    predicted = limited.renew(check=True, **limited.who, on_policy_limit="clamp")
    result = limited.renew(**limited.who, on_policy_limit="clamp")

    assert result.steps == predicted.steps == RENEWED and life(limited) == dt.timedelta(days=90)
    assert [step["detail"] for step in result.details][:2] == [
        "RSA 2048, valid 90 days: a management policy refuses 180.",
        f"Certificate {limited.current}, valid 90 days, is added to the application.",
    ]
    assert result.certificate["thumbprint"] == limited.current and "lowered to 90 days" in limited.warnings[-1]
    assert len(sent(limited)) == 2 and len(limited.contents.versions) == 2
    assert limited.registered == sorted([limited.old.thumbprint, limited.current])
    limited.settle()
    assert not limited.renew(**limited.who, on_policy_limit="clamp").changed


def test_it_is_the_same_key_pair(limited, monkeypatch):
    keys = []
    plain = limited.make_key_pair

    def make(*wanted):
        pair = plain(*wanted)
        keys.append(pair.private_key.private_numbers())
        return pair

    limited.make_key_pair = make
    limited.renew(**limited.who, on_policy_limit="clamp")

    assert [private_key(limited, limited.current)] == keys


@pytest.mark.parametrize(
    ("limit", "renew_before", "taken"), [("P40D", 15, 22.5), ("P12D", 9, 11.25), ("P46D", 30, 45), ("P90D", 88, 90)]
)
def test_it_is_halved_as_often_as_needed(limited, limit, renew_before, taken):
    limited.tenant.limit_lifetime(limit)

    limited.renew(**limited.who, on_policy_limit="clamp", renew_before=renew_before, force=True)

    assert life(limited) == dt.timedelta(days=taken)


@pytest.mark.parametrize(
    ("limit", "renew_before", "tried"), [("P40D", 30, 3), ("P5D", 1, 5), ("P90D", 89, 1), ("P90D", 95, 1)]
)
def test_not_more_than_four_times_and_never_to_what_would_be_due_at_once(limited, limit, renew_before, tried):
    limited.tenant.limit_lifetime(limit)

    error = limited.refused(**limited.who, on_policy_limit="clamp", renew_before=renew_before, force=True)

    assert len(sent(limited)) == tried and "lower renew_before, or have the policy changed" in error.message
    assert limited.contents.successor.record.refused and limited.current == limited.old.thumbprint
    assert len(limited.contents.versions) == 2


def test_waits_may_be_handed_over_while_it_is_made_shorter(limited):
    limited.tenant.faults.add("error", match=["add_key", "patch_application"], status=429, retry_after=5, skip=1)

    result = limited.renew_in_slices(**limited.who, on_policy_limit="clamp")

    assert result.steps == RENEWED and limited.registered == sorted([limited.old.thumbprint, limited.current])
    assert life(limited) == dt.timedelta(days=90)


def test_a_resumed_successor_is_made_shorter_too(limited):
    limited.renew(**limited.who, stop_after="generated")

    result = limited.renew(**limited.who, on_policy_limit="clamp")

    assert result.steps == RENEWED[1:] and limited.current not in limited.made
    assert life(limited) == dt.timedelta(days=90)


def test_a_reader_of_policies_needs_no_halving(adopted):
    adopted.tenant.limit_lifetime("P70D")
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")

    adopted.renew(on_policy_limit="clamp")

    assert len(sent(adopted)) == 1 and life(adopted) == dt.timedelta(days=70) - dt.timedelta(minutes=1)


@scale.sampled
def test_a_kill_at_any_moment_of_it_loses_nothing_and_converges(tmp_path):
    """Every effect of the store and every request, from the refusal to the shorter one that is taken."""
    whole = a_world(tmp_path / "whole")
    renew(whole)
    refused, taken = [number for number, moment in enumerate(whole.moments) if moment.endswith("/addKey")][::2]

    for number in scale.one_of(8, range(refused, taken + 2), check=2):
        world = a_world(tmp_path / str(number))
        world.kill_at(number)
        with pytest.raises(Killed):
            renew(world)
        assert world.usable()
        world.settle()
        renew(world)
        assert world.registered == sorted([world.old.thumbprint, world.current])
        assert life(world) == dt.timedelta(days=90)


def renew(world):
    with world.watching_effects():
        world.renew(**world.as_itself, on_policy_limit="clamp", sign_ins=1)


def a_world(folder):
    folder.mkdir()
    world = World(folder)
    world.contract.observe = lambda seen: None
    world.adopt()
    world.settle()
    world.tenant.limit_lifetime("P90D")
    world.moments.clear()
    return world


# In a vault


def test_a_vault_makes_a_version_of_the_same_key_for_fewer_months(limited_vault):
    result = limited_vault.renew(on_policy_limit="clamp", key_size=3072)

    assert result.steps == RENEWED and "lowered to 61 days" in limited_vault.warnings[-1]
    policy = limited_vault.vault.certificate("payroll").policy
    assert policy["key_props"]["reuse_key"] is True and policy["x509_props"]["validity_months"] == 2
    old, refused, taken = limited_vault.versions
    assert refused.pair.private_key is taken.pair.private_key and old.pair.private_key is not taken.pair.private_key
    assert limited_vault.current == taken.pair.thumbprint and (refused.enabled, taken.enabled) == (False, True)
    assert not limited_vault.renew(on_policy_limit="clamp").changed


def test_a_vault_gives_up_where_its_months_would_be_due_at_once(limited_vault):
    limited_vault.tenant.limit_lifetime("P40D")

    assert isinstance(limited_vault.refused(on_policy_limit="clamp"), GraphRefused)
    assert len(sent(limited_vault)) == 2 and limited_vault.current == limited_vault.old.thumbprint
    limited_vault.tenant.limit_lifetime(None)
    limited_vault.settle()
    assert limited_vault.renew().steps == ["replace_successor", *RENEWED]


def test_a_version_that_was_refused_is_replaced_in_a_vault(limited_vault):
    limited_vault.refused()

    assert limited_vault.renew(validity=89, renew_before=20).steps == ["replace_successor", *RENEWED]
    assert limited_vault.registered == sorted([limited_vault.old.thumbprint, limited_vault.current])


@pytest.mark.parametrize("number", range(20, 60, 5))
def test_a_kill_in_a_vault_converges_too(limited_vault, number):
    limited_vault.kill_at(number)
    try:
        limited_vault.renew(on_policy_limit="clamp", sign_ins=1)
    except Killed:
        assert limited_vault.usable()
        limited_vault.settle()
        limited_vault.renew(on_policy_limit="clamp", sign_ins=1)

    assert limited_vault.registered == sorted([limited_vault.old.thumbprint, limited_vault.current])
    assert life(limited_vault).days <= 90
