# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as JSON: the lasting form, from which reports are merged and compared. Pure.

One application a line, so that it can be read as a stream, searched line by line, and compared by eye.
"""

from __future__ import annotations

import json
import typing as t

from .._core.times import format_iso
from .rows import Row
from .totals import Tally, Totals
from .words import TITLE

FORMAT, VERSION = "evercert.entra/report", 1
_compact = json.JSONEncoder(separators=(",", ":")).encode


def head(totals: Totals) -> str:
    settings = totals.settings
    known = {
        "format": FORMAT,
        "version": VERSION,
        "generated": totals.generated,
        "title": TITLE,
        "renew_before": settings.renew_before,
        "filter": settings.filter,
    }
    return f'{_compact(known)[:-1]},"applications":[\n'


def each(row: Row, totals: Totals, number: int) -> str:
    return f"{',' if number else ''}{line_of(row)}"


def line_of(row: Row) -> str:
    """One application as a line of JSON."""
    return f"{_compact(row)}\n"


def tail(totals: Totals) -> str:
    sums = {
        "summary": totals.summary(),
        "findings": dict(totals.reasons.most_common()),
        "tenants": [_tenant(name, tally) for name, tally in sorted(totals.tenants.items())],
        "changes": totals.changes,
    }
    return f"],{_compact(sums)[1:]}\n"


def _tenant(name: str, tally: Tally) -> dict[str, t.Any]:
    return {
        "tenant_id": name,
        "seen": tally.seen,
        "summary": {"total": tally.total, **dict(tally.statuses.most_common())},
        "next_expiry": format_iso(tally.next_expiry),
    }
