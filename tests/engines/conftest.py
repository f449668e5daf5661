# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant over HTTPS, and key stores for its applications, for the engines that run playbooks for people."""

from __future__ import annotations

import pytest
from engines.fleet import serving


@pytest.fixture
def fleet(tmp_path):
    with serving(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def hunt(fleet):
    """What is secret in the fleet, and the search for it."""
    return fleet.hunt
