# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import os
import time

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.times import (
    UTC,
    format_days,
    format_iso,
    parse_http_date,
    parse_iso,
    parse_iso_or_none,
    whole_seconds,
)
from hypothesis import example, given
from hypothesis import strategies as st

TEN = dt.datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
MOMENTS = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=OFFSETS)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22t10:00:00z",
        "2026-11-22 10:00:00Z",
        "2026-11-22T10:00:00",
        "2026-11-22T11:00:00+01:00",
        "2026-11-22T04:30:00-0530",
        "2026-11-22T10:00:00.0000000Z",
        " 2026-11-22T10:00:00Z\n",
    ],
)
def test_an_iso_time_is_read_as_utc(text):
    assert parse_iso(text) == parse_iso_or_none(text) == TEN
    assert parse_iso(text).tzinfo is UTC


def test_fractions_of_seven_digits_are_cut_to_microseconds():
    assert parse_iso("2023-12-11T23:52:19.6223401Z").microsecond == 622340


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-11-22",
        "2026-13-22T10:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T10:00:00+25:00",
        "2026-11-22T10:00:00Zulu",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
    ],
)
def test_anything_else_is_refused_with_an_example_of_what_is_accepted(text):
    with pytest.raises(ValueError, match="2026-11-22T10:00:00Z"):
        parse_iso(text)


@given(st.one_of(st.none(), st.integers(), st.text(), st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")))
@example("0001-01-01T00:00:00+05:00")
def test_an_unreadable_time_of_a_foreign_entry_is_none_and_never_an_error(value):
    found = parse_iso_or_none(value)

    assert found is None or found.tzinfo is UTC


@given(MOMENTS)
@example(dt.datetime(1, 1, 1, tzinfo=UTC))
@example(TEN.replace(microsecond=999999))
def test_a_time_written_and_read_again_is_the_same_to_the_second(moment):
    assert parse_iso(format_iso(moment)) == whole_seconds(moment)
    assert whole_seconds(moment).microsecond == 0
    assert dt.timedelta() <= moment - whole_seconds(moment) < dt.timedelta(seconds=1)


def test_no_time_is_written_as_none():
    assert format_iso(None) is None


def test_the_date_of_an_answer_is_read():
    assert parse_http_date("Sun, 22 Nov 2026 10:00:00 GMT") == TEN


def test_the_date_of_an_answer_is_told_in_utc_whatever_its_zone():
    assert parse_http_date("Sun, 22 Nov 2026 11:00:00 +0100") == TEN


@pytest.mark.parametrize("text", ["Sun, 22 Nov 2026 10:00:00 -0000", "Sun, 22 Nov 2026 10:00:00"])
def test_a_date_without_a_zone_is_utc_wherever_this_host_is(text, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert parse_http_date(text) == TEN
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.one_of(st.none(), st.text()))
@example("Sun, 99 Nov 2026 10:00:00 GMT")
@example("Fri, 31 Dec 9999 23:59:59 -2300")
@example("")
def test_an_unreadable_date_header_is_none_and_never_an_error(text):
    found = parse_http_date(text)

    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("days, text", [(30, "30"), (0.5, "0.5"), (1 / 24, "0.0416667"), (0, "0")])
def test_a_span_is_written_in_days_without_needless_digits(days, text):
    assert format_days(dt.timedelta(days=days)) == text


@pytest.mark.parametrize(
    "text", ["Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 9000 00:00:00 GMT", "Wed, 31 Dec 1969 23:59:59 GMT"]
)
def test_a_date_from_which_one_cannot_count_is_no_clock(text):
    assert parse_http_date(text) is None


@pytest.mark.parametrize("text", ["Thu, 01 Jan 1970 00:00:00 GMT", "Tue, 31 Dec 8999 23:59:59 GMT"])
def test_a_date_from_which_one_can_count_is_a_clock(text):
    assert parse_http_date(text) is not None
