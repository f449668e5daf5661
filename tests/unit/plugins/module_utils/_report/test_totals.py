# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.timeline import Timeline, drawing_of
from ansible_collections.evercert.entra.plugins.module_utils._report.totals import KEPT, words_met
from ansible_collections.evercert.entra.plugins.module_utils._report.words import WORDS, plain, severity_of, title_of
from ansible_collections.evercert.entra.tests.unit.reports import NOW, OTHER_TENANT, a_report, a_row


def test_everything_is_counted_by_tenant_and_in_sum():
    _rows, totals = a_report(a_row("a", 90), a_row("b", 5), a_row("c", -1), a_row("d", None, tenant=OTHER_TENANT))

    assert totals.summary() == {"total": 4, "healthy": 1, "near_expiry": 1, "expired": 1, "missing": 1}
    assert totals.tenants[OTHER_TENANT].statuses == {"missing": 1}
    assert (totals.urgent, totals.failures, totals.skipped) == (2, 2, 1)
    assert dict(totals.reasons) == {"near_expiry": 1, "expired": 1, "missing": 1}


def test_what_ends_within_days_is_counted_cumulatively_and_not_what_has_ended():
    tally = next(iter(a_report(a_row("a", 6), a_row("b", 20), a_row("c", -1))[1].tenants.values()))

    assert dict(tally.ends_within) == {7: 1, 14: 1, 30: 2, 60: 2, 90: 2}
    assert tally.next_expiry == NOW + dt.timedelta(days=6)


def test_the_most_urgent_are_kept_however_many_there_are():
    rows = [a_row(f"{days}", days) for days in range(KEPT + 50, 0, -1)]
    totals = a_report(*({**row, "severity": "warning"} for row in rows))[1]

    kept = [row["days_left"] for row in totals.most_urgent]
    assert kept == list(range(1, KEPT + 1))
    assert totals.urgent == KEPT + 50


@pytest.mark.parametrize(
    "settings, row, met",
    [
        ({"fail_on": ("expired",)}, a_row(days=-1), {"expired"}),
        ({"fail_on": ("expired",)}, a_row(days=5), set()),
        ({"fail_on": ("wrong_object",)}, a_row(findings=["wrong_object"]), {"wrong_object"}),
        ({"fail_on": ("error", "warning")}, a_row(days=5), {"warning"}),
        ({"fail_within": 5}, a_row(days=5), {"fail_within"}),
        ({"fail_within": 4.99}, a_row(days=5), set()),
        ({"fail_within": 0}, a_row(days=0), {"fail_within"}),
        ({"fail_within": 5}, a_row(days=None), set()),
    ],
)
def test_an_application_meets_words_and_the_threshold(settings, row, met):
    assert words_met(row, a_report(**settings)[1].settings) == met


def test_every_month_has_its_bar():
    timeline = Timeline(NOW)
    for moment in (
        "2026-11-22T10:00:00Z",
        "2026-11-30T00:00:00Z",
        "2027-10-01T00:00:00Z",
        "2027-11-01T00:00:00Z",
        None,
    ):
        timeline.add(moment)

    bars = timeline.bars()
    assert (timeline.ended, timeline.later) == (1, 1)
    assert [label for label, _kind, _count in bars[:3]] == ["ended", "Nov 2026", "Dec 2026"]
    assert [count for _label, _kind, count in bars] == [1, 1, *[0] * 10, 1, 1]


def test_the_drawing_tells_its_figures_and_has_no_style():
    timeline = Timeline(NOW)
    timeline.add("2026-12-01T00:00:00Z")

    drawing = drawing_of(timeline)
    assert "Dec 2026: 1" in drawing
    assert "style=" not in drawing
    assert "nothing ends" in drawing_of(Timeline(NOW))


def test_foreign_text_is_shown_on_one_line_and_its_tricks_by_number():
    assert plain("a\nb\u202ec\x00\ud800") == "a<U+000A>b<U+202E>c<U+0000><U+D800>"
    assert plain("\u00e4\u4e2d\U0001f600") == "\u00e4\u4e2d\U0001f600"
    assert len(plain("x" * 300, 200)) == 200


def test_an_application_without_a_name_is_called_by_an_id():
    assert title_of({"display_name": None, "app_id": "a-1", "object_id": None}) == "a-1"
    assert title_of({"display_name": None, "app_id": None, "object_id": None}) == "(without a name)"


def test_a_word_that_nobody_knows_yet_is_a_warning():
    assert severity_of("brand_new") == "warning"
    assert {severity_of(word) for word in WORDS} == {"error", "warning", "note", "none"}
