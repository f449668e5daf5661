# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as policies write them, and the limit that decides."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.limits import (
    LifetimeLimit,
    parse_duration,
    shortest_limit,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.times import UTC
from ansible_collections.evercert.entra.tests.unit.builders import a_credential, an_application, at

YEAR, QUARTER = LifetimeLimit("year", dt.timedelta(days=365)), LifetimeLimit("quarter", dt.timedelta(days=90))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P90D", 90),
        ("P1Y", 365),
        ("P2Y3M", 2 * 365 + 3 * 30),
        ("P1M2W3D", 30 + 14 + 3),
        ("PT36H", 1.5),
        ("P4DT12H30M5S", 4 + (12 * 3600 + 30 * 60 + 5) / 86400),
    ],
)
def test_durations_that_graph_writes(text, days):
    assert parse_duration(text) == dt.timedelta(days=days)


@pytest.mark.parametrize("text", ["", "P", "PT", "90", "P90", "P1.5D", "-P1D", "P1D\n", f"P{10**17}Y", f"P{'9' * 19}D"])
def test_anything_else_is_no_limit(text):
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("created", "since", "concerned"),
    [
        ("2024-05-01T00:00:00Z", None, True),
        ("2024-05-01T00:00:00Z", dt.datetime(2024, 5, 1, tzinfo=UTC), True),
        ("2024-05-01T00:00:00Z", dt.datetime(2024, 5, 2, tzinfo=UTC), False),
        (None, dt.datetime(2019, 1, 1, tzinfo=UTC), True),
        (None, dt.datetime(2019, 1, 1, 0, 0, 1, tzinfo=UTC), False),
    ],
)
def test_a_limit_may_spare_older_applications_and_those_of_unknown_age(created, since, concerned):
    """Those without a date are older than Graph's habit of telling one: it counts them as made on 2019-01-01."""
    limit = LifetimeLimit("policy", dt.timedelta(days=1), since)

    assert limit.concerns(an_application(created_text=created)) is concerned


def test_of_the_limits_that_concern_an_application_the_shortest_decides():
    spared = LifetimeLimit("day", dt.timedelta(days=1), dt.datetime(2030, 1, 1, tzinfo=UTC))

    assert shortest_limit([YEAR, QUARTER, spared], an_application()) == QUARTER
    assert shortest_limit([QUARTER, YEAR], an_application()) == QUARTER
    assert shortest_limit([spared], an_application()) is None


@pytest.mark.parametrize(
    ("issued", "expires", "exceeded"), [(-30, 60, False), (-30, 61, True), (None, 60, None), (-30, None, None)]
)
def test_a_certificate_may_live_exactly_as_long_as_the_limit(issued, expires, exceeded):
    entry = a_credential(not_before=at(issued), not_after=at(expires))

    assert QUARTER.is_exceeded_by(entry) is exceeded
