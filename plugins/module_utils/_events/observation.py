# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a poll saw of one application, and the events that are made of it. Pure: nothing here is secret."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t
from dataclasses import dataclass

from .._core.errors import EvercertError
from .._core.model import Application
from .._core.status import Finding
from .._core.times import format_iso
from .._core.verdict import Facts, Verdict

Event = dict[str, t.Any]

_TEMPLATE = re.compile(r"\{(?=[{%#])")
# The statuses and findings that a look at a whole tenant can come to.
WATCHABLE = ("near_expiry", "expired", "not_yet_valid", "missing", "unknown", "policy_exceeded")


@dataclass(frozen=True)
class Observation:
    """One application at one moment: when its last sign-in certificate ends, and what is wrong with it."""

    app_id: str
    object_id: str
    display_name: str
    status: str
    findings: tuple[Finding, ...] = ()
    not_after: dt.datetime | None = None
    days_left: int | None = None
    next_renewal: dt.datetime | None = None

    def matches(self, words: t.Collection[str]) -> bool:
        """Whether its status, or the reason of one of its findings, is among the words."""
        return self.status in words or any(finding.reason in words for finding in self.findings)

    @property
    def fingerprint(self) -> tuple[t.Any, ...]:
        """What makes it the same finding at the next poll; the days left are no news."""
        return (self.status, tuple(sorted(finding.reason for finding in self.findings)), self.not_after)


def observe(facts: Facts, verdict: Verdict, application: Application) -> Observation:
    """The verdict on an application of a listing, with the dates of the certificate that ends last."""
    ends = [entry.not_after for entry in application.sign_in_credentials if entry.not_after]
    last = max(ends, default=None)
    return Observation(
        app_id=application.app_id,
        object_id=application.object_id,
        display_name=application.display_name,
        status=verdict.status,
        findings=verdict.findings,
        not_after=last,
        days_left=(last - facts.now).days if last else None,
        next_renewal=verdict.next_renewal,
    )


def of_application(kind: str, tenant_id: str | None, seen: Observation) -> Event:
    """The event on an application: `finding`, or `resolved`."""
    event: Event = {
        "kind": kind,
        "tenant_id": tenant_id,
        "app_id": seen.app_id,
        "object_id": seen.object_id,
        "display_name": seen.display_name,
        "status": seen.status,
        "findings": [dataclasses.asdict(finding) for finding in seen.findings],
        "not_after": format_iso(seen.not_after),
        "days_left": seen.days_left,
        "next_renewal": format_iso(seen.next_renewal),
    }
    return {name: _inert(value) for name, value in event.items()}


def of_outage(tenant_id: str | None, error: EvercertError, failures: int, since: dt.datetime) -> Event:
    """The event on a tenant that cannot be looked at."""
    found = error.diagnosis
    event: Event = {
        "kind": "unreachable",
        "tenant_id": tenant_id,
        "failures": failures,
        "since": format_iso(since),
        "message": error.message,
        "diagnosis": {"code": found.code, "cause": found.cause, "remedy": found.remedy} if found else None,
    }
    return {name: _inert(value) for name, value in event.items()}


def of_return(tenant_id: str | None, since: dt.datetime) -> Event:
    """The event on a tenant that answers again after an outage that was told."""
    return {"kind": "reachable", "tenant_id": tenant_id, "since": format_iso(since)}


def _inert(value: t.Any) -> t.Any:
    """The same without the start of any template.

    A rule hands its event to the playbook as variables, which Ansible takes for templates; and a display name is
    chosen by whoever owns the application.
    """
    if isinstance(value, str):
        return _TEMPLATE.sub("{ ", value)
    if isinstance(value, dict):
        return {name: _inert(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_inert(one) for one in value]
    return value
