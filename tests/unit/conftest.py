# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No unit test fails by being slow: Hypothesis watches no clock, whichever profile is loaded otherwise."""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_finish(session):
    """What is imported stays: the collector need not look at it again for each test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
