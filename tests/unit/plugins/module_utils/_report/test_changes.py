# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.evercert.entra.plugins.module_utils._report.changes import Comparison
from ansible_collections.evercert.entra.plugins.module_utils._report.rows import rows_of_result
from ansible_collections.evercert.entra.tests.unit.reports import OTHER_TENANT, TENANT, a_report, a_row


def since(*rows):
    comparison = Comparison("2026-11-21T10:00:00Z")
    for row in rows:
        comparison.remember(row)
    return comparison


def test_new_gone_renewed_and_changed_applications_are_told():
    before = since(a_row("kept", 90), a_row("renewed", 5), a_row("ended", 3), a_row("gone", 40))
    rows, totals = a_report(
        a_row("kept", 90), a_row("renewed", 180), a_row("ended", 3, "expired"), a_row("new", 90), before=before
    )

    assert [(row.get("change") or {}).get("kind") for row in rows] == [None, "renewed", "status_changed", "new"]
    assert rows[1]["change"] == {
        "kind": "renewed",
        "status_before": "near_expiry",
        "expired_before": "2026-11-27T10:00:00Z",
    }
    changes = totals.changes
    assert {kind: changes[kind] for kind in ("new", "gone", "renewed", "status_changed")} == {
        "new": 1,
        "gone": 1,
        "renewed": 1,
        "status_changed": 1,
    }
    assert [known["display_name"] for known in changes["gone_applications"]] == ["gone"]


def test_a_tenant_that_was_not_looked_at_has_lost_nothing():
    """One tenant of many could not be reached: its applications are not gone."""
    before = since(a_row("here"), a_row("there", tenant=OTHER_TENANT))
    _rows, totals = a_report(a_row("here"), before=before)

    assert totals.changes["gone"] == 0


def a_failure(app_id=None, host="web1", name="web1"):
    """What the playbook report says of a host that could not be looked at: an object ID is not known then."""
    entry = {"tenant_id": TENANT, "host": host, "name": name, "app_id": app_id, "result": {"unreachable": True}}
    return rows_of_result(entry, "2026-11-22T10:00:00Z")[0]


def changes_between(before, rows):
    rows, totals = a_report(*rows, before=since(*before))
    told = {kind: totals.changes[kind] for kind in ("new", "gone", "renewed", "status_changed")}
    return {kind: count for kind, count in told.items() if count}, [row.get("change") for row in rows]


def test_an_application_whose_host_failed_is_not_gone():
    row = {**a_row("payroll", 90), "host": "web1"}

    counts, (change,) = changes_between([row], [a_failure(row["app_id"])])

    assert counts == {"status_changed": 1}
    assert change == {"kind": "status_changed", "status_before": "healthy"}


def test_an_application_whose_host_works_again_is_neither_new_nor_renewed():
    row = {**a_row("payroll", 90), "host": "web1"}

    counts, (change,) = changes_between([a_failure(row["app_id"])], [row])

    assert counts == {"status_changed": 1}
    assert change == {"kind": "status_changed", "status_before": "failed"}


def test_a_failure_that_names_no_application_may_be_about_any_of_its_tenant():
    rows = [a_row("payroll"), a_row("orders")]

    assert changes_between(rows, [a_failure()])[0] == {}
    assert changes_between([a_failure()], rows)[0] == {}
    assert changes_between([a_failure()], [a_failure()])[0] == {}


def test_hosts_of_one_application_are_compared_one_by_one():
    one, other = ({**a_row(), "host": host} for host in ("web1", "web2"))

    counts, changes = changes_between([one, other], [a_failure(one["app_id"]), other])

    assert counts == {"status_changed": 1}
    assert changes[1] is None
    assert changes_between([one, other], [other])[0] == {"gone": 1}


def test_an_empty_tenant_has_lost_everything():
    before = since(a_row("here"))
    totals = a_report()[1]
    totals.meet(TENANT, "2026-11-22T10:00:00Z")

    assert before.result(totals.tenants)["gone"] == 1


def test_a_tenant_that_is_new_has_no_new_applications():
    rows, totals = a_report(a_row("there", tenant=OTHER_TENANT), before=since(a_row("here")))

    assert "change" not in rows[0]
    assert totals.changes["new"] == 0


def test_all_that_are_gone_are_counted_and_some_are_named():
    changes = since(*(a_row(f"gone {number}") for number in range(150))).result({TENANT})

    assert (changes["gone"], len(changes["gone_applications"])) == (150, 100)
