# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant with a frozen clock, served in process; every answer is held against Microsoft's contract."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

TESTS = str(Path(__file__).resolve().parents[2])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from adapter.client import Client
from contract.gate import Contract
from emulator.app import Emulator
from emulator.clock import Clock
from emulator.tenant import Tenant

START = datetime(2026, 11, 22, 10, 0, 0, tzinfo=timezone.utc)
EVERYTHING = (
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Policy.Read.All",
)


@pytest.fixture
def tenant():
    return Tenant("11111111-2222-4333-8444-555555555555", clock=Clock(frozen_at=START))


@pytest.fixture
def emulator(tenant):
    return Emulator(tenant)


@pytest.fixture
def client(emulator):
    return Client(emulator, [Contract(requests=False).observe])


@pytest.fixture
def manager(tenant, client):
    """Graph as an identity that may do everything."""
    return client.graph(tenant.add_application("manager", secret="s3cret", roles=EVERYTHING), secret="s3cret")


@pytest.fixture
def key_pair(tenant):
    """The key pair that payroll uses today."""
    return tenant.issue("payroll", -100, 80)


@pytest.fixture
def successor(tenant):
    return tenant.issue("payroll", 0, 180)


@pytest.fixture
def payroll(tenant, key_pair):
    """An application with one certificate and no permission at all."""
    return tenant.add_application("payroll", [key_pair])
