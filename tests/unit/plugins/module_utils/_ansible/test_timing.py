# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import time

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.timing import PlainTiming, SlicedTiming
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import StillWaiting


def test_the_wall_clock_is_in_utc():
    assert abs(PlainTiming().wall() - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(seconds=5)


@pytest.mark.parametrize("make", [PlainTiming, lambda: SlicedTiming(60)])
def test_a_short_wait_is_made_in_place(make):
    timing, started = make(), time.monotonic()

    timing.wait(0.02, "a moment")
    timing.wait(-5, "the past")

    assert time.monotonic() - started >= 0.02


def test_a_wait_that_does_not_fit_into_the_slice_is_handed_over():
    with pytest.raises(StillWaiting) as pause:
        SlicedTiming(4).wait(30, "the directory to show it")
    assert (pause.value.seconds, pause.value.what) == (30, "the directory to show it")


def test_many_short_waits_end_with_the_slice():
    timing = SlicedTiming(0.05)
    timing.wait(0.03, "a part")

    with pytest.raises(StillWaiting):
        timing.wait(0.03, "the rest")
