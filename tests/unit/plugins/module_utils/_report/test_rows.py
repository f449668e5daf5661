# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.rows import (
    is_result,
    is_urgent,
    key_of,
    last_certificate,
    names_of,
    row_of_renewal,
    rows_of_result,
    urgency,
)
from ansible_collections.evercert.entra.tests.unit.reports import NOW, TENANT, a_certificate, a_row

SEEN = "2026-11-22T10:00:00Z"


def renewal(**result):
    certificate = {"thumbprint": "AB", "not_after": "2027-05-01T00:00:00Z", "stage": "current", "content": "PEM"}
    return {
        "tenant_id": TENANT,
        "host": "web1",
        "name": "payroll",
        "app_id": "a-1",
        "result": {"steps": [], "certificate": certificate, **result},
    }


def did(*steps):
    return {"steps": [{"step": step, "detail": "x"} for step in steps]}


def test_a_row_has_no_name_of_a_credential():
    """People choose those freely, and write names and mail addresses into them."""
    assert "somebody@example.test" not in str(a_row())


def test_the_end_is_that_of_the_last_certificate_in_use():
    certificates = [
        {"not_after": "2027-01-01T00:00:00Z", "days_left": 40, "status": "healthy"},
        {"not_after": "2027-03-01T00:00:00Z", "days_left": 99, "status": "healthy"},
        {"not_after": "2029-03-01T00:00:00Z", "days_left": 999, "status": "not_yet_valid"},
        {"not_after": None, "days_left": None, "status": "unknown"},
    ]

    assert a_row(certificates=certificates)["expires"] == "2027-03-01T00:00:00Z"
    assert a_row(certificates=certificates[2:])["days_left"] == 999
    assert a_row(certificates=certificates[3:])["expires"] is None


def test_with_a_key_store_the_end_is_that_of_its_current_certificate():
    """A foreign certificate, or one that is not promoted yet, serves none of its consumers."""
    current, foreign, successor = a_certificate("aa", 2), a_certificate("bb", 700), a_certificate("cc", 180)
    certificates = [{**current, "stage": "current"}, foreign, {**successor, "stage": "successor"}]

    row = a_row(status="near_expiry", certificates=certificates)

    assert (row["days_left"], row["expires"]) == (2, current["not_after"])
    assert last_certificate(row["certificates"])["thumbprint"] == current["thumbprint"]
    assert [entry.get("stage") for entry in row["certificates"]] == ["current", None, "successor"]


def test_a_current_certificate_that_is_not_registered_gives_nobody_days():
    unregistered = {**a_certificate("aa", 178), "stage": "current", "status": "unregistered"}

    assert a_row(status="unregistered", certificates=[unregistered, a_certificate("bb", 11)])["days_left"] == 11


def test_a_finding_that_leaves_the_status_makes_a_healthy_application_urgent():
    assert is_urgent(a_row(days=90, findings=["wrong_object"]))
    assert not is_urgent(a_row(days=90))
    assert not is_urgent(a_row(days=None))


def test_the_most_urgent_is_first_and_then_what_ends_first():
    rows = [a_row("a", 90), a_row("b", None), a_row("c", 20), a_row("d", 3), a_row("e", -1), a_row("f", -9)]

    assert [row["display_name"] for row in sorted(rows, key=urgency)] == ["f", "e", "d", "c", "b", "a"]


@pytest.mark.parametrize(
    "result, outcome",
    [
        ({}, "unchanged"),
        (did("generate", "register", "prove", "promote", "retire"), "renewed"),
        (did("prove", "promote"), "renewed"),
        (did("roll_back", "register", "prove", "promote"), "renewed"),
        (did("roll_back"), "rolled_back"),
        (did("generate", "register", "prove", "promote", "roll_back"), "rolled_back"),
        (did("roll_back", "generate"), "rolled_back"),
        (did("adopt"), "adopted"),
        (did("retire", "retire"), "retired"),
        (did("generate"), "under_way"),
        (did("replace_successor", "generate", "register"), "under_way"),
        (did("register", "prove"), "under_way"),
        ({"steps": [{"step": "register"}], "certificate": {"stage": "planned", "not_after": "(generated)"}}, "planned"),
        ({"failed": True, "msg": "No."}, "failed"),
        ({"unreachable": True}, "failed"),
    ],
)
def test_a_renewal_has_its_outcome_as_status(result, outcome):
    row = row_of_renewal(renewal(**result), SEEN)

    assert (row["status"], row["display_name"], row["app_id"]) == (outcome, "payroll", "a-1")
    assert "PEM" not in str(row)


def test_a_renewal_in_check_mode_is_planned_whatever_it_goes_on_with():
    entry = {**renewal(steps=[{"step": "promote", "detail": "x"}]), "planned": True}

    assert row_of_renewal(entry, SEEN)["status"] == "planned"


@pytest.mark.parametrize(
    "steps, left",
    [
        (["generate"], "register, prove, promote"),
        (["replace_successor", "generate", "register"], "prove, promote"),
        (["prove"], "promote"),
    ],
)
def test_a_renewal_under_way_names_what_remains(steps, left):
    (finding,) = row_of_renewal(renewal(**did(*steps)), SEEN)["findings"]

    assert (finding["reason"], finding["severity"]) == ("under_way", "note")
    assert finding["message"] == f"Its certificate is not current yet. What remains: {left}."


def test_the_end_of_a_successor_is_no_end_of_what_is_in_use():
    successor = {"thumbprint": "AB", "not_after": "2027-05-01T00:00:00Z", "stage": "successor"}

    assert row_of_renewal(renewal(**did("generate"), certificate=successor), SEEN)["expires"] is None
    assert row_of_renewal(renewal(**did("prove", "promote")), SEEN)["expires"] == "2027-05-01T00:00:00Z"


def test_a_failure_says_why_and_what_to_do():
    diagnosis = {"code": "clock_skew", "remedy": "Set the clock."}
    (finding,) = row_of_renewal(renewal(failed=True, msg="It is late.", diagnosis=diagnosis), SEEN)["findings"]

    assert finding == {
        "reason": "failed",
        "severity": "error",
        "message": "It is late. (clock_skew)",
        "remedy": "Set the clock.",
    }


def test_what_was_inspected_and_what_was_renewed_become_rows_with_their_host():
    inspected = {"tenant_id": TENANT, "host": "web1", "result": {"applications": [a_row("a"), a_row("b")]}}

    assert [row["host"] for row in rows_of_result(inspected, SEEN)] == ["web1", "web1"]
    assert rows_of_result(renewal(), SEEN)[0]["host"] == "web1"


def test_hosts_of_one_application_are_rows_of_their_own():
    one, other = ({**a_row(), "host": host} for host in ("web1", "web2"))

    assert key_of(one) != key_of(other)
    assert names_of(one) == names_of(other)
    assert names_of(one)[0] == key_of(a_row())


def test_a_row_goes_by_each_of_its_ids_and_only_without_one_by_its_name():
    row = a_row("payroll", app_id="a-1")

    assert names_of(row) == (f"{TENANT}/{row['object_id']}", f"{TENANT}/a-1")
    assert names_of({**row, "object_id": None}) == (f"{TENANT}/a-1",)
    assert names_of({**row, "object_id": None, "app_id": ""}) == (f"{TENANT}/payroll",)


@pytest.mark.parametrize(
    "result, is_one",
    [
        ({"applications": []}, True),
        ({"steps": []}, True),
        ({"failed": True}, True),
        ({"ping": "pong"}, False),
        ({"applications": 1}, False),
        ({"applications": [{}]}, False),
        ({"steps": "generate"}, False),
    ],
)
def test_a_result_of_another_module_is_none(result, is_one):
    assert is_result(result) is is_one


def test_dates_are_those_of_the_report():
    assert a_row(days=10)["expires"] == "2026-12-02T10:00:00Z"
    assert NOW.isoformat().startswith("2026-11-22")


@pytest.mark.parametrize(("due", "severity"), [("2000-01-01T00:00:00Z", "warning"), ("2999-01-01T00:00:00Z", "none")])
def test_a_certificate_that_was_taken_over_when_it_was_due_needs_attention(due, severity):
    result = {**did("adopt"), "message": "It ends in 12 days: due, run again to renew it.", "next_renewal": due}

    row = row_of_renewal(renewal(**result), SEEN)

    assert (row["status"], row["severity"]) == ("adopted", severity)
    assert [finding["message"] for finding in row["findings"]] == [result["message"]][: severity == "warning"]
