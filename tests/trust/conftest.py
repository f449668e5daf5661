# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What attacks on real processes share: an emulator over HTTPS, and the parent that forks modules."""

from __future__ import annotations

import pytest
import scale
import sometimes
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant
from processes import Processes

sometimes.watch()


def pytest_terminal_summary(terminalreporter):
    if scale.STRENGTH == "test":
        terminalreporter.write_line(f"NOTE: with sample {scale.SAMPLE}; EVERCERT_SAMPLE={scale.SAMPLE} repeats it")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tenant = Tenant()
    tenant.switches.set(young_key_refused=0)  # time is real here
    tenant.add_application("admin", secret="s3cret", roles=["Application.ReadWrite.All"])
    with HttpsServer(Emulator(tenant), tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def processes():
    with Processes() as running:
        yield running


@pytest.fixture
def quick_disk(monkeypatch):
    """A file is on the disk as soon as it is written; test_power.py has what a power loss takes."""
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)
