# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other tools that list applications, in environments of their own and redirected to the emulator.

azure-cli takes the emulator as a cloud of its own and signs in beforehand. azure.azcollection cannot be told where
Graph is, so a sitecustomize (redirect/) leads its connections there.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit

from contestants import Contestant, playbook
from world import PLACE, ROOT, run

sys.path.insert(0, str(ROOT / "tools"))

import environment

AZ, AZCOLLECTION = "peer-az", "peer-azcollection"
REDIRECT = Path(__file__).with_name("redirect")
OWN = ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH")  # a peer finds its own things, not this checkout


def peers(skipped):
    """Those that can be installed; a sentence for each other one is appended to `skipped`."""
    wanted = {AZ: ("az ad app list --all", az), AZCOLLECTION: ("playbook: azure_rm_adapplication_info", azcollection)}
    for name, (words, prepare) in wanted.items():
        try:
            programs = environment.programs(name)
        except environment.NotAvailable as problem:
            skipped.append(f"{words} is left out: {problem}")
        else:
            yield Contestant(words, partial(prepare, programs), is_peer=True)


def versions():
    """What is compared with, as far as it is installed."""
    az, azcollection = (_libraries(name) for name in (AZ, AZCOLLECTION))
    found = {}
    if az:
        found["azure-cli"] = _version(az, "azure-cli")
    if azcollection:
        manifest = azcollection / "ansible_collections/azure/azcollection/MANIFEST.json"
        found["azure.azcollection"] = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
        found["its ansible-core"] = _version(azcollection, "ansible-core")
    return found


def _libraries(name):
    """Nothing where it is not installed."""
    place = environment.directory(name)
    return next(place.glob("lib/python*/site-packages"), None) if (place / "ready").exists() else None


def _version(libraries, name):
    return next(iter(distributions(name=name, path=[str(libraries)]))).version


def _variables(world, **more):
    trust = world.endpoint["ENTRA_CA_PATH"]
    kept = {name: value for name, value in world.variables.items() if name not in OWN}
    return kept | {"REQUESTS_CA_BUNDLE": trust, "SSL_CERT_FILE": trust, **more}


def az(programs, world):
    folder, program = PLACE / "az", programs / "az"
    shutil.rmtree(folder, ignore_errors=True)
    settings = {"COLLECT_TELEMETRY": "no", "INSTANCE_DISCOVERY": "false", "ONLY_SHOW_ERRORS": "yes"}
    variables = _variables(world, AZURE_CONFIG_DIR=str(folder))
    variables |= {f"AZURE_CORE_{name}": value for name, value in settings.items()}
    endpoints = ("resource-manager", "active-directory", "active-directory-resource-id")
    endpoints += ("active-directory-graph-resource-id", "microsoft-graph-resource-id")
    here = world.endpoint["ENTRA_GRAPH_URL"]
    cloud = [word for name in endpoints for word in (f"--endpoint-{name}", here)]
    who = {"--username": "AZURE_CLIENT_ID", "--password": "AZURE_CLIENT_SECRET", "--tenant": "AZURE_TENANT_ID"}
    sign_in = [word for option, name in who.items() for word in (option, world.endpoint[name])]
    run([program, "cloud", "register", "--name", "emulated", "--skip-endpoint-discovery", *cloud], variables)
    run([program, "cloud", "set", "--name", "emulated"], variables)
    run([program, "login", "--service-principal", "--skip-subscription-discovery", *sign_in], variables)
    return [program, "ad", "app", "list", "--all", "--output", "json"], variables


def azcollection(programs, world):
    variables = _variables(
        world,
        PYTHONPATH=str(REDIRECT),
        EMULATED_GRAPH_PORT=str(urlsplit(world.endpoint["ENTRA_GRAPH_URL"]).port),
        AZURE_ADFS_AUTHORITY_URL=world.endpoint["AZURE_AUTHORITY_HOST"],
        AZURE_DISABLE_INSTANCE_DISCOVERY="true",
        AZURE_SECRET=world.endpoint["AZURE_CLIENT_SECRET"],
        AZURE_TENANT=world.endpoint["AZURE_TENANT_ID"],
    )
    variables["no_proxy"] = variables["NO_PROXY"] = f"{variables.get('NO_PROXY', 'localhost')},graph.microsoft.com"
    # Nothing fails when the list is short, or not there at all. Who signs in is one more than are generated.
    listed = {"register": "listed", "failed_when": f"listed.applications | length <= {world.generated}"}
    path = playbook("azcollection", {"azure.azcollection.azure_rm_adapplication_info": {}, **listed})
    return [programs / "ansible-playbook", path], variables
