# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import results
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.verdict import Facts, judge
from ansible_collections.evercert.entra.plugins.module_utils._steps.report import Report
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import ProofProgress
from ansible_collections.evercert.entra.plugins.module_utils._steps.verify import Check, Verification
from ansible_collections.evercert.entra.tests.unit.builders import (
    APP_ID,
    NOW,
    OBJECT_ID,
    a_certificate,
    a_credential,
    a_store,
    a_version,
    an_application,
    trouble,
)

POLICY = RenewalPolicy()


def a_report(application=None, store=None, **facts):
    known = Facts(NOW, application, store, **facts)
    return Report(known, judge(known, POLICY), ({"event": "promoted"},))


def one(report):
    return results.of_reports([report], POLICY, "all")["applications"][0]


HEALTHY = a_report(an_application(a_certificate()))
ENDED = a_report(an_application(a_certificate(expires=-1)))


def test_a_report_counts_every_status_that_occurs():
    found = results.of_reports([HEALTHY, ENDED, ENDED], POLICY, "all")

    assert found["summary"] == {"total": 3, "healthy": 1, "expired": 2}
    assert found["changed"] is False


@pytest.mark.parametrize(
    "wanted, statuses", [("all", ["healthy", "expired"]), ("attention", ["expired"]), ("none", [])]
)
def test_only_the_applications_that_were_asked_for_are_returned(wanted, statuses):
    found = results.of_reports(iter([HEALTHY, ENDED]), POLICY, wanted)

    assert [each["status"] for each in found["applications"]] == statuses
    assert found["summary"]["total"] == 2


def test_attention_includes_a_healthy_application_with_a_finding():
    current = a_version()
    report = a_report(an_application(current), a_store(current, a_version("new")))

    (found,) = results.of_reports([report], POLICY, "attention")["applications"]

    assert found["status"] == "healthy"
    assert [finding["reason"] for finding in found["findings"]] == ["interrupted"]
    assert set(found["findings"][0]) == {"reason", "message", "remedy"}


def test_an_application_is_named_by_the_directory_and_else_by_what_is_known():
    assert (one(HEALTHY)["app_id"], one(HEALTHY)["object_id"], one(HEALTHY)["display_name"]) == (
        APP_ID,
        OBJECT_ID,
        "Payroll",
    )
    unread = one(a_report(None, a_store(a_version()), app_id=APP_ID))
    assert (unread["app_id"], unread["object_id"], unread["display_name"]) == (APP_ID, None, None)


def test_a_credential_has_its_own_dates_status_and_owner():
    current, other = a_version("current"), a_certificate("other", expires=-0.5)

    ours, theirs = one(a_report(an_application(current, other), a_store(current)))["certificates"]

    assert (ours["thumbprint"], ours["managed"], ours["in_key_store"]) == (current.thumbprint, True, True)
    assert (ours["status"], ours["days_left"]) == ("healthy", 90)
    assert (ours["not_before"], ours["not_after"]) == ("2026-08-24T10:00:00Z", "2027-02-20T10:00:00Z")
    assert (theirs["status"], theirs["days_left"], theirs["managed"]) == ("expired", -1, False)


def test_a_certificate_says_how_far_it_is_in_the_key_store():
    current, successor, old = a_version("current", predecessor="old"), a_version("new"), a_version("old")
    application = an_application(a_certificate("foreign"), old, current)

    found = one(a_report(application, a_store(current, successor, [old])))["certificates"]

    assert [entry["stage"] for entry in found] == [None, "predecessor", "current", "successor"]
    assert [entry["stage"] for entry in one(a_report(application))["certificates"]] == [None] * 3


def test_an_entry_of_others_may_lack_anything():
    entry = a_credential(certificate=None, identifier="CN=x", not_before=None, not_after=None, display_name=None)

    (found,) = one(a_report(an_application(entry)))["certificates"]

    assert found["thumbprint"] is found["thumbprint_sha256"] is found["days_left"] is found["not_after"] is None
    assert found["status"] == "unknown"


def test_a_managed_entry_without_bytes_is_known_by_the_stores_certificate():
    current = a_version()

    (found,) = one(a_report(an_application(a_credential(current, certificate=None)), a_store(current)))["certificates"]

    assert found["thumbprint_sha256"] == current.certificate.thumbprint_sha256


@pytest.mark.parametrize(
    "record, status", [({}, "unregistered"), ({"intent": -0.001}, "propagating"), ({"intent": -1}, "unregistered")]
)
def test_a_certificate_that_only_the_store_has_is_listed_with_where_it_stands(record, status):
    (found,) = one(a_report(an_application(), a_store(a_version(**record))))["certificates"]

    assert (found["key_id"], found["in_key_store"], found["status"]) == (None, True, status)


def test_a_retired_certificate_is_not_listed_and_an_unreadable_directory_says_nothing_of_registration():
    gone = a_version("gone", retired=-1)
    report = a_report(None, a_store(a_version(), others=[gone]), trouble=trouble("timeout"))

    (found,) = one(report)["certificates"]

    assert found["status"] == "healthy"


def test_the_next_renewal_and_the_history_are_returned():
    found = one(a_report(an_application(a_version()), a_store(a_version())))

    assert found["next_renewal"] == "2027-01-21T10:00:00Z"
    assert found["history"] == [{"event": "promoted"}]


def test_a_certificate_is_written_as_pem():
    lines = results.pem(a_certificate("x" * 100)).splitlines()

    assert lines[0] == "-----BEGIN CERTIFICATE-----" and lines[-1] == "-----END CERTIFICATE-----"
    assert base64.b64decode("".join(lines[1:-1])) == b"x" * 100
    assert max(map(len, lines)) == 64


def a_verification(ok=True, **facts):
    return Verification(ProofProgress(), [Check("sign_in", ok, "Detail.", 0.1)], {"app_id": APP_ID}, **facts)


def test_a_verification_that_held_is_no_failure():
    found = results.of_verification(a_verification(), {"attempts": 3})

    assert found["verified"] is True
    assert found["checks"] == [{"name": "sign_in", "ok": True, "detail": "Detail.", "elapsed": 0.1}]
    assert "_failed" not in found and "diagnosis" not in found


def test_a_verification_that_did_not_hold_is_a_failure_with_its_diagnosis():
    found = results.of_verification(a_verification(False, message="No.", diagnosis=trouble("dns")), {})

    assert (found["_failed"], found["diagnosis"]["code"]) == ("No.", "dns")


def test_without_a_message_a_failure_is_said_all_the_same():
    found = results.of_verification(a_verification(False), {})

    assert found["_failed"] == "Not verified."
    assert "diagnosis" not in found
