# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as policies write them."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.limits import parse_duration


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
