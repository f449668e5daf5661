# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant in process, and nothing of the environment that the tests run in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

TESTS = str(Path(__file__).resolve().parents[5])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

FOREIGN = ("AZURE", "ACTIONS_", "SYSTEM_", "IDENTITY_", "IMDS_", "MSI_")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path / "no-azure"))


@pytest.fixture
def world(tmp_path):
    from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

    return World(tmp_path)


@pytest.fixture
def reading(world):
    """A connection that signs in another way and reads payroll."""

    def make(source, **given):
        nobody = {"client_id": None, "client_secret": None, "key_store": None}
        return world.connect(world.options(**{**nobody, "auth_source": source, **given}))

    return make
