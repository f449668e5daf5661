# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A world before the first run, and one whose key store holds today's certificate."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Power losses are the key store's own tests; here a file is on the disk as soon as it is written."""
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)


@pytest.fixture
def world(tmp_path):
    """Nothing in the key store yet."""
    return World(tmp_path)


@pytest.fixture
def adopted(world):
    """Today's certificate, which ends in 20 days, is current in the key store."""
    world.adopt()
    world.settle()
    return world
