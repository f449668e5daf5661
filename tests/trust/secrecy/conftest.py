# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant with an application for each way in which a play may go, and a stage on which to play."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair
from emulator import outside
from emulator.server import HttpsServer
from emulator.tenant import Tenant
from secrecy import acts
from secrecy.hunt import Hunt, a_canary
from secrecy.overhearing import Overhearing
from secrecy.stage import Stage

ROLES = ["Application.ReadWrite.All", "Organization.Read.All", "Policy.Read.All"]
TROUBLED = ("forbidden", "broken", "disabled", "waiting", "asynchronous")


@pytest.fixture
def stage():
    """In a folder with a short name: Python keeps sockets in TMPDIR, and their paths have to be short."""
    with tempfile.TemporaryDirectory(prefix="") as folder:
        yield Stage(Path(folder), Hunt())


@pytest.fixture
def canary(stage):
    """A secret text of that name, the same at every call."""
    made = {}

    def canary(name):
        if name not in made:
            made[name] = a_canary()
            stage.hunt.add_text(name, made[name])
        return made[name]

    return canary


@pytest.fixture
def server(tmp_path, stage, canary):
    """An emulator that lies outside of the stage, as the service does."""
    tenant = Tenant()
    tenant.switches.set(young_key_refused=0)  # time is real here
    admin = tenant.add_application("admin", secret=canary("client_secret"), roles=ROLES)
    tenant.platform.request_token = canary("request_token")
    tenant.federate(admin, outside.GITHUB, tenant.platform.subject)
    person = tenant.add_user("person", ["Application Administrator"])
    for _each_act in range(2):
        tenant.device_codes.answer("approved", person)
    emulator = Overhearing(tenant)
    emulator.hunt = stage.hunt
    with HttpsServer(emulator, tmp_path / "emulator") as running:
        yield running


@pytest.fixture
def connection(server):
    """The options that every task shares; `secrets` comes from a file of variables."""
    return {
        "tenant_id": server.emulator.tenant.id,
        "client_id": server.emulator.tenant.application("admin").app_id,
        "client_secret": "{{ secrets.client_secret }}",
        "authority_host": server.url,
        "graph_url": server.url,
        "ca_path": str(server.ca_path),
    }


@dataclass(frozen=True)
class Actor:
    """An application, its key store, and its key pair in an input file: PEM, or with a passphrase PFX."""

    app_id: str
    object_id: str
    key_store: str
    path: str


@pytest.fixture
def cast(server, stage, canary):
    """The applications by name; those that only meet trouble have their key pair in the store already."""
    passphrases = {"payroll": "adopt_passphrase", "on_trial": "client_certificate_passphrase"}
    server.emulator.tenant.vaults.add("vault").allow(server.emulator.tenant.application("admin"))
    made = {}
    for name in ("payroll", "on_trial", "itself", "brought", "vaulted", *TROUBLED):
        pair = server.emulator.tenant.issue(name, -160, 20)
        stage.hunt.add_private_key(f"private key of {name}", pair.private_key)
        application = server.emulator.tenant.add_application(name, [pair], enabled=name != "disabled")
        phrase = canary(passphrases[name]).encode() if name in passphrases else None
        path = stage.keep(f"{name}.key", pair.pfx_with(phrase) if phrase else pair.bundle_pem)
        store = f"{server.url}/certificates/{name}" if name == "vaulted" else str(stage.stores / name)
        made[name] = Actor(application.app_id, application.object_id, store, path)
        if name in TROUBLED:
            adopt(made[name], pair)
    faults, graph = server.emulator.tenant.faults, ["get_application", "list_applications", "patch_application"]
    for name, status in (("forbidden", 403), ("broken", 500)):
        faults.add("error", match=graph, application=made[name].app_id, status=status, times=None)
    for name in ("waiting", "asynchronous"):
        faults.add("not_applied", match=["add_key", "patch_application"], application=name, times=None)
    return made


def adopt(actor, pair):
    """What a run long ago has left."""
    store = DirectoryStore(actor.key_store)
    store.prepare()
    key_pair = load_key_pair(pair.bundle_pem.encode(), None, "key pair")
    store.adopt_current(key_pair, Record(app_id=actor.app_id, object_id=actor.object_id))


@pytest.fixture
def variables(server, stage, canary):
    """What a vault would hold."""
    tenant = server.emulator.tenant
    misplaced, brought, other = (tenant.issue(name, -1, 170) for name in ("misplaced", "to bring", "other"))
    for pair in (misplaced, brought):
        stage.hunt.add_private_key("private key handed in", pair.private_key)
    texts = ("wrong_secret", "wrong_passphrase", "pfx_passphrase", "adopt_passphrase", "client_certificate_passphrase")
    secrets = {name: canary(name) for name in (*texts, "client_secret", "access_token")}
    secrets["misplaced_key"] = misplaced.private_key_pem
    secrets["misplaced_pfx"] = base64.b64encode(misplaced.pfx_with(None)).decode()
    half = "\n".join([*brought.private_key_pem.splitlines()[:-3], "-----END PRIVATE KEY-----"])
    keys = (half, misplaced.private_key_pem, brought.private_key_pem)
    public = {name: stage.keep(f"{name}.pem", key) for name, key in zip(acts.BROUGHT, keys)}
    public |= {"certificate": brought.certificate_pem, "other_certificate": other.certificate_pem}
    return {"secrets": secrets, "public": public}


@pytest.fixture
def places(server):
    """The options that all tenants share."""
    return {"authority_host": server.url, "graph_url": server.url, "ca_path": str(server.ca_path)}


@pytest.fixture
def tenants(server, stage, canary):
    """One that can be read, and the ways in which one cannot."""
    tenant = server.emulator.tenant
    pair = tenant.issue("reader", -1, 20)
    stage.hunt.add_private_key("private key of reader", pair.private_key)
    encrypted = stage.keep("reader.pfx", pair.pfx_with(canary("passphrase").encode()))
    good = {"tenant_id": tenant.id, "client_id": tenant.application("admin").app_id}
    file = {**good, "client_certificate_path": encrypted}
    return {
        "good": {**good, "client_secret": canary("client_secret")},
        "wrong secret": {**good, "client_secret": canary("wrong_secret")},
        "wrong passphrase": {**file, "client_certificate_passphrase": canary("wrong_passphrase")},
        "not registered": {**file, "client_certificate_passphrase": canary("passphrase")},
        "token": {**good, "access_token": canary("access_token").replace('"', "").replace("<", "")},
        "misplaced": {**good, "filter": pair.private_key_pem, "client_secret": canary("client_secret")},
        "no text": {**good, "client_secret": {"of": canary("client_secret")}},
    }
