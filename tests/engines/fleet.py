# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications as hosts, and the truth about what was done to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any

from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair
from cryptography.hazmat.primitives import serialization
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant
from secrecy.hunt import Hunt, a_canary

# An application is no machine: what is done for it is done where the job runs.
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
HASTE = {"renew_sign_in_interval": 0, "renew_initial_pause": 0, "renew_sign_ins": 1}


@dataclass
class Fleet:
    """Some applications of an emulated tenant, each with a key store."""

    tenant: Any
    server: Any
    stores: Path
    hunt: Hunt = field(default_factory=Hunt)
    hosts: dict = field(default_factory=dict)
    secret: str = field(default_factory=a_canary)

    def add(self, name, ends=10.0, groups=("applications",), **how):
        """An application whose certificate ends in so many days: a host of that name."""
        pair = self.tenant.issue(name, -160.0, ends)
        self.hunt.add_private_key(f"private key of {name}", pair.private_key)
        application = self.tenant.add_application(name, [pair], **how)
        _adopt(self.stores / name, pair, application)
        self.hosts[name] = {
            "entra_app_id": application.app_id,
            "entra_key_store": str(self.stores / name),
            "groups": list(groups),
        }
        return application

    def variables(self, **more):
        """Where the tenant is: no secret among it."""
        return {
            "entra_tenant_id": self.tenant.id,
            "entra_client_id": self.tenant.application("admin").app_id,
            "entra_authority_host": self.server.url,
            "entra_graph_url": self.server.url,
            "entra_ca_path": str(self.server.ca_path),
            **LOCAL,
            **HASTE,
            **more,
        }

    def registered(self, name):
        """Thumbprints of what is truly registered."""
        return set(self.tenant.oracle.registered(self.hosts[name]["entra_app_id"]).values())

    def versions(self, name):
        """Thumbprints of the key pairs that were ever made or adopted in the key store and are still there."""
        return {path.name for path in (Path(self.hosts[name]["entra_key_store"]) / "versions").iterdir()}

    def current(self, name):
        return (Path(self.hosts[name]["entra_key_store"]) / "current").resolve().name

    def writes(self):
        """How often each application was written to in Entra: by the name of its first host, and operation."""
        names = {variables["entra_app_id"]: name for name, variables in sorted(self.hosts.items(), reverse=True)}
        return Counter(
            (names.get(line["app_id"]), line["operation"])
            for line in self.server.emulator.log.lines
            if line["operation"] in ("add_key", "remove_key", "patch_application")
        )

    def learn_keys(self):
        """The private keys that were made meanwhile are searched for as well."""
        for path in self.stores.rglob("versions/*/key.pem"):
            key = serialization.load_pem_private_key(path.read_bytes(), None)
            self.hunt.add_private_key("private key in a store", key)


@contextmanager
def serving(directory):
    """A fleet without applications yet, in a tenant whose administrator's secret is searched for afterwards."""
    tenant = Tenant()
    tenant.switches.set(young_key_refused=0)  # time is real here
    with HttpsServer(Emulator(tenant), directory / "emulator") as server:
        fleet = Fleet(tenant, server, directory / "stores")
        fleet.hunt.add_text("client_secret", fleet.secret)
        tenant.add_application("admin", secret=fleet.secret, roles=["Application.ReadWrite.All"])
        yield fleet


def _adopt(path, pair, application):
    """What a run long ago has left: a key store with the key pair in use today."""
    store = DirectoryStore(str(path))
    store.prepare()
    key_pair = load_key_pair(pair.bundle_pem.encode(), None, "key pair")
    store.adopt_current(key_pair, Record(app_id=application.app_id, object_id=application.object_id))


def static_inventory(fleet, **more):
    """The fleet as an inventory of Ansible's own format."""
    hosts = {
        name: {key: value for key, value in given.items() if key != "groups"} for name, given in fleet.hosts.items()
    }
    return {"all": {"vars": fleet.variables(**more), "children": {"applications": {"hosts": hosts}}}}


def program(name):
    """A command of this environment."""
    return str(Path(sys.executable).parent / name)


def as_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
    return path


def run(*words, cwd=None, **variables):
    """A command to its end, with what it says."""
    command, environment = list(map(str, words)), os.environ | variables
    return subprocess.run(
        command, cwd=cwd, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, check=False
    )
