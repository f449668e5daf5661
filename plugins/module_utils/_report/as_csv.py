# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as CSV (RFC 4180), one application a line. Pure.

A cell that a spreadsheet would take for a formula gets an apostrophe in front: names come from strangers.
"""

from __future__ import annotations

import csv
import io
import re

from .._core.texts import plain
from .rows import Row, last_certificate
from .totals import Totals

COLUMNS = (
    "tenant_id",
    "app_id",
    "object_id",
    "display_name",
    "status",
    "severity",
    "days_left",
    "expires",
    "next_renewal",
    "certificates",
    "thumbprint",
    "key_id",
    "findings",
    "messages",
    "remedies",
    "change",
    "status_before",
    "host",
)
# Also behind spaces and quotes, which spreadsheets drop, and as the full-width forms that they take for the same.
_FORMULA = re.compile("[\\s'\"]*[=+\\-@\\uff0b\\uff0d\\uff1d\\uff20]")
# Where the decimal sign is a comma, spreadsheets begin a cell behind each semicolon.
_BEHIND = re.compile(f"(;)(?={_FORMULA.pattern})")


def head(totals: Totals) -> str:
    return _line(list(COLUMNS))


def each(row: Row, totals: Totals, number: int) -> str:
    last, change = last_certificate(row["certificates"]) or {}, row.get("change") or {}
    values = {
        **row,
        "certificates": len(row["certificates"]),
        "thumbprint": last.get("thumbprint"),
        "key_id": last.get("key_id"),
        "findings": " ".join(finding["reason"] for finding in row["findings"]),
        "messages": " ".join(finding["message"] for finding in row["findings"]),
        "remedies": " ".join(finding["remedy"] for finding in row["findings"]),
        "change": change.get("kind"),
        "status_before": change.get("status_before"),
        "host": row.get("host"),
    }
    return _line([_cell(values[name]) for name in COLUMNS])


def _cell(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    text = _BEHIND.sub(r"\1'", plain(value))
    return f"'{text}" if _FORMULA.match(text) else text


def _line(values: list[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()
