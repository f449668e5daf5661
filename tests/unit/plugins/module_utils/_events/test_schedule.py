# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pauses between polls, and when an outage is told."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._events.schedule import (
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    Outage,
    Schedule,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._events.conftest import START


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 3600.0), (0.5, 3750.0), (1.0, 3900.0)])
def test_a_twelfth_of_the_interval_is_chance(chance, pause):
    assert Schedule(interval=3600).after_success(chance) == pause
    assert Schedule(interval=60).after_success(1.0) == 65 and Schedule(interval=86400).after_success(1.0) == 86700


def test_the_pause_doubles_with_each_failure_up_to_the_cap():
    schedule = Schedule()

    assert [schedule.after_failure(number, None, 1.0) for number in (1, 2, 3, 7)] == [30, 60, 120, 1920]
    assert schedule.after_failure(8, None, 1.0) == schedule.after_failure(10**6, None, 1.0) == LONGEST_PAUSE


def test_half_of_a_pause_after_a_failure_is_chance():
    assert Schedule().after_failure(1, None, 0.0) == 15


def test_a_short_interval_is_not_stretched_by_the_first_failure():
    assert Schedule(interval=5).after_failure(1, None, 1.0) == 5


@pytest.mark.parametrize(("asked", "pause"), [(500.0, 500.0), (1.0, 30.0), (1e300, LONGEST_RETRY_AFTER)])
def test_the_service_may_ask_for_a_longer_pause(asked, pause):
    assert Schedule().after_failure(1, asked, 1.0) == pause


def test_an_outage_is_told_after_enough_failures_and_again_after_a_while():
    outage, schedule = Outage(), Schedule(repeat_after=100)

    for _time in range(2):
        outage.fail(START)
        assert not outage.must_be_told(schedule, 0)
    outage.fail(START)
    assert outage.must_be_told(schedule, 1)
    outage.told_at = 1
    assert not outage.must_be_told(schedule, 100)
    assert outage.must_be_told(schedule, 101)


def test_without_a_repetition_an_outage_is_told_once():
    outage = Outage(failures=99, since=START, told_at=0.0)

    assert not outage.must_be_told(Schedule(repeat_after=0), 10**9)
