# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demonstration plays on: an emulated tenant, key stores, an inventory, and a tool that trusts a 204."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkout

EMULATOR = checkout.ROOT / "tests" / "emulator"
IDENTITIES = ("manager", "reader")  # administrators of the tenant, not applications that somebody keeps alive
PATIENCE = 30  # seconds until the emulator serves


class Failed(Exception):
    """The demonstration does not show what it claims; the message is one sentence."""


@dataclass(frozen=True)
class Application:
    """An application of the tenant, and where its key store is."""

    name: str
    app_id: str
    key_store: Path
    key_pair: Path  # the file in use today, where there is one

    @property
    def current(self) -> str | None:
        """What consumers read: the thumbprint of the store's current certificate."""
        path = self.key_store / "current" / "certificate.pem"
        return thumbprint(path.read_text(encoding="utf-8")) if path.exists() else None

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of that name in the store's history."""
        path = self.key_store / "history.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [event for line in lines if (event := json.loads(line))["event"] == name]


@dataclass(frozen=True)
class Tenant:
    """The emulated tenant: how to reach it, and what only the emulator itself can tell."""

    directory: Path
    endpoint: dict[str, str]

    @property
    def applications(self) -> list[Application]:
        listed = self.control("applications")["applications"]
        return [self._application(one) for one in listed if one["display_name"] not in IDENTITIES]

    def _application(self, one: dict[str, Any]) -> Application:
        name = one["display_name"]
        keys, stores = self.directory / "emulator" / "keys", self.directory / "stores"
        return Application(name, one["app_id"], stores / name, keys / f"{name}.pem")

    def registered(self, application: Application) -> dict[str, str]:
        """Key ID → thumbprint of everything on the application, as the directory truly has it."""
        found: dict[str, str] = self.control(f"oracle/{application.app_id}")["registered"]
        return found

    def signs_in(self, application: Application, certificate: str | None) -> bool:
        """Whether a certificate signs in everywhere, at the slowest of the service's servers too."""
        if not certificate:
            return False
        return bool(self.control(f"oracle/{application.app_id}/{certificate}")["slowest"])

    def control(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.call(f"{self.endpoint['ENTRA_EMULATOR_CONTROL']}/{path}", body=body)[1]

    def call(
        self, url: str, *, method: str | None = None, token: str = "", body: dict[str, Any] | bytes | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One request: status and JSON. Without proxies, as everything here is on this machine."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(url, data=data, method=method)
        if isinstance(body, dict):
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.endpoint["ENTRA_CA_PATH"]))
        opener = urllib.request.build_opener(trust, urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, json.loads(answer.read() or b"{}")


@contextmanager
def emulated(directory: Path) -> Iterator[Tenant]:
    """The tenant of the demo scenario, for as long as the block runs."""
    place = directory / "emulator"
    place.mkdir(parents=True)
    log = place / "emulator.log"
    scenario = EMULATOR / "scenarios" / "demo.yml"
    with log.open("wb") as output:
        emulator = subprocess.Popen(
            [sys.executable, str(EMULATOR), "--scenario", str(scenario), "--directory", str(place)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_ready(emulator, log)
        yield Tenant(directory, json.loads((place / "endpoint.json").read_text(encoding="utf-8")))
    finally:
        emulator.terminate()
        emulator.wait()


def _wait_until_ready(emulator: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while b"\nready\n" not in log.read_bytes():
        if emulator.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"The emulator did not start; see {log.relative_to(checkout.ROOT)}.")
        time.sleep(0.05)


def write_inventory(tenant: Tenant, names: Sequence[str], taken_over: Sequence[str], settings: dict[str, Any]) -> Path:
    """A host for the tenant, and one for each application named; what all have in common is a variable of all."""
    endpoint = tenant.endpoint
    hosts = {
        application.name: {
            "entra_app_id": application.app_id,
            "entra_key_store": str(application.key_store),
        }
        | ({"renew_adopt_path": str(application.key_pair)} if application.name in taken_over else {})
        for application in tenant.applications
        if application.name in names
    }
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "entra_tenant_id": endpoint["AZURE_TENANT_ID"],
        "entra_client_id": endpoint["AZURE_CLIENT_ID"],
        "entra_client_secret": endpoint["AZURE_CLIENT_SECRET"],
        "entra_authority_host": endpoint["AZURE_AUTHORITY_HOST"],
        "entra_graph_url": endpoint["ENTRA_GRAPH_URL"],
        "entra_ca_path": endpoint["ENTRA_CA_PATH"],
        **settings,
    }
    path = tenant.directory / "inventory.yml"
    path.touch(mode=0o600)  # it holds a secret, as inventories of this kind do
    groups = {"tenant": {"hosts": {"contoso": {}}}, "applications": {"hosts": hosts}}
    path.write_text(json.dumps({"all": {"children": groups, "vars": common}}, indent=2), encoding="utf-8")
    return path


def rotate_without_proof(tenant: Tenant, application: Application) -> tuple[int, str]:
    """What many tools do: put a new key pair in place, PATCH its certificate, and believe the status.

    The emulator acknowledges this one write and does not apply it. Returns the status and the thumbprint.
    """
    tenant.control(
        "actions/fault",
        {"kind": "not_applied", "match": "patch_application", "application": application.app_id},
    )
    key_pair = application.key_pair.with_suffix(".2.pem").read_text(encoding="utf-8")
    certificate = pem_block(key_pair, "CERTIFICATE")
    status = _patch(tenant, application, ssl.PEM_cert_to_DER_cert(certificate))
    _put_in_place(application.key_store, key_pair, certificate)
    return status, thumbprint(certificate)


def _patch(tenant: Tenant, application: Application, certificate: bytes) -> int:
    graph = f"{tenant.endpoint['ENTRA_GRAPH_URL']}/v1.0/applications(appId='{application.app_id}')"
    token = _administrator_token(tenant)
    listed = tenant.call(f"{graph}?$select=keyCredentials", token=token)[1]["keyCredentials"]
    entry = {
        "keyId": str(uuid.uuid4()),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "key": base64.b64encode(certificate).decode(),
    }
    return tenant.call(graph, method="PATCH", token=token, body={"keyCredentials": [*listed, entry]})[0]


def _administrator_token(tenant: Tenant) -> str:
    endpoint = tenant.endpoint
    form = {
        "grant_type": "client_credentials",
        "client_id": endpoint["AZURE_CLIENT_ID"],
        "client_secret": endpoint["AZURE_CLIENT_SECRET"],
        "scope": f"{endpoint['ENTRA_GRAPH_URL']}/.default",
    }
    url = f"{endpoint['AZURE_AUTHORITY_HOST']}/{endpoint['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    return str(tenant.call(url, body=urllib.parse.urlencode(form).encode())[1]["access_token"])


def _put_in_place(key_store: Path, key_pair: str, certificate: str) -> None:
    """The new key pair becomes current at once: nobody asked whether it signs in."""
    version = key_store / "versions" / thumbprint(certificate)
    version.mkdir(mode=0o700)
    files = {"key.pem": pem_block(key_pair, "PRIVATE KEY"), "certificate.pem": certificate, "bundle.pem": key_pair}
    for name, content in files.items():
        (version / name).touch(mode=0o600)
        (version / name).write_text(content, encoding="utf-8")
    link = key_store / "current.new"
    link.symlink_to(version.relative_to(key_store))
    link.replace(key_store / "current")


def pem_block(text: str, kind: str) -> str:
    """The first block of a kind, such as CERTIFICATE."""
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    return begin + text.split(begin, 1)[1].split(end, 1)[0] + end + "\n"


def thumbprint(certificate: str) -> str:
    der = ssl.PEM_cert_to_DER_cert(pem_block(certificate, "CERTIFICATE"))
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def fingerprint(directory: Path) -> dict[str, str]:
    """Every file and link below a directory with what it holds: what a check must leave as it was."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
