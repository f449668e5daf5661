# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as a few lines for a terminal: counts, what changed, and the most urgent. Pure."""

from __future__ import annotations

from .._core.texts import plain
from .rows import Row
from .totals import Totals
from .words import label_of, subject_of, title_of

SHOWN = 20
_NAME = 36
_PLACE = 18


def lines_of(totals: Totals) -> list[str]:
    counts = ", ".join(f"{count:,} {label_of(plain(word))}" for word, count in totals.statuses.most_common())
    lines = [f"{totals.total:,} applications: {counts or 'none'}. {totals.urgent:,} need attention."]
    changes = totals.changes
    if changes:
        told = ", ".join(f"{changes[kind]:,} {label_of(kind)}" for kind in ("new", "gone", "renewed", "status_changed"))
        lines.append(f"Since {changes['since']}: {told}.")
    urgent = totals.most_urgent[:SHOWN]
    if urgent:
        lines.append(f"{'application':<{_NAME}}  {'status':<15}  {'days left':>9}  finding")
        lines += [_line(row) for row in urgent]
    left = totals.urgent - len(urgent)
    return [*lines, f"and {left:,} more."] if left else lines


def _line(row: Row) -> str:
    days = "-" if row["days_left"] is None else row["days_left"]
    told = plain(" ".join(finding["message"] for finding in row["findings"]), 200)
    return f"{_name(row):<{_NAME}}  {plain(row['status']):<15}  {days:>9}  {told}"


def _name(row: Row) -> str:
    """A name that is too long makes room for the host, which tells it from the same one elsewhere."""
    subject, title = subject_of(row), title_of(row)
    place = plain(subject[len(title) :], _PLACE)
    return subject if len(subject) <= _NAME else plain(title, _NAME - len(place)) + place
