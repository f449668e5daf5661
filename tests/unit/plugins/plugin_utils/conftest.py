# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant in process, for actions that sign in on the controller."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = str(Path(__file__).resolve().parents[3])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)


@pytest.fixture
def world(tmp_path):
    from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

    return World(tmp_path)
