# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every inventory file in EXAMPLES is read, against tenants that have the names used there."""

from __future__ import annotations

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.evercert.entra.plugins.inventory.applications import EXAMPLES
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant

FILES = EXAMPLES.split("\n---\n")
READER, OF_ADATUM = "00000000-aaaa-4000-8000-00000000a001", "00000000-aaaa-4000-8000-00000000a002"


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The emulator, and the reader's key pair."""
    tenants = [
        Tenant("0d2f4a66-5b1e-4f0a-9c39-b8f7f6f1a001", domain="contoso.onmicrosoft.com"),
        Tenant("0d2f4a66-5b1e-4f0a-9c39-b8f7f6f1a002", domain="fabrikam.onmicrosoft.com", seed=1),
        Tenant("0d2f4a66-5b1e-4f0a-9c39-b8f7f6f1a003", domain="adatum.onmicrosoft.com", seed=2),
    ]
    pair = tenants[0].issue("reader", -1, 200)
    for tenant in tenants:
        app_id = OF_ADATUM if tenant is tenants[2] else READER
        reader = {"secret": "example-secret", "roles": ["Application.Read.All"], "app_id": app_id}
        tenant.add_application("reader", [pair], **reader)
        tenant.add_application("payroll-sync", [tenant.issue("payroll-sync", -100, 10)])
    with HttpsServer(Emulator(*tenants), tmp_path_factory.mktemp("emulator")) as server:
        yield server, pair


@pytest.mark.parametrize(("number", "hosts"), [(0, 2), (1, 6), (2, 1)])
def test_an_example_gives_its_hosts(examples, said, tmp_path, monkeypatch, number, hosts):
    server, pair = examples
    (tmp_path / "reader.pem").write_text(pair.bundle_pem)
    (tmp_path / "reader.pem").chmod(0o600)
    surroundings = {
        "AZURE_CLIENT_ID": READER,
        "AZURE_CLIENT_SECRET": "example-secret",
        "ADATUM_SECRET": "example-secret",
        "AZURE_AUTHORITY_HOST": server.url,
        "ENTRA_GRAPH_URL": server.url,
        "ENTRA_CA_PATH": str(server.ca_path),
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    text = FILES[number].replace("/etc/evercert", str(tmp_path)).replace("~/.cache", str(tmp_path))
    # A plain pytest has not what finds plugins by their full names.
    (tmp_path / "x.evercert_entra.yml").write_text(text.replace("ansible.builtin.", ""))

    inventory = InventoryManager(DataLoader(), [str(tmp_path / "x.evercert_entra.yml")])

    assert len(inventory.hosts) == hosts
    assert all(READER in line for line in said)  # which here is an application of two tenants


def test_there_is_no_example_beside_these():
    assert len(FILES) == 3
