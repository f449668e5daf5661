# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide on speed says what was measured, and what follows from it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "bench" / "speed_page.py"
MEASURED = yaml.safe_load((ROOT / "tests" / "bench" / "speed.yml").read_text(encoding="utf-8"))


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


@pytest.fixture(scope="module")
def speed():
    return loaded(ROOT / "tests" / "bench" / "speed.py")


@pytest.fixture(scope="module")
def guide():
    return loaded(ROOT / "tools" / "guide.py")


@pytest.fixture(scope="module")
def rows():
    return loaded(ROOT / "tests" / "bench" / "rows.py")


def figure(contestant, applications, seconds=1.0, megabytes=40, requests=4):
    cost = {"seconds": seconds, "cpu": seconds / 2, "megabytes": megabytes}
    return {
        "contestant": contestant,
        "applications": applications,
        **cost,
        "requests": requests,
        "resource_units": requests,
    }


def test_the_page_matches_the_figures():
    checked = subprocess.run([sys.executable, PROGRAM, "--check"], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_every_contestant_has_a_row_for_every_size():
    names, sizes = ({one[what] for one in MEASURED["listings"]} for what in ("contestant", "applications"))

    assert len(MEASURED["listings"]) == len(names) * len(sizes)
    assert sizes == {1, 100, 1_000, 10_000, 100_000}


def test_contestants_of_one_size_stand_together_and_one_that_was_not_run_says_why(speed):
    late = {"contestant": "slow", "applications": 1_000, "skipped": "about 8 minutes"}
    rows = list(speed.listings([figure("slow", 10, seconds=0.5), late, figure("fast", 10), figure("fast", 1_000)]))

    assert [row[:3] for row in rows] == [
        ("10", "slow", "0.50"),
        ("10", "fast", "1.00"),
        ("1,000", "slow", "not run: about 8 minutes"),
        ("1,000", "fast", "1.00"),
    ]
    assert rows[0] == ("10", "slow", "0.50", "0.25", "40", "4", "4", "50,000")
    assert {len(row) for row in rows} == {len(speed.LISTING_HEAD)}


def test_the_law_of_growth_is_the_line_through_the_sizes(speed):
    sizes = (1, 1_000, 10_000)
    found = [figure("mine", n, 0.25 + n / 10_000, 30 + n / 1024, 3 + -(-n // 999)) for n in sizes]
    found += [figure("once", 1), {"contestant": "once", "applications": 1_000, "skipped": "it ended with 1"}]

    assert list(speed.growth(found)) == [
        ("mine", "0.25 + 100.0 microseconds each", "0.12 + 50.0 microseconds each", "30 + 1.0 KB each", "3 + n/999")
    ]


def test_what_gets_cheaper_is_shown_as_such(speed):
    assert speed.law({0: 2.0, 100: 1.0}, 2, 1_000, "ms") == "2.00 - 10.0 ms each"


@pytest.mark.parametrize(
    ("counts", "law"),
    [
        ({1: 4, 100: 4, 1_000: 5, 10_000: 14}, "3 + n/999"),
        ({1: 1, 100: 1, 1_000: 10}, "n/100"),
        ({1: 4, 100: 4}, "not told by these sizes"),
        ({1: 4, 1_000: 50}, "not told by these sizes"),
    ],
)
def test_requests_are_told_by_pages(speed, counts, law):
    assert speed.requests_law(counts) == law


@pytest.mark.parametrize(
    ("ours", "other", "goal", "ratio", "verdict"),
    [
        (1.2, 1.0, "<= 1.3", "1.20", "kept"),
        (1.4, 1.0, "<= 1.3", "1.40", "missed"),
        (2.0, 24.0, ">= 10", "12.00", "kept"),
        (3.0, 24.0, ">= 10", "8.00", "missed"),
        (3.0, 24.0, "shown", "0.12", ""),
    ],
)
def test_a_goal_is_held_against_the_ratio(speed, rows, ours, other, goal, ratio, verdict):
    (row,) = speed.comparisons([rows.compared("status: seconds", ours, other, "floor", goal)])

    assert row == ("status: seconds", f"{ours:.2f}".replace(".00", ""), f"{other:.0f} floor", ratio, goal, verdict)


@pytest.mark.parametrize(("requests", "verdict"), [(4, "kept"), (5, "missed")])
def test_a_count_is_held_against_its_bound(speed, rows, requests, verdict):
    (row,) = speed.comparisons([rows.counted("requests: status", requests, 4)])

    assert row == ("requests: status", str(requests), "", "", "<= 4", verdict)


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (12_345.0, "12,345"), (0.0123, "0.012"), (4.567, "4.57"), (123.4, "123")]
)
def test_numbers_have_the_digits_that_tell(speed, value, text):
    assert speed.number(value) == text


def test_a_table_replaces_the_one_between_its_markers_and_nothing_else(guide):
    page = "Before\n\n.. begin: one\n\nold\n\n.. end: one\n\nAfter\n"
    table = guide.list_table(("Name", "Seconds"), [("mine", "1"), ("none", "")])

    filled = guide.filled(page, {"one": table})

    assert filled.startswith("Before\n\n.. begin: one\n\n.. list-table::\n")
    assert "   * - mine\n     - 1\n   * - none\n     -\n" in filled
    assert filled.endswith("\n.. end: one\n\nAfter\n")
    assert guide.filled(filled, {"one": table}) == filled
