# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a remediation as application_report takes them; a host that was not begun is shown with its plan."""

from __future__ import annotations

import typing as t

Row = t.Mapping[str, t.Any]


def remediation_results(hosts: t.Iterable[Row], tenant_id: str = "") -> list[dict[str, t.Any]]:
    return [_entry(row, tenant_id) for row in hosts]


def _entry(row: Row, tenant_id: str) -> dict[str, t.Any]:
    return {
        "tenant_id": row["tenant_id"] or tenant_id,
        "host": row["host"],
        "name": row["host"],
        "app_id": row["app_id"] or "",
        "planned": row["outcome"] in ("planned", "not_begun"),
        "result": _result(row),
    }


def _result(row: Row) -> dict[str, t.Any]:
    failure = row["failure"]
    if failure:
        return {"failed": True, "msg": failure["message"], "diagnosis": failure["diagnosis"]}
    known = {name: row[name] for name in ("finding", "steps", "certificate", "next_renewal")}
    return {**known, "message": row.get("message")}
