# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed since the last report. Pure: the rows of both, in any order."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .rows import Row, Values, key_of

# How many of those that are gone are named; all are counted.
_NAMED = 100
KINDS = ("new", "gone", "renewed", "status_changed")


@dataclass(frozen=True)
class Known:
    """What is kept of a row of the last report."""

    status: str
    expires: str | None
    display_name: str | None
    app_id: str | None
    tenant_id: str


@dataclass
class Comparison:
    """Built from the last report, then asked about each row of this one; what is left in it at the end is gone."""

    since: str
    known: dict[str, Known] = field(default_factory=dict)
    tenants: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def remember(self, row: Values) -> None:
        """A row of the last report."""
        self.tenants.add(row["tenant_id"])
        self.known[key_of(row)] = Known(
            row["status"], row["expires"], row["display_name"], row["app_id"], row["tenant_id"]
        )

    def of(self, row: Row) -> Row:
        """What changed for the application of a row of this report: nothing, for one that is as it was."""
        before = self.known.pop(key_of(row), None)
        change: Row = {}
        if before is None:
            change = {"kind": "new"} if row["tenant_id"] in self.tenants else {}
        elif row["expires"] and (before.expires or "") < row["expires"]:
            change = {"kind": "renewed", "status_before": before.status, "expired_before": before.expires}
        elif before.status != row["status"]:
            change = {"kind": "status_changed", "status_before": before.status}
        if change:
            self.counts[change["kind"]] += 1
        return change

    def result(self, tenants: t.Container[str]) -> Row:
        """The sum. An application is gone when its tenant was looked at, and it was not there."""
        gone = [known for known in self.known.values() if known.tenant_id in tenants]
        names = ("tenant_id", "app_id", "display_name", "status")
        return {
            "since": self.since,
            **self.counts,
            "gone": len(gone),
            "gone_applications": [{name: getattr(known, name) for name in names} for known in gone[:_NAMED]],
        }
