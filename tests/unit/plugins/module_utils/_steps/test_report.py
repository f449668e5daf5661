# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on one application or on all: what is read, what a refusal comes to, what it costs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, results
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
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
    assert result.operations.count("get_application") == 3  # one replica alone decides nothing
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


def test_a_network_that_is_down_during_the_sign_in_says_nothing_about_it_either(adopted):
    adopted.tenant.faults.add("reset", match="token", skip=1, times=None)
    assert adopted.info(sign_in=True).status == "unreachable"


def test_without_a_current_certificate_there_is_nothing_to_sign_in_with(world):
    assert world.info(sign_in=True, renew_before=5).status == "key_unavailable"

    as_itself = world.info(sign_in=True, **world.as_itself)
    assert (as_itself.status, as_itself.operations) == ("missing", [])


def test_an_application_that_may_not_be_read_is_named_all_the_same(adopted):
    found = adopted.info(**adopted.as_itself)

    assert (found.app_id, found.object_id) == (adopted.payroll.app_id, adopted.payroll.object_id)


@pytest.mark.parametrize(("seconds", "tried"), [(-1, True), (0, False)])
def test_a_key_that_has_ended_by_the_services_clock_is_not_tried(adopted, seconds, tried):
    """Whatever this host's clock says."""
    end, now = adopted.contents.current.certificate.not_after, adopted.tenant.clock.now()
    adopted.settle((end - now).total_seconds() + seconds)
    adopted.timing.ahead = dt.timedelta(days=-30)

    assert ("token" in adopted.info(**adopted.as_itself).operations) == tried


def test_a_token_that_was_given_needs_no_token_service(adopted):
    token = adopted.connect(adopted.options()).graph.token.value

    found = adopted.info(auth_source="access_token", access_token=token, renew_before=5)

    assert found.status == "healthy" and not {"discovery", "token"} & set(found.operations)


def test_an_application_that_does_not_exist_is_no_status(world):
    with pytest.raises(ApplicationNotFound):
        world.info(app_id="11111111-2222-4333-8444-000000000000")


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


def test_without_a_key_store_there_is_no_history(world):
    assert world.info(key_store=None, history=5).history == []


def test_the_history_tells_which_credential_was_checked(adopted):
    found = adopted.info(sign_in=True, history=1)

    assert found.history[0]["key_id"] == next(iter(adopted.credentials))


def test_the_history_tells_what_happened_newest_last(adopted):
    adopted.renew(overlap=0)

    events = [line["event"] for line in adopted.info(history=10).history]
    assert events == ["adopted", "generated", "registered", "proven", "promoted", "retired"]


# What could not be read is said


def test_whether_the_directory_was_read_is_told(adopted):
    assert (adopted.info().directory, adopted.info().diagnosis, adopted.warnings) == ("read", None, [])


def test_an_application_that_may_not_read_itself_is_healthy_and_says_on_what_that_rests(adopted):
    found = adopted.info(**adopted.as_itself, renew_before=1)

    assert (found.status, found.directory) == ("healthy", "refused")
    assert found.diagnosis["code"] == "permission_denied" and adopted.warnings == []


def test_an_ended_key_is_not_asked_for(adopted):
    adopted.settle(30 * 86400)

    assert adopted.info(**adopted.as_itself).directory == "not_asked"


def test_an_operator_who_is_refused_has_a_diagnosis_and_a_warning(adopted):
    found = adopted.info(client_secret="wrong")

    assert (found.status, found.directory, found.diagnosis["code"]) == ("unknown", "refused", "secret_invalid")
    (warning,) = adopted.warnings
    assert warning.startswith("The directory was not read (auth_source client_secret, secret_invalid): ")


def test_a_directory_that_nobody_reaches_is_told_too(adopted):
    adopted.tenant.faults.add("reset", match="get_application", times=None)

    found = adopted.info()

    assert (found.status, found.directory) == ("unreachable", "refused") and len(adopted.warnings) == 1
