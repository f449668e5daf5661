# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A remediation in the report's own rows."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.rows import is_result, rows_of_result
from ansible_collections.evercert.entra.plugins.plugin_utils._remediation_results import remediation_results

ROW = {
    "host": "payroll",
    "tenant_id": None,
    "app_id": "1f0e",
    "finding": "near_expiry",
    "steps": [{"step": "promote", "detail": "x"}],
    "certificate": {"thumbprint": "9F", "not_after": "2027-01-01T00:00:00Z"},
    "next_renewal": None,
    "failure": None,
}


@pytest.mark.parametrize(
    ("outcome", "change", "status"),
    [
        ("renewed", {}, "renewed"),
        ("completed", {"steps": [{"step": "retire", "detail": "x"}]}, "retired"),
        ("healthy", {"steps": [], "finding": None}, "unchanged"),
        ("planned", {}, "planned"),
        ("not_begun", {}, "planned"),
        ("failed", {"failure": {"message": "no", "diagnosis": {"code": "dns", "remedy": "Mend it."}}}, "failed"),
    ],
)
def test_each_outcome_is_a_row_of_the_report(outcome, change, status):
    [entry] = remediation_results([{**ROW, "outcome": outcome, **change}], "61d6")
    [row] = rows_of_result(entry, "2026-11-24T10:00:00Z")

    assert is_result(entry["result"])
    assert (row["status"], row["host"], row["tenant_id"], row["app_id"]) == (status, "payroll", "61d6", "1f0e")
    if status == "failed":
        assert [(one["message"], one["remedy"]) for one in row["findings"]] == [("no (dns)", "Mend it.")]
