# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of tests/bench as tables. Pure: figures in, cells out; the bench and the guide show the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import linear_regression
from typing import Any

PAGES = (999, 100)  # the largest page of Graph, and the one of clients that ask for none

Figures = dict[str, Any]
Row = tuple[str, ...]

LISTING_HEAD = (
    "Applications",
    "Contestant",
    "Seconds",
    "CPU seconds",
    "Peak MB",
    "Requests",
    "Resource units",
    "Microseconds per application",
)
GROWTH_HEAD = ("Contestant", "Seconds for n", "CPU seconds for n", "Peak MB for n", "Requests for n")
COMPARISON_HEAD = ("Figure", "Ours", "Compared with", "Ratio", "Goal", "Verdict")


def listings(figures: list[Figures]) -> Iterator[Row]:
    """By size, as contestants are compared at the same size."""
    for one in sorted(figures, key=lambda one: one["applications"]):
        head = (f"{one['applications']:,}", one["contestant"])
        yield (*head, f"not run: {one['skipped']}", *[""] * 5) if "skipped" in one else (*head, *_measured(one))


def _measured(one: Figures) -> Row:
    each = one["seconds"] / one["applications"] * 1e6
    units = (f"{one['requests']:,}", f"{one['resource_units']:,}")
    return (f"{one['seconds']:.2f}", f"{one['cpu']:.2f}", f"{one['megabytes']:.0f}", *units, f"{each:,.0f}")


def growth(figures: list[Figures]) -> Iterator[Row]:
    """A fixed part and one for each application, by least squares over the sizes; requests exactly."""
    for name in dict.fromkeys(one["contestant"] for one in figures):
        own = [one for one in figures if one["contestant"] == name and "skipped" not in one]
        if len(own) > 1:
            seconds = (law(_numbers(own, what), 2, 1e6, "microseconds") for what in ("seconds", "cpu"))
            megabytes = law(_numbers(own, "megabytes"), 0, 1024, "KB")
            yield (name, *seconds, megabytes, requests_law(_numbers(own, "requests")))


def _numbers(own: list[Figures], what: str) -> dict[int, float]:
    return {one["applications"]: one[what] for one in own}


def law(points: dict[int, float], digits: int, factor: float, unit: str) -> str:
    """The straight line through the points, its slope in a smaller unit."""
    slope, fixed = linear_regression(list(points), list(points.values()))
    sign = "-" if slope < 0 else "+"
    return f"{fixed:.{digits}f} {sign} {abs(slope * factor):.1f} {unit} each"


def requests_law(counts: dict[int, float]) -> str:
    """So many whatever the size, and one for each page begun."""
    found = []
    for page in PAGES:
        others = {count - math.ceil(applications / page) for applications, count in counts.items()}
        if len(others) == 1:
            found.append(f"{others.pop():.0f} + n/{page}".removeprefix("0 + "))
    return found[0] if len(found) == 1 else "not told by these sizes"


def comparisons(figures: list[Figures]) -> Iterator[Row]:
    for one in figures:
        other = f"{number(one['other'])} {one['name']}" if "other" in one else ""
        ratio = f"{one['ratio']:.2f}" if "ratio" in one else ""
        verdict = "" if one["goal"] == "shown" else "missed" if is_missed(one) else "kept"
        yield (one["figure"], number(one["ours"]), other, ratio, one["goal"], verdict)


def is_missed(one: Figures) -> bool:
    """Whether the ratio, or the figure where it is compared with nothing, is beyond a goal such as "<= 1.3"."""
    value = float(one["ratio"] if "ratio" in one else one["ours"])
    sign, _space, limit = one["goal"].partition(" ")
    return {"<=": value > float(limit or 0), ">=": value < float(limit or 0)}.get(sign, False)


def number(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"
