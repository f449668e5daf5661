# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report says before its rows: counts, expiries and the most urgent. Pure: it grows row by row."""

from __future__ import annotations

import datetime as dt
import heapq
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from .._core.times import format_iso, parse_iso_or_none
from .rows import Row, Values, is_urgent, urgency
from .timeline import Timeline
from .words import NOTE

# How many of the most urgent rows are kept; all are counted.
KEPT = 5000
WITHIN_DAYS = (7, 14, 30, 60, 90)


@dataclass
class Tally:
    """The figures of one tenant."""

    total: int = 0
    urgent: int = 0
    seen: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    ends_within: Counter[int] = field(default_factory=Counter)
    next_expiry: dt.datetime | None = None

    def add(self, row: Values, now: dt.datetime) -> None:
        self.total += 1
        self.urgent += is_urgent(row)
        self.seen = max(self.seen, row["seen"])
        self.statuses[row["status"]] += 1
        self.reasons.update({finding["reason"] for finding in row["findings"]})
        expires = parse_iso_or_none(row["expires"])
        if expires is None or expires <= now:
            return
        self.ends_within.update(days for days in WITHIN_DAYS if expires - now <= dt.timedelta(days=days))
        self.next_expiry = min(expires, self.next_expiry or expires)


@dataclass(frozen=True)
class Settings:
    """What a report was asked for. `fail_within` is in days."""

    now: dt.datetime
    renew_before: float | None = None
    filter: str | None = None
    fail_on: tuple[str, ...] = ()
    fail_within: float | None = None


@dataclass
class Totals:
    """Everything that one pass over the rows tells."""

    settings: Settings
    tenants: dict[str, Tally] = field(default_factory=dict)
    failures: int = 0
    skipped: int = 0
    words_met: Counter[str] = field(default_factory=Counter)
    changes: Row | None = None
    _most_urgent: list[tuple[t.Any, int, Row]] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.settings.now)

    def meet(self, tenant_id: str, seen: str) -> Tally:
        """The figures of a tenant, which has some even when it has no application."""
        return self.tenants.setdefault(tenant_id, Tally(seen=seen))

    def add(self, row: Row) -> None:
        self.meet(row["tenant_id"], row["seen"]).add(row, self.settings.now)
        self.timeline.add(row["expires"])
        self.words_met.update(words_met(row, self.settings))
        if is_failure(row, self.settings):
            self.failures += 1
        elif row["severity"] == NOTE:
            self.skipped += 1
        if is_urgent(row):
            self._keep(row)

    def _keep(self, row: Row) -> None:
        """The heap's smallest entry is the least urgent one: it makes room."""
        self._number += 1
        order, days, _key = urgency(row)
        entry = ((-order, -days), -self._number, row)
        if len(self._most_urgent) < KEPT:
            heapq.heappush(self._most_urgent, entry)
        else:
            heapq.heappushpop(self._most_urgent, entry)

    @property
    def most_urgent(self) -> list[Row]:
        return sorted((row for _order, _number, row in self._most_urgent), key=urgency)

    @property
    def total(self) -> int:
        return sum(tally.total for tally in self.tenants.values())

    @property
    def urgent(self) -> int:
        return sum(tally.urgent for tally in self.tenants.values())

    @property
    def statuses(self) -> Counter[str]:
        return sum((tally.statuses for tally in self.tenants.values()), Counter())

    @property
    def reasons(self) -> Counter[str]:
        return sum((tally.reasons for tally in self.tenants.values()), Counter())

    @property
    def generated(self) -> str:
        return t.cast(str, format_iso(self.settings.now))

    def summary(self) -> dict[str, int]:
        """Counts by status, as application_certificate_info returns them."""
        return {"total": self.total, **dict(self.statuses.most_common())}


def is_failure(row: Row, settings: Settings) -> bool:
    """Whether an application is a failed test: somebody has to act, or it meets a word of fail_on."""
    return is_urgent(row) or bool(words_met(row, settings))


def words_met(row: Values, settings: Settings) -> set[str]:
    """The words of fail_on, and the threshold, that an application meets."""
    found = {row["status"], row["severity"], *(finding["reason"] for finding in row["findings"])}
    met = {word for word in settings.fail_on if word in found}
    expires = parse_iso_or_none(row["expires"]) if settings.fail_within is not None else None
    if expires and expires - settings.now <= dt.timedelta(days=settings.fail_within or 0):
        met.add("fail_within")
    return met
