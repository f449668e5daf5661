# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as Markdown, for the summary of a pipeline and for chats. Pure.

GitHub takes 1 MiB for the summaries of a step, so the list ends before that, and says how many it left out.
"""

from __future__ import annotations

import re

from .._core.texts import plain
from .rows import Row
from .totals import Totals
from .words import TITLE, label_of, severity_of, subject_of

LARGEST = 900_000
_SIGNS = {
    "error": "\N{HEAVY MULTIPLICATION X}",
    "warning": "\N{BLACK UP-POINTING TRIANGLE}",
    "note": "\N{WHITE CIRCLE}",
}
_HEALTHY = "\N{HEAVY CHECK MARK}"
# An underscore within a word, as our own words have it, marks nothing up.
_ACTIVE = re.compile(r"([\\`*\[\]#|~>$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
# Where a bare address becomes a link by itself.
_LINK = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
_LONGEST_MESSAGE = 400


def head(totals: Totals) -> str:
    lines = [f"# {TITLE}", "", f"{totals.total:,} applications, {totals.generated}.", ""]
    lines += ["| Status | Applications |", "| --- | ---: |"]
    lines += [
        f"| {sign_of(word)} {safe(label_of(word))} | {count:,} |" for word, count in totals.statuses.most_common()
    ]
    lines += ["", *_changes(totals), *_attention(totals)]
    return "\n".join(lines) + "\n"


def sign_of(word: str) -> str:
    return _SIGNS.get(severity_of(word), _HEALTHY)


def _changes(totals: Totals) -> list[str]:
    changes = totals.changes
    if not changes:
        return []
    told = ", ".join(f"{changes[kind]:,} {label_of(kind)}" for kind in ("new", "gone", "renewed", "status_changed"))
    return [f"Since {changes['since']}: {told}.", ""]


def _attention(totals: Totals) -> list[str]:
    if not totals.urgent:
        return ["Nothing needs attention."]
    lines = [f"## {totals.urgent:,} need attention", "", "| Application | Status | Days left | What and how |"]
    lines.append("| --- | --- | ---: | --- |")
    room, shown = LARGEST, 0
    for row in totals.most_urgent:
        line = _line(row, len(totals.tenants) > 1)
        room -= len(line.encode()) + 1
        if room < 0:
            break
        lines.append(line)
        shown += 1
    left = totals.urgent - shown
    return lines + (["", f"{left:,} more are in the other files."] if left else [])


def _line(row: Row, several: bool) -> str:
    told = " ".join(f"{finding['message']} {finding['remedy']}" for finding in row["findings"])
    name = f"{safe(subject_of(row))}<br>{safe(row['app_id'] or row['object_id'] or '')}"
    name += f"<br>{safe(row['tenant_id'])}" if several else ""
    days = "" if row["days_left"] is None else row["days_left"]
    sign = _SIGNS.get(row["severity"], _HEALTHY)
    return f"| {name} | {sign} {safe(label_of(row['status']))} | {days} | {safe(plain(told, _LONGEST_MESSAGE))} |"


def safe(text: object) -> str:
    """Foreign text that stays text: no markup, no HTML, nobody mentioned, no link."""
    shown = _ACTIVE.sub(r"\\\1", plain(text))
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
    return _LINK.sub(r"\g<0><wbr>", shown)
