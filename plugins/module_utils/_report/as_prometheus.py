# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as metrics, in the text format that node_exporter's textfile collector reads. Pure.

A tenant has a fixed number of series, however many applications it has.
"""

from __future__ import annotations

import typing as t

from .._core.status import STATUSES
from .._core.texts import plain
from .._core.times import parse_iso_or_none
from .rows import Row
from .totals import WITHIN_DAYS, Tally, Totals
from .words import REASONS

Sample = tuple[dict[str, object], float]
PREFIX = "evercert_entra"


def head(totals: Totals) -> str:
    families = [
        ("report_timestamp_seconds", "When a tenant was looked at, in Unix time.", _timestamps),
        ("applications", "Applications by status.", _statuses),
        ("findings", "Applications by finding.", _findings),
        ("applications_ending", "Applications whose certificate in use ends within so many days.", _ending),
        ("next_expiry_timestamp_seconds", "The next end of an application's certificate in use.", _next_expiries),
    ]
    return "".join(_family(f"{PREFIX}_{name}", told, find(totals)) for name, told, find in families)


def each(row: Row, totals: Totals, number: int) -> str:
    return ""


def _timestamps(totals: Totals) -> t.Iterator[Sample]:
    for name, tally in totals.tenants.items():
        seen = parse_iso_or_none(tally.seen) or totals.settings.now
        yield {"tenant_id": name}, seen.timestamp()


def _statuses(totals: Totals) -> t.Iterator[Sample]:
    """Every status, also those that nothing has: an alert can tell 0 from a report that was not made."""
    for name, tally in totals.tenants.items():
        for status in dict.fromkeys((*STATUSES, *sorted(tally.statuses))):
            yield {"tenant_id": name, "status": status}, tally.statuses[status]


def _findings(totals: Totals) -> t.Iterator[Sample]:
    for name, tally in totals.tenants.items():
        for reason in dict.fromkeys((*REASONS, *sorted(tally.reasons))):
            yield {"tenant_id": name, "reason": reason}, tally.reasons[reason]


def _ending(totals: Totals) -> t.Iterator[Sample]:
    for name, tally in totals.tenants.items():
        for days in WITHIN_DAYS:
            yield {"tenant_id": name, "within_days": days}, tally.ends_within[days]


def _next_expiries(totals: Totals) -> t.Iterator[Sample]:
    known: list[tuple[str, Tally]] = list(totals.tenants.items())
    return (({"tenant_id": name}, tally.next_expiry.timestamp()) for name, tally in known if tally.next_expiry)


def _family(name: str, told: str, samples: t.Iterable[Sample]) -> str:
    lines = [_sample(name, labels, value) for labels, value in samples]
    return _headline(name, told) + "".join(lines) if lines else ""


def _headline(name: str, told: str) -> str:
    return f"# HELP {name} {told}\n# TYPE {name} gauge\n"


def _sample(name: str, labels: t.Mapping[str, object], value: float) -> str:
    written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{written}}} {value:.0f}\n"


def _escaped(value: object) -> str:
    return plain(value).replace("\\", "\\\\").replace('"', '\\"')
