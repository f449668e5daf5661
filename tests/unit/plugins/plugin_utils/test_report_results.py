# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the playbook report in the report's own rows."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.rows import is_result, rows_of_result
from ansible_collections.evercert.entra.plugins.plugin_utils._report_results import report_results
from ansible_collections.evercert.entra.tests.unit.reports import TENANT, a_row

ASKED = {"tenant_id": TENANT, "name": "payroll", "app_id": "a-1", "object_id": ""}
SKIPPED = {"skipped": True, "changed": False}


def entries(variables, tenant_id=""):
    return report_results(["web1"], {"web1": variables}, tenant_id)


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"entra_inspected": {"unreachable": True, "msg": "No route."}}, "No route."),
        ({"entra_inspected": {"failed": True, "msg": "No.", "diagnosis": {"code": "dns"}}}, "No. (dns)"),
        ({"entra_inspected": SKIPPED, "entra_audited": {"failed": True, "msg": "No."}}, "No."),
        ({}, "The host failed before anything was looked at."),
    ],
)
def test_a_host_that_failed_is_a_failed_row_of_its_application(variables, message):
    [entry] = entries({"entra_asked": ASKED, **variables})
    [row] = rows_of_result(entry, "2026-11-24T10:00:00Z")

    assert is_result(entry["result"])
    assert (row["tenant_id"], row["host"], row["app_id"], row["object_id"]) == (TENANT, "web1", "a-1", None)
    assert (row["status"], row["display_name"]) == ("failed", "payroll")
    assert row["findings"][0]["message"] == message


def test_a_host_that_failed_before_it_was_known_is_a_row_of_the_tenant_given():
    [entry] = entries({}, TENANT)

    assert (entry["tenant_id"], entry["host"], entry["name"], entry["app_id"]) == (TENANT, "web1", "web1", None)


def test_what_was_found_is_given_and_nothing_else_of_the_result():
    found = {"applications": [a_row()], "invocation": {"module_args": {}}, "warnings": []}

    [entry] = entries({"entra_asked": ASKED, "entra_inspected": found})

    assert entry["result"] == {"applications": found["applications"]}


def test_a_host_whose_whole_tenant_was_read_is_in_its_own_report():
    assert entries({"entra_asked": ASKED, "entra_inspected": SKIPPED, "entra_audited": {"files": {}}}) == []
