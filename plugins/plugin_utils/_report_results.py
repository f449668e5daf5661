# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the playbook report as application_report takes them.

A host that failed, or was not reached, is an entry with its reason, so that it is missing in no report. A host whose
whole tenant was read is none: its report is one of the sources.
"""

from __future__ import annotations

import typing as t

Variables = t.Mapping[str, t.Any]

_OF_FAILURE = ("failed", "unreachable", "msg", "diagnosis")
_LOST = {"failed": True, "msg": "The host failed before anything was looked at."}


def report_results(
    hosts: t.Iterable[str], hostvars: t.Mapping[str, Variables], tenant_id: str = ""
) -> list[dict[str, t.Any]]:
    found = ((host, hostvars[host], _result(hostvars[host])) for host in hosts)
    return [_entry(host, variables, result, tenant_id) for host, variables, result in found if result is not None]


def _entry(host: str, variables: Variables, result: Variables, tenant_id: str) -> dict[str, t.Any]:
    asked = _of(variables, "entra_asked")
    return {
        "tenant_id": asked.get("tenant_id") or tenant_id,
        "host": host,
        "name": asked.get("name") or host,
        "app_id": asked.get("app_id") or None,
        "object_id": asked.get("object_id") or None,
        "result": result,
    }


def _result(variables: Variables) -> Variables | None:
    """What was found of one application, or why nothing was; None where a whole tenant was read."""
    inspected, audited = _of(variables, "entra_inspected"), _of(variables, "entra_audited")
    for told in (inspected, audited):
        if told.get("failed") or told.get("unreachable"):
            return {name: told[name] for name in _OF_FAILURE if name in told}
    if "applications" in inspected:
        return {"applications": inspected["applications"]}
    return None if audited else _LOST


def _of(variables: Variables, name: str) -> Variables:
    value = variables.get(name)
    return value if isinstance(value, t.Mapping) else {}
