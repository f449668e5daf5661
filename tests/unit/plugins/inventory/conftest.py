# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tenants over HTTPS, and inventory files that Ansible itself reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.utils.display import Display
from ansible_collections.evercert.entra.plugins import doc_fragments as plugins_of_fragments
from ansible_collections.evercert.entra.plugins import inventory as plugins_of_inventory

TESTS = str(Path(__file__).resolve().parents[3])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant

CONTOSO = "c0ffee00-0000-4000-8000-000000000001"
FABRIKAM = "c0ffee00-0000-4000-8000-000000000002"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Contoso has an application in every state, Fabrikam one. A reader lists both; the secrets differ."""
    contoso, fabrikam = Tenant(CONTOSO), Tenant(FABRIKAM, domain="fabrikam.onmicrosoft.com", seed=1)
    for tenant in (contoso, fabrikam):
        tenant.add_application("reader", secret=f"secret-of-{tenant.domain}", roles=["Application.Read.All"])
    for name, ends in (("payroll", 150), ("mailer", 20), ("legacy", -5)):
        contoso.add_application(name, [contoso.issue(name, -90, ends)])
    contoso.add_application("empty")
    fabrikam.add_application("payroll", [fabrikam.issue("payroll", -10, 90)])
    with HttpsServer(Emulator(contoso, fabrikam), tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def contoso(server):
    yield server.emulator.tenants[CONTOSO]
    server.emulator.tenants[CONTOSO].faults.clear()


@pytest.fixture
def fabrikam(server):
    yield server.emulator.tenants[FABRIKAM]
    server.emulator.tenants[FABRIKAM].faults.clear()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Nothing of the machine that runs the tests; what fails does so, and is not passed over."""
    for name in ("TENANT_ID", "TENANT", "CLIENT_ID", "CLIENT_SECRET", "SECRET", "CLIENT_CERTIFICATE_PATH"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)
    monkeypatch.delenv("ENTRA_ACCESS_TOKEN", raising=False)


@pytest.fixture(autouse=True)
def findable(monkeypatch):
    """Ansible looks for a plugin beside `__file__` of its package, which a plain Python package has only by a file."""
    for package in (plugins_of_inventory, plugins_of_fragments):
        monkeypatch.setattr(package, "__file__", str(Path(package.__path__[0]) / "none.py"))


@pytest.fixture
def said(monkeypatch):
    """What a person is warned of or told, in one list."""
    heard = []
    monkeypatch.setattr(Display, "warning", lambda self, message, **options: heard.append(message))
    monkeypatch.setattr(
        Display, "error_as_warning", lambda self, msg, exception, **options: heard.append(str(exception))
    )
    return heard


class Fleet:
    """An inventory file, and what Ansible makes of it."""

    def __init__(self, path, server, contoso, fabrikam):
        self.path, self.server = path, server
        identity = {"client_id": contoso.application("reader").app_id, "client_secret": f"secret-of-{contoso.domain}"}
        other = {"client_id": fabrikam.application("reader").app_id, "client_secret": f"secret-of-{fabrikam.domain}"}
        self.contoso = {"tenant_id": contoso.id, "name": "contoso", **identity}
        self.fabrikam = {"tenant_id": fabrikam.id, "name": "fabrikam", **other}
        self.one = {"tenant_id": contoso.id, **identity}
        self.both = {"tenants": [self.contoso, self.fabrikam]}

    def read(self, options=None, **more):
        """Options of the file; without any, both tenants."""
        places = {"authority_host": self.server.url, "graph_url": self.server.url, "ca_path": str(self.server.ca_path)}
        content = {"plugin": "evercert.entra.applications", **places, **(options or self.both), **more}
        self.path.write_text(json.dumps(content))
        return self.read_again()

    def read_again(self, cache=True):
        return InventoryManager(DataLoader(), [str(self.path)], cache=cache)

    @property
    def requests(self):
        return len(self.server.emulator.log.lines)


@pytest.fixture
def fleet(tmp_path, server, contoso, fabrikam, said):
    return Fleet(tmp_path / "test.evercert_entra.yml", server, contoso, fabrikam)
