# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One public certificate present or absent on an application, and the report on one or on all."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, results
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
    GraphRefused,
    NotProven,
    SignInRefused,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._steps import report
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

# application_certificate


def test_a_certificate_is_present_once_whatever_it_is_called(world):
    pair = world.tenant.issue("mine")

    planned = world.certificate(pair, check=True)
    first = world.certificate(pair, name="mine")
    second = world.certificate(pair, name="called otherwise")

    assert planned.changed and first.changed and not second.changed
    assert first.key_id == second.key_id and len(world.registered) == 2


@pytest.mark.parametrize("by", ["certificate", "key_id", "thumbprint", "sha256"])
@pytest.mark.parametrize("check", [True, False])
def test_a_certificate_is_absent_once(world, by, check):
    pair = world.tenant.issue("mine")
    key_id = world.certificate(pair).key_id
    named = {
        "certificate": {"pair": pair},
        "key_id": {"key_id": key_id},
        "thumbprint": {"thumbprint": pair.thumbprint},
        "sha256": {"thumbprint": pair.thumbprint_sha256},
    }[by]

    assert world.certificate(state="absent", check=check, **named).changed
    assert (pair.thumbprint in world.registered) == check
    if not check:
        assert not world.certificate(state="absent", **named).changed


def test_a_thumbprint_of_two_entries_is_ambiguous(world):
    world.tenant.add_credential(world.payroll, world.old)

    with pytest.raises(ApplicationNotFound, match="Select one by key_id"):
        world.certificate(state="absent", thumbprint=world.old.thumbprint)
    assert len(world.credentials) == 2


def test_an_entry_that_cannot_be_read_hides_no_other(world):
    world.foreign("unreadable", key=None, custom_key_identifier=None)
    pair = world.tenant.issue("mine")
    key_id = world.certificate(pair).key_id

    assert world.certificate(state="absent", thumbprint=pair.thumbprint_sha256).key_id == key_id


def test_what_somebody_else_removes_first_is_not_removed_again(world):
    entry = world.foreign()
    arguments = {"application": "payroll", "key_id": entry.key_id}
    world.tenant.faults.add("change", match="get_application", skip=1, action="remove_credential", arguments=arguments)

    result = world.certificate(state="absent", key_id=entry.key_id)

    assert result.changed and "patch_application" not in result.operations


def test_a_write_without_an_answer_that_shows_its_effect_is_read_back_once(world):
    world.tenant.faults.add("lost_reply", match="patch_application")

    result = world.certificate(world.tenant.issue("mine"))

    assert result.operations.count("get_application") == 3  # before, directly before, after


def test_a_write_that_is_put_off_is_sent_again_more_and_more_slowly(world):
    world.tenant.faults.add("error", match="patch_application", status=409, times=3)

    assert world.certificate(world.tenant.issue("mine")).changed
    assert world.timing.waited == 2 + 4 + 6


@pytest.mark.parametrize(("seconds", "sent"), [(120, 2), (121, 1)])
def test_a_write_that_is_put_off_for_longer_than_patience_lasts_is_the_result(world, seconds, sent):
    world.tenant.faults.add("error", match="patch_application", status=429, retry_after=seconds)

    with contextlib.suppress(GraphRefused):
        world.certificate(world.tenant.issue("mine"))
    assert world.operations().count("patch_application") == sent


def test_the_difference_shows_what_was_there_before_and_after(world):
    pair = world.tenant.issue("mine")

    difference = world.certificate(pair).diff

    shown = {when: [one["thumbprint"] for one in each["key_credentials"]] for when, each in difference.items()}
    assert shown == {"before": [world.old.thumbprint], "after": [world.old.thumbprint, pair.thumbprint]}


def test_a_protected_entry_is_refused(world):
    encrypts = world.foreign("encrypts")
    world.tenant.change(world.payroll, token_encryption_key_id=encrypts.key_id)
    saml = [world.foreign("saml", custom_key_identifier="c2FtbA==", usage=usage) for usage in ("Sign", "Verify")]

    for entry in (encrypts, *saml):
        with pytest.raises(Unsafe, match="is not removed"):
            world.certificate(state="absent", key_id=entry.key_id)
    assert len(world.credentials) == 4


FAULTS = {
    "lost reply": {"kind": "lost_reply"},
    "request lost": {"kind": "reset"},
    "503, applied": {"kind": "error", "status": 503, "applied": True},
    "503, not applied": {"kind": "error", "status": 503},
    "409": {"kind": "error", "status": 409},
    "429": {"kind": "error", "status": 429, "retry_after": 9},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("lag", [0, 40])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_faulty_write_is_settled_and_never_doubled(world, fault, lag, state):
    pair, foreign = world.tenant.issue("mine"), world.foreign()
    world.settle()
    if state == "absent":
        world.certificate(pair)
        world.settle()
    world.tenant.reads.lag(seconds=[lag])
    world.tenant.faults.add(match="patch_application", **FAULTS[fault])

    result = world.certificate(pair, state=state)

    assert result.changed and world.registered.count(pair.thumbprint) == (state == "present")
    assert world.credentials[foreign.key_id] == foreign and len(world.credentials) == 2 + (state == "present")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_write_that_is_never_applied_is_no_success(world, state):
    pair = world.tenant.issue("mine")
    if state == "absent":
        world.certificate(pair)
    world.tenant.faults.add("not_applied", match="patch_application")

    with pytest.raises(NotProven):
        world.certificate(pair, state=state)


def test_a_refused_write_is_the_result(world):
    reader = world.tenant.add_application("reader", secret="r", roles=["Application.Read.All"])

    with pytest.raises(GraphRefused, match="403"):
        world.certificate(world.tenant.issue("mine"), client_id=reader.app_id, client_secret="r")


def test_a_wrong_clock_stops_a_write_and_not_a_look(world):
    world.tenant.clock.skew = 400
    with pytest.raises(Unsafe, match="clock"):
        world.certificate(world.tenant.issue("mine"))
    with pytest.raises(Unsafe, match="clock"):
        world.certificate(world.old, state="absent")
    assert not world.certificate(world.old).changed
    assert not world.certificate(state="absent", thumbprint="00" * 20).changed


# application_certificate_info


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_the_status_of_one_application_costs_three_requests(adopted, identity):
    assert adopted.info(**getattr(adopted, identity)).requests <= 3


@pytest.mark.parametrize(
    ("ends", "later", "status"), [(20, 0, "near_expiry"), (100, 0, "healthy"), (20, 21, "expired")]
)
def test_a_status_by_dates(tmp_path, ends, later, status):
    world = World(tmp_path, ends)
    world.adopt()
    world.settle(later * 86400)

    assert world.info().status == status
    assert world.info(rotation_period=90, renew_before=1).status == ("expired" if later else "rotation_due")


def test_an_empty_store_beside_a_valid_certificate_is_key_unavailable(world):
    assert world.info(renew_before=5).status == "key_unavailable"


def test_without_a_store_the_best_certificate_counts(world):
    world.foreign("other")
    assert world.info(key_store=None).status == "healthy"
    empty = world.tenant.add_application("empty")
    assert world.info(key_store=None, app_id=empty.app_id).status == "missing"


def test_a_reported_renewal_that_was_never_applied_is_unregistered_and_no_sign_in_was_made(adopted):
    adopted.tenant.remove_credential(adopted.payroll, next(iter(adopted.credentials)))

    result = adopted.info()

    assert result.status == "unregistered" and result.operations.count("token") == 1
    assert "No sign-in was made" in result.findings[0]["message"]


def test_a_certificate_sent_moments_ago_is_propagating(adopted):
    adopted.tenant.remove_credential(adopted.payroll, next(iter(adopted.credentials)))
    current = adopted.contents.current
    sent = dataclasses.replace(current.record, intent=adopted.tenant.clock.now(), seen=None, accepted=None)
    adopted.store.write_record(current.thumbprint, sent)

    assert adopted.info(renew_before=5).status == "propagating"
    adopted.settle(601)
    assert adopted.info(renew_before=5).status == "unregistered"


def test_a_claim_that_the_application_does_not_have_is_unregistered(adopted):
    claim = ":".join(["ab"] * 20)
    result = adopted.info(claim=claim)

    assert result.status == "unregistered" and any("claimed" in one["message"] for one in result.findings)


def test_a_claim_that_is_not_the_current_certificate_differs(adopted):
    other = adopted.foreign()
    result = adopted.info(claim=other.certificate.thumbprint_sha256.lower(), renew_before=5)

    assert result.status == "healthy" and result.reasons == ["claim_differs"]


def test_a_registered_key_that_is_refused_is_rejected(adopted):
    adopted.tenant.faults.add("error", match="token", skip=1, status=401, error="invalid_client", code=7000274)

    assert adopted.info(sign_in=True).status == "rejected"


def test_a_key_that_its_own_identity_cannot_use_is_rejected_or_expired(adopted):
    adopted.tenant.faults.add("error", match="token", status=401, error="invalid_client", code=7000274)
    assert adopted.info(**adopted.as_itself).status == "rejected"
    adopted.settle(21 * 86400)
    assert adopted.info(**adopted.as_itself).status == "expired"


def test_a_network_that_is_down_says_nothing_about_the_certificate(adopted):
    adopted.tenant.faults.add("reset", match="discovery", times=None)
    assert adopted.info().status == "unreachable"


def test_a_refused_read_is_unknown_and_a_refused_sign_in_too(adopted):
    nobody = adopted.tenant.add_application("nobody", secret="n")
    assert adopted.info(client_id=nobody.app_id, client_secret="n").status == "unknown"
    assert adopted.info(client_id=nobody.app_id, client_secret="wrong").status == "unknown"


def listing(world, **given):
    options = world.options(app_id=None, key_store=None, needs_application=False, **given)
    policy, since = arguments.renewal_policy(options), len(world.sent)
    found = results.of_reports(report.inspect_all(world.connect(options), policy, None), policy, "attention")
    return found, len(world.sent) - since


@pytest.mark.parametrize("count", [1, 998, 1000])
def test_a_listing_costs_a_request_for_each_page_and_two_more(world, count):
    world.contract.observe = lambda seen: None
    for number in range(count - 2):
        world.tenant.add_application(f"app {number}")
    found, requests = listing(world)

    total = max(count, 2)
    assert found["summary"]["total"] == total and requests <= math.ceil(total / 999) + 2
    assert found["summary"]["missing"] == total - 1


def test_a_listing_that_is_refused_fails(world):
    nobody = world.tenant.add_application("nobody", secret="n")
    with pytest.raises(GraphRefused):
        listing(world, client_id=nobody.app_id, client_secret="n")
    with pytest.raises(SignInRefused):
        listing(world, client_id=nobody.app_id, client_secret="wrong")


def test_the_history_tells_what_happened_newest_last(adopted):
    adopted.renew(overlap=0)

    events = [line["event"] for line in adopted.info(history=10).history]
    assert events == ["adopted", "generated", "registered", "proven", "promoted", "retired"]
