# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on one application or on all: what is read, what a refusal comes to, what it costs."""

from __future__ import annotations

import dataclasses
import math

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, results
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    GraphRefused,
    SignInRefused,
)
from ansible_collections.evercert.entra.plugins.module_utils._steps import report
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_the_status_of_one_application_costs_four_requests(adopted, identity):
    """Discovery, sign-in, the application, and one batch for what stands around it."""
    assert adopted.info(**getattr(adopted, identity)).requests <= 4


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
def test_a_listing_costs_a_request_for_each_page_and_three_more(world, count):
    world.contract.observe = lambda seen: None
    for number in range(count - 2):
        world.tenant.add_application(f"app {number}")
    found, requests = listing(world)

    total = max(count, 2)
    assert found["summary"]["total"] == total and requests <= math.ceil(total / 999) + 3
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
