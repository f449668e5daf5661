# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as JUnit XML: an application is a test case, as pipelines show them. Pure.

What somebody has to act on is a failure, what is only worth knowing is skipped with its reason. A word of fail_on
makes a failure of either.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from .._core.texts import plain
from .rows import Row
from .totals import Totals, is_failure
from .words import NOTE, TITLE, place_of, title_of


def head(totals: Totals) -> str:
    name = quoteattr(TITLE)
    moment = totals.generated.rstrip("Z")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name={name} tests="{totals.total}" failures="{totals.failures}" errors="0" '
        f'skipped="{totals.skipped}" time="0">\n'
        f'<testsuite name={name} tests="{totals.total}" failures="{totals.failures}" errors="0" '
        f'skipped="{totals.skipped}" time="0" timestamp="{moment}">\n'
    )


def each(row: Row, totals: Totals, number: int) -> str:
    name = f"{title_of(row)} ({plain(row['app_id'] or row['object_id'] or 'no ID')}){place_of(row)}"
    case = f'<testcase classname={quoteattr("entra." + plain(row["tenant_id"]))} name={quoteattr(name)} time="0"'
    inside = _inside(row, totals)
    return f"{case}>{inside}</testcase>\n" if inside else f"{case}/>\n"


def tail(totals: Totals) -> str:
    return "</testsuite>\n</testsuites>\n"


def _inside(row: Row, totals: Totals) -> str:
    told = plain(row["findings"][0]["message"]) if row["findings"] else plain(row["status"])
    if is_failure(row, totals.settings):
        reason = row["findings"][0]["reason"] if row["findings"] else row["status"]
        lines = [f"{plain(finding['message'])} {plain(finding['remedy'])}" for finding in row["findings"]] or [told]
        text = escape("\n".join(lines))
        return f"<failure type={quoteattr(plain(reason))} message={quoteattr(told)}>{text}</failure>"
    return f"<skipped message={quoteattr(told)}/>" if row["severity"] == NOTE else ""
