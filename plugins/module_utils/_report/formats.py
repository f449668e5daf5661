# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a report: each is a file's name and three functions that give its text. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import as_csv, as_json, as_junit, as_markdown, as_page, as_prometheus, as_sarif
from .rows import Row
from .totals import Totals


def _nothing(*_given: t.Any) -> str:
    return ""


@dataclass(frozen=True)
class Format:
    """A file of the report. `head` and `tail` know all totals; `each` gets one row after the other and its number."""

    file: str
    head: t.Callable[[Totals], str]
    each: t.Callable[[Row, Totals, int], str] = _nothing
    tail: t.Callable[[Totals], str] = _nothing


# report_formats → how. Adding one: a file here with these functions, and a line in this table.
FORMATS = {
    "html": Format("report.html", as_page.head, as_page.each, as_page.tail),
    "junit": Format("report.xml", as_junit.head, as_junit.each, as_junit.tail),
    "json": Format("report.json", as_json.head, as_json.each, as_json.tail),
    "csv": Format("report.csv", as_csv.head, as_csv.each),
    "sarif": Format("report.sarif", as_sarif.head),
    "prometheus": Format("report.prom", as_prometheus.head, as_prometheus.each),
    "markdown": Format("report.md", as_markdown.head),
}


def render(chosen: Format, totals: Totals, rows: t.Iterable[Row]) -> t.Iterator[str]:
    """The text of one file, piece by piece."""
    yield chosen.head(totals)
    for number, row in enumerate(rows):
        yield chosen.each(row, totals, number)
    yield chosen.tail(totals)
