# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What strangers choose — names, results, whole reports — through every format and back."""

from __future__ import annotations

import csv
import io
import json
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

from ansible_collections.evercert.entra.plugins.module_utils._report.formats import FORMATS
from ansible_collections.evercert.entra.plugins.module_utils._report.reading import NotAReport, open_report, problem_of
from ansible_collections.evercert.entra.plugins.module_utils._report.rows import is_result, rows_of_result
from ansible_collections.evercert.entra.tests.unit.reports import a_row, text_of
from fuzzing import TEXTS, VALUES, bent_text, fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

# A limit of Python's reader, 131,072 characters of a field, and none of the format.
csv.field_size_limit(sys.maxsize)
WORDS = st.sampled_from(["expired", "near_expiry", "healthy", "missing", "brand_new"])
ROWS = st.builds(
    lambda name, days, status, tenant, message, host: (
        a_row(
            name,
            days,
            status,
            tenant,
            findings=None if status == "healthy" else [status],
            next_renewal=None,
        )
        | {"findings": [{"reason": status, "severity": "error", "message": message, "remedy": message}]}
        | ({"host": host} if host else {})
    ),
    TEXTS,
    st.none() | st.integers(-500, 5000),
    WORDS,
    TEXTS,
    TEXTS,
    TEXTS,
)


class Scripts(HTMLParser):
    """Counts what could run or load, and keeps the rows."""

    def __init__(self, text):
        super().__init__()
        self.counts, self.rows, self.is_data = {}, "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.is_data = ("id", "rows") in attrs

    def handle_data(self, data):
        self.rows += data if self.is_data else ""


PLAIN = Scripts(text_of("html", a_row("plain", 5, "expired"))).counts


@fuzz(25)
@given(st.lists(ROWS, min_size=1, max_size=3))
@example([a_row("\x1f" * 30_000, 5)])
def test_no_name_and_no_message_breaks_a_format(rows):
    files = {name: text_of(name, *rows) for name in FORMATS}

    for text in files.values():
        text.encode()
    page = Scripts(files["html"])
    assert len(json.loads(page.rows)) == len(rows)
    assert {tag for tag in page.counts if tag not in PLAIN} <= {"code"}
    assert page.counts["script"] == PLAIN["script"]
    assert len(ElementTree.fromstring(files["junit"]).findall(".//testcase")) == len(rows)
    read = json.loads(files["json"])["applications"]
    assert [row["display_name"] for row in read] == [row["display_name"] for row in rows]
    cells = list(csv.DictReader(io.StringIO(files["csv"], newline="")))
    assert [line["status"] for line in cells] == [row["status"] for row in rows]
    assert not any(value.startswith(("=", "+", "@")) for line in cells for value in line.values())
    assert json.loads(files["sarif"])["version"] == "2.1.0"
    assert list(text_string_to_metric_families(files["prometheus"]))
    assert "<" not in files["markdown"].replace("<br>", "")


@fuzz(25)
@given(bent_text(text_of("json", a_row("a", 5), a_row("b", None))))
def test_whatever_a_report_holds_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "bent.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    try:
        with open_report(str(path)) as reader:
            rows = list(reader.rows())
    except NotAReport:
        return
    for name in FORMATS:
        text_of(name, *rows)


@fuzz(25)
@given(st.dictionaries(st.sampled_from(["applications", "steps", "certificate", "failed", "msg"]), VALUES, max_size=4))
def test_whatever_a_task_returned_becomes_rows_or_is_refused(result):
    if is_result(result):
        rows = rows_of_result({"tenant_id": "t", "result": result}, "2026-11-22T10:00:00Z")
        assert [problem_of(row) for row in rows] == [None] * len(rows)
