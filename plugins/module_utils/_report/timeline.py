# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the certificates of a report end: counts by month, and their drawing. Pure."""

from __future__ import annotations

import datetime as dt
import html
from dataclasses import dataclass, field

from .._core.times import parse_iso_or_none

MONTHS = 12
_WIDTH, _HEIGHT, _LEFT, _BASE = 960, 190, 6, 150
_TALLEST = 120


@dataclass
class Timeline:
    """Applications by the month in which their last certificate ends, from the month of the report on."""

    now: dt.datetime
    ended: int = 0
    later: int = 0
    months: list[int] = field(default_factory=lambda: [0] * MONTHS)

    def add(self, expires: str | None) -> None:
        moment = parse_iso_or_none(expires)
        if moment is None:
            return
        if moment <= self.now:
            self.ended += 1
            return
        distance = (moment.year - self.now.year) * 12 + moment.month - self.now.month
        if distance < MONTHS:
            self.months[distance] += 1
        else:
            self.later += 1

    def bars(self) -> list[tuple[str, str, int]]:
        """Label, kind and count of each bar, in the order of time."""
        bars = [("ended", "ended", self.ended)]
        for distance, count in enumerate(self.months):
            month = self.now.month - 1 + distance
            label = f"{dt.date(self.now.year + month // 12, month % 12 + 1, 1):%b %Y}"
            bars.append((label, "soon" if distance < 2 else "month", count))
        return [*bars, ("later", "later", self.later)]


def drawing_of(timeline: Timeline) -> str:
    """The timeline as SVG: no style attribute, so that a strict content security policy holds."""
    bars = timeline.bars()
    largest = max([count for _label, _kind, count in bars] + [1])
    step = (_WIDTH - 2 * _LEFT) / len(bars)
    told = "; ".join(f"{label}: {count}" for label, _kind, count in bars if count) or "nothing ends"
    parts = [
        f'<svg class="timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="tl">',
        f'<title id="tl">Applications by the month in which their certificate ends. {html.escape(told)}.</title>',
    ]
    for place, (label, kind, count) in enumerate(bars):
        height = max(2.0, _TALLEST * count / largest) if count else 0.0
        parts.append(_bar(_LEFT + place * step, step, height, kind))
        middle = _LEFT + place * step + step / 2
        month, _space, year = label.partition(" ")
        if count:
            parts.append(f'<text class="count" x="{middle:.1f}" y="{_BASE - height - 6:.1f}">{count:,}</text>')
        parts.append(f'<text x="{middle:.1f}" y="{_BASE + 17}">{month}</text>')
        if year and (place == 1 or month == "Jan"):
            parts.append(f'<text x="{middle:.1f}" y="{_BASE + 33}">{year}</text>')
    parts.append(f'<line x1="{_LEFT}" y1="{_BASE}" x2="{_WIDTH - _LEFT}" y2="{_BASE}"/></svg>')
    return "".join(parts)


def _bar(left: float, step: float, height: float, kind: str) -> str:
    place = f'x="{left + step * 0.14:.1f}" y="{_BASE - height:.1f}"'
    return f'<rect class="bar {kind}" {place} width="{step * 0.72:.1f}" height="{height:.1f}" rx="2"/>'
