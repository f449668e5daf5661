# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import tracemalloc

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.reading import (
    NotAReport,
    cleaned,
    open_report,
    problem_of,
)
from ansible_collections.evercert.entra.tests.unit.reports import a_row, text_of


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "report.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def read(path):
    with open_report(path) as reader:
        return reader.head, list(reader.rows()), reader.tail


ROWS = [a_row("payroll", 12), a_row("\u4e2d\u6587 \U0001f600 </script>", 90), a_row("N" * 100_000, -3)]


def test_what_was_written_is_read(written):
    head, rows, tail = read(written(text_of("json", *ROWS)))

    assert head["generated"] == "2026-11-22T10:00:00Z"
    assert rows == ROWS
    assert tail["summary"]["total"] == 3


@pytest.mark.parametrize("indent", [None, 4])
def test_another_program_may_have_formatted_it(written, indent):
    values = json.loads(text_of("json", *ROWS))

    assert read(written(json.dumps(values, indent=indent, ensure_ascii=False)))[1] == ROWS


def test_a_report_without_applications_is_one(written):
    assert read(written(text_of("json")))[1] == []


def test_memory_does_not_grow_with_the_report(written):
    rows = [a_row(f"application {number}", 12) for number in range(1500)]
    path = written(text_of("json", *rows))
    del rows

    tracemalloc.start()
    with open_report(path) as reader:
        number = sum(1 for _row in reader.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert number == 1500
    assert os.path.getsize(path) > 900_000
    assert peak < 800_000


WHOLE = text_of("json", *ROWS[:2])


@pytest.mark.parametrize(
    "content, why",
    [
        ("", "no valid JSON"),
        ("null", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ('{"format":' + "[" * 100_000, "no valid JSON"),
        ("{}", "no valid JSON"),
        ('{"a":1}', "has no applications"),
        ("{1:1}", "a name in it is no text"),
        (WHOLE.replace("evercert.entra/report", "other"), "its format is not"),
        (WHOLE.replace('"version":1', '"version":2'), "its version is 2, and this collection reads 1"),
        (WHOLE.replace('"generated":"2026', '"generated":"then'), "when it was made"),
        (WHOLE[:-200], "ends too early"),
        (WHOLE[: len(WHOLE) // 2], "no valid JSON"),
        (b"\xff" + WHOLE.encode(), "UTF-8"),
        (WHOLE.replace('"status":"near_expiry"', '"status":7', 1), "lacks its tenant, its status"),
        (WHOLE.replace('"expires":"2026', '"expires":"soon', 1), "a date that is none"),
        (WHOLE.replace('"days_left":12', '"days_left":"12"', 1), "odd severity or number of days"),
        (WHOLE.replace('"reason"', '"cause"', 1), "odd finding"),
        (WHOLE.replace('"key_id"', '"key"', 1), "odd certificate"),
        (WHOLE.replace('"key_id"', '"stage":1,"key_id"', 1), "odd certificate"),
    ],
)
def test_what_is_no_report_is_refused_with_path_and_cause(written, content, why):
    path = written(content)

    with pytest.raises(NotAReport) as caught:
        read(path)

    assert path in caught.value.message
    assert why in caught.value.message


def test_a_value_without_end_is_given_up(written):
    with pytest.raises(NotAReport, match="larger than an application can be"):
        read(written('{"title":"' + "x" * (20 << 20)))


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(NotAReport):
            read(str(path))


@pytest.mark.parametrize("bad", [None, 1, [], {}, {**ROWS[0], "findings": None}, {**ROWS[0], "steps": [1]}])
def test_no_row_is_taken_on_trust(bad):
    assert problem_of(bad)
    assert problem_of(ROWS[0]) is None


def test_how_urgent_a_row_is_comes_from_its_words():
    """A report of others, or of another version, may say anything."""
    row = json.loads(json.dumps({**ROWS[0], "severity": "none", "change": {"kind": "new"}}))
    row["findings"][0]["severity"] = "none"

    assert cleaned(row) == ROWS[0]
