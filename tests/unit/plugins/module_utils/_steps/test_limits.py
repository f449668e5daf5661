# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as policies write them."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._steps.limits import parse_duration


def test_a_duration_may_have_days_and_a_time():
    assert parse_duration("P4DT12H30M5S") == dt.timedelta(days=4, hours=12, minutes=30, seconds=5)


@pytest.mark.parametrize("text", ["", "P", "PT", "180", "P99999999999D", "P" + "9" * 5000 + "D", "P1D\n"])
def test_anything_else_is_no_limit(text):
    assert parse_duration(text) is None
