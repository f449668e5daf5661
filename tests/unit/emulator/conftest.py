# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant with a frozen clock, served in process."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

TESTS = str(Path(__file__).resolve().parents[2])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from emulator.app import Emulator
from emulator.clock import Clock
from emulator.tenant import Tenant

START = datetime(2026, 11, 22, 10, 0, 0, tzinfo=timezone.utc)


@pytest.fixture
def tenant():
    return Tenant("11111111-2222-4333-8444-555555555555", clock=Clock(frozen_at=START))


@pytest.fixture
def emulator(tenant):
    return Emulator(tenant)


@pytest.fixture
def client(emulator):
    from adapter.client import Client

    return Client(emulator)


@pytest.fixture
def manager(tenant, client):
    """Graph as an identity that may do everything."""
    application = tenant.add_application(
        "manager",
        secret="s3cret",
        roles=[
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "Organization.Read.All",
            "Policy.Read.All",
        ],
    )
    return client.graph(application, secret="s3cret")
