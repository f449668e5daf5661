# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time: real by default, frozen and advanced by hand."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from emulator.clock import Clock, parse_time

START = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


def test_it_follows_real_time_by_default():
    assert abs(Clock().now().timestamp() - time.time()) < 2


def test_a_frozen_clock_moves_only_by_hand():
    clock = Clock(frozen_at=START)
    clock.advance(90)

    assert clock.now() == START + timedelta(seconds=90)


def test_a_running_clock_can_be_frozen():
    clock = Clock()
    clock.advance(3600)
    clock.freeze(START)

    assert clock.now() == START


def test_skew_changes_what_the_service_believes_and_no_timer():
    clock = Clock(frozen_at=START)
    done = []
    clock.later(10, lambda: done.append("done"))
    clock.skew = 3600
    clock.run_due()
    early = list(done)
    clock.advance(10)
    clock.run_due()

    assert clock.now() == START + timedelta(seconds=3610)
    assert (early, done) == ([], ["done"])


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-22T10:00:00+00:00", True),
        ("2026-11-22T11:00:00+01:00", True),
        ("2026-11-22T10:00:00.000Z", True),
        ("2026-11-22T10:00:00.0000001Z", False),
        ("2026-11-22T10:00:01Z", False),
    ],
)
def test_times_compare_as_instants_to_the_seventh_digit(text, same):
    assert (parse_time(text) == parse_time("2026-11-22T10:00:00Z")) is same
