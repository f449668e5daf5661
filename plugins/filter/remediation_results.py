# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: remediation_results
short_description: The hosts of a remediation as the role report takes them
version_added: 0.1.0
description:
  - Turns C(hosts) of P(evercert.entra.remediation_summary#filter) into what
    O(evercert.entra.application_report#module:results) takes, so that a remediation is rendered like every report.
  - A host that was not begun is shown with its plan.
options:
  _input:
    description: The rows of the summary.
    type: list
    elements: dict
    required: true
  tenant_id:
    description: The tenant of hosts that have no C(entra_tenant_id).
    type: str
    default: ""
positional: _input, tenant_id
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Make a page of it
  evercert.entra.application_report:
    directory: /var/lib/evercert/last
    formats: [html]
    results: "{{ remediate_summary.hosts | evercert.entra.remediation_results }}"
"""

RETURN = r"""
_value:
  description: One entry for each row.
  type: list
  elements: dict
"""

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


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"remediation_results": remediation_results}
