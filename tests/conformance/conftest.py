# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that nobody here wrote, unmodified, against the emulator over HTTPS; their exchanges keep the contract."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

TESTS = str(Path(__file__).resolve().parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from contract.exchange import of_record
from contract.gate import Contract
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant

ROLES = ("Application.ReadWrite.All", "Organization.Read.All")


@pytest.fixture(autouse=True)
def no_other_authorities(monkeypatch):
    """Many machines name a CA bundle in the environment, and requests prefers it to the one it is given."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An emulator over HTTPS; at the end every exchange has to be within the contract."""
    directory, tenant = tmp_path_factory.mktemp("emulator"), Tenant()
    tenant.switches.set(young_key_refused=0)  # time is real here
    record = directory / "exchanges.jsonl"
    with HttpsServer(Emulator(tenant, record=record), directory) as running:
        yield running
    contract = Contract()
    exchanges = [of_record(json.loads(line)) for line in record.read_text(encoding="utf-8").splitlines()]
    assert [problem for exchange in exchanges for problem in contract.problems(exchange)] == []
    assert contract.validated


@pytest.fixture
def tenant(server):
    return server.emulator.tenant


@pytest.fixture
def key_pair(tenant):
    return tenant.issue("manager", -1, 100)


@pytest.fixture
def manager(tenant, key_pair):
    """An application that may write all others, with a secret and a certificate."""
    return tenant.add_application("manager", [key_pair], secret="s3cret", roles=ROLES)


@pytest.fixture
def scope(server):
    return f"{server.url}/.default"
