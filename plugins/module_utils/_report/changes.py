# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed since the last report. Pure: the rows of both, in any order."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .rows import Row, Values, key_of, names_no_application, names_of

# How many of those that are gone are named; all are counted.
_NAMED = 100
KINDS = ("new", "gone", "renewed", "status_changed")
# What says that nobody could look: where it has no date, nothing was renewed since.
_NOT_SEEN = ("failed", "unreachable", "unknown")


@dataclass(frozen=True)
class Known:
    """What is kept of a row of the last report."""

    status: str
    expires: str | None
    display_name: str | None
    app_id: str | None
    tenant_id: str
    is_named: bool


@dataclass
class Comparison:
    """Built from the last report, then asked about each row of this one; what is left in it at the end is gone."""

    since: str
    known: dict[str, Known] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    tenants: set[str] = field(default_factory=set)
    # Those of which somebody could not look at all, in the last report and in this one.
    unseen_before: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def remember(self, row: Values) -> None:
        """A row of the last report."""
        key, tenant_id, is_named = key_of(row), row["tenant_id"], not names_no_application(row)
        if not is_named:
            self.unseen_before.add(tenant_id)
        self.tenants.add(tenant_id)
        self.known[key] = Known(row["status"], row["expires"], row["display_name"], row["app_id"], tenant_id, is_named)
        for name in _keys_of(row):
            self.keys[name] = key

    def of(self, row: Row) -> Row:
        """What changed for the application of a row of this report: nothing, for one that is as it was."""
        change = self._change(row, self._forget(row))
        if change:
            self.counts[change["kind"]] += 1
        return change

    def result(self, tenants: t.Container[str]) -> Row:
        """The sum. An application is gone when its tenant was looked at, and it was not there."""
        looked_at = (known for known in self.known.values() if known.tenant_id in tenants and known.is_named)
        gone = [known for known in looked_at if known.tenant_id not in self.unseen]
        names = ("tenant_id", "app_id", "display_name", "status")
        return {
            "since": self.since,
            **self.counts,
            "gone": len(gone),
            "gone_applications": [{name: getattr(known, name) for name in names} for known in gone[:_NAMED]],
        }

    def _forget(self, row: Row) -> Known | None:
        """What is known of an application by any of its names, which is then not gone."""
        keys = dict.fromkeys(self.keys[name] for name in _keys_of(row) if name in self.keys)
        found = [self.known.pop(key) for key in keys if key in self.known]
        return found[0] if found else None

    def _change(self, row: Row, before: Known | None) -> Row:
        if before is None:
            return self._change_of_unknown(row)
        was_seen = before.expires or before.status not in _NOT_SEEN
        if row["expires"] and was_seen and (before.expires or "") < row["expires"]:
            return {"kind": "renewed", "status_before": before.status, "expired_before": before.expires}
        return {"kind": "status_changed", "status_before": before.status} if before.status != row["status"] else {}

    def _change_of_unknown(self, row: Row) -> Row:
        tenant_id = row["tenant_id"]
        if names_no_application(row):
            self.unseen.add(tenant_id)
            return {}
        was_seen = tenant_id in self.tenants and tenant_id not in self.unseen_before
        return {"kind": "new"} if was_seen else {}


def _keys_of(row: Values) -> t.Iterator[str]:
    """The names of a row's application, each with the row's host: several hosts may have it."""
    host = row.get("host")
    return (f"{name}/{host}" if host else name for name in names_of(row))
