# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as Ansible runs them: options in, one JSON result out, against the emulator over HTTPS."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

TESTS = str(Path(__file__).resolve().parents[3])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    tenant = Tenant()
    tenant.switches.set(young_key_refused=0)  # time is real here
    with HttpsServer(Emulator(tenant), tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def tenant(server):
    """The tenant with an administrator; each test makes the applications that it needs."""
    tenant = server.emulator.tenant
    yield tenant
    tenant.faults.clear()


@pytest.fixture(scope="session")
def administrator(server):
    roles = ["Application.ReadWrite.All", "Organization.Read.All"]
    return server.emulator.tenant.add_application("administrator", secret="s3cret", roles=roles)


@pytest.fixture
def old(tenant):
    """A key pair whose certificate ends in 20 days."""
    return tenant.issue("payroll", starts=-160, ends=20)


@pytest.fixture
def payroll(tenant, old):
    return tenant.add_application("payroll", [old])


@pytest.fixture
def call(capsys):
    """Run a module's main with exactly these options; its result."""

    def make(module, check=False, **options):
        with patch_module_args({**options, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return make


@pytest.fixture
def run_module(call, server, administrator):
    """Run a module as the administrator, quickly."""

    def make(module, check=False, **options):
        connection = {
            "tenant_id": server.emulator.tenant.id,
            "auth_source": "client_secret",
            "client_id": administrator.app_id,
            "client_secret": "s3cret",
            "authority_host": server.url,
            "graph_url": server.url,
            "ca_path": str(server.ca_path),
        }
        return call(module, check, **{**connection, **options})

    return make


@pytest.fixture
def key_store(tmp_path):
    return str(tmp_path / "store")


@pytest.fixture
def pem_of(tmp_path):
    """The key pair as a PEM file that only its owner reads."""

    def make(pair):
        path = tmp_path / f"{pair.thumbprint}.pem"
        path.write_bytes(_private(pair) + _public(pair))
        path.chmod(0o600)
        return str(path)

    return make


@pytest.fixture
def public_of():
    return lambda pair: _public(pair).decode()


def _private(pair):
    from cryptography.hazmat.primitives import serialization

    return pair.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(pair):
    lines = [pair.base64[start : start + 64] for start in range(0, len(pair.base64), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()
