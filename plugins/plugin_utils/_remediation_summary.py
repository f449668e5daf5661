# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of the playbook remediate did, host by host: for reports and notifications, without keys or tokens."""

from __future__ import annotations

import collections
import hashlib
import typing as t

Variables = t.Mapping[str, t.Any]
Groups = t.Mapping[str, t.Sequence[str]]

OUTCOMES = ("failed", "not_begun", "planned", "renewed", "completed", "healthy")
_CERTIFICATE = ("thumbprint", "thumbprint_sha256", "key_id", "not_before", "not_after")
# What a host was asked, in order: where it was lost, one of these tells why.
_ASKED = ("renew_plan", "renew_promotion", "renew_health", "renew_last_call", "renew_retirement")


def remediation_summary(
    hosts: t.Iterable[str], hostvars: t.Mapping[str, Variables], groups: Groups, is_plan: bool = False
) -> dict[str, t.Any]:
    """One row for each host that has an application, the worst first."""
    at = _Progress(groups, is_plan)
    rows = [_row(host, hostvars[host], at) for host in hosts if host not in at.consumers]
    rows.sort(key=lambda row: OUTCOMES.index(row["outcome"]))
    counts = collections.Counter(row["outcome"] for row in rows)
    return {
        "plan": is_plan,
        "stopped": bool(counts["not_begun"]),
        "counts": {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]},
        "hosts": rows,
    }


class _Progress:
    """How far each host has come, from the groups that the playbook makes."""

    def __init__(self, groups: Groups, is_plan: bool) -> None:
        self._groups, self.is_plan = groups, is_plan
        self.consumers, self._healthy = self._of("consumer"), self._of("healthy")
        self._due = self._of("due") | self._of("canary")
        self._begun, self._proven = self._of("begun"), self._of("proven")

    def _of(self, part: str) -> set[str]:
        return set(self._groups.get(f"remediate_{part}", ()))

    def consumers_of(self, host: str) -> t.Sequence[str]:
        digest = hashlib.sha256(host.encode()).hexdigest()  # as the role remediate names the group
        return self._groups.get(f"remediate_consumers_of_{digest}", ())

    def outcome(self, host: str, steps: t.Iterable[str]) -> str:
        if host in self._proven:
            return "renewed" if "promote" in steps else "completed"
        if host in self._begun:
            return "failed"
        if host in self._due:
            return "planned" if self.is_plan else "not_begun"
        return "healthy" if host in self._healthy else "failed"

    def has_begun(self, host: str) -> bool:
        return host in self._begun


def _row(host: str, variables: Variables, at: _Progress) -> dict[str, t.Any]:
    done = _done(variables) if at.has_begun(host) else [_of(variables, "renew_plan")]
    steps = [dict(step) for result in done for step in result.get("steps") or ()]
    outcome = at.outcome(host, [step["step"] for step in steps])
    first = next((result for result in done if "steps" in result), {})
    back = _of(variables, "renew_rolled_back")
    current = back if at.has_begun(host) and back.get("steps") else first
    certificate = current.get("certificate") or {}
    return {
        "host": host,
        "tenant_id": variables.get("entra_tenant_id"),
        "app_id": variables.get("entra_app_id"),
        "outcome": outcome,
        "finding": first.get("finding"),
        "message": first.get("message"),
        "steps": steps,
        "certificate": {name: certificate[name] for name in _CERTIFICATE if certificate.get(name)},
        "retired": [one for result in done for one in result.get("retired") or ()],
        "vanished": [one for result in done for one in result.get("vanished") or ()],
        "next_renewal": current.get("next_renewal"),
        "consumers": _consumers(variables, at.consumers_of(host)),
        "failure": _failure(variables) if outcome == "failed" else None,
    }


def _done(variables: Variables) -> list[Variables]:
    return [_of(variables, name) for name in ("renew_promotion", "renew_rolled_back", "renew_retirement")]


def _of(variables: Variables, name: str) -> Variables:
    value = variables.get(name)
    return value if isinstance(value, t.Mapping) else {}


def _consumers(variables: Variables, hosts: t.Iterable[str]) -> list[dict[str, t.Any]]:
    told = _of(variables, "__remediate_confirmed").get("results") or ()
    confirmed = {result.get("item") for result in told if not result.get("failed")}
    return [{"host": host, "confirmed": host in confirmed} for host in hosts]


def _failure(variables: Variables) -> dict[str, t.Any]:
    """The first thing that went wrong; a host that was lost has no failed task."""
    asked = [_of(variables, name) for name in _ASKED]
    lost = next((result for result in asked if result.get("unreachable")), None)
    noted = _of(variables, "__remediate_failure").get("msg") or {}
    message = lost.get("msg") if lost else noted.get("message")
    return {
        "task": noted.get("task"),
        "message": message or "The host was lost before its application was proven.",
        "diagnosis": next((result["diagnosis"] for result in asked if result.get("diagnosis")), None),
    }
