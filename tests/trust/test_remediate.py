# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook remediate for real: it stops at the first unproven application, and goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import types
from contextlib import suppress
from pathlib import Path

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import tree
from real import Place

pytestmark = scale.in_check  # plays of many hosts; a play of `make test` remediates one
QUICK = {
    "renew_sign_ins": 1,
    "renew_sign_in_interval": 0,
    "renew_initial_pause": 0,
    "renew_sign_in_budget": 0,
    "renew_timeout_propagation": 2,
}
PROGRAM = Path(sys.executable).parent / "ansible-playbook"
MARK = "EVERCERT_PLAY"
DUE = scale.either(5, soak=10)
# A connection that is lost as soon as there is a file of this name.
LOST = """
import os
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local
DOCUMENTATION = '''
name: losable
short_description: Local until it is lost
description: Local until it is lost.
author: tests
extends_documentation_fragment: [connection_pipelining]
'''
class Connection(Local):
    transport = "losable"
    def exec_command(self, *given, **named):
        if os.path.exists("lost"):
            raise AnsibleConnectionFailure("The line is dead.")
        return super().exec_command(*given, **named)
"""
WRITES = {"add_key", "patch_application", "remove_key"}


class Fleet:
    """Applications with their key stores, one host each; `healthy` of them end late, the others are due."""

    def __init__(self, server, folder, due, healthy=0):
        self.server, self.folder = server, folder
        self.report = folder / "report"
        self.places = {f"app{n:02}": self._place(f"app{n:02}", 20 if n < due else 150) for n in range(due + healthy)}
        self._write_inventory()

    def _place(self, name, ends):
        tenant = self.server.emulator.tenant
        old = tenant.issue(name, -20, ends)
        place = Place(self.server, tenant.add_application(f"{self.folder.name} {name}", [old]), old, self.folder / name)
        store = place.store
        store.prepare()
        [key_id] = place.credentials
        record = Record(app_id=place.payroll.app_id, object_id=place.payroll.object_id, key_id=key_id)
        store.adopt_current(load_key_pair(old.bundle_pem.encode(), None, "key pair"), record)
        return place

    def _write_inventory(self):
        tenant = self.server.emulator.tenant
        shared = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "entra_tenant_id": tenant.id,
            "entra_client_id": tenant.application("admin").app_id,
            "entra_client_secret": "s3cret",
            "entra_authority_host": self.server.url,
            "entra_graph_url": self.server.url,
            "entra_ca_path": str(self.server.ca_path),
            **QUICK,
        }
        hosts = {
            name: {"entra_app_id": place.payroll.app_id, "entra_key_store": str(place.key_store)}
            for name, place in self.places.items()
        }
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"vars": shared, "hosts": hosts}}))

    def amend(self, hosts=None, **variables):
        """More hosts and variables in the inventory; a host that is None goes."""
        path = self.folder / "inventory.json"
        inventory = json.loads(path.read_text())["all"]
        merged = {**inventory["hosts"], **(hosts or {})}
        known = {name: one for name, one in merged.items() if one is not None}
        path.write_text(json.dumps({"all": {"vars": {**inventory["vars"], **variables}, "hosts": known}}))

    def start(self, *options, **variables):
        settings = {"remediate_report_directory": str(self.report), **variables}
        command = [PROGRAM, "evercert.entra.remediate", "-i", "inventory.json", "-e", json.dumps(settings), *options]
        surroundings = {**os.environ, MARK: str(self.folder)}
        with (self.folder / "said").open("w") as said:
            return subprocess.Popen(
                command, cwd=self.folder, env=surroundings, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def play(self, *options, **variables):
        code = self.start(*options, **variables).wait()
        return types.SimpleNamespace(code=code, said=(self.folder / "said").read_text())

    def kill(self):
        """Every process of the play: Ansible's workers have sessions of their own."""
        mark = f"{MARK}={self.folder}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)

    def last_report(self):
        told = json.loads((self.report / "remediation.json").read_text())
        return told, {row["host"]: row for row in told["hosts"]}

    def written(self, since=0):
        """The hosts about whose applications a write was sent."""
        names = {place.payroll.app_id: name for name, place in self.places.items()}
        names |= {place.payroll.object_id: name for name, place in self.places.items()}
        lines = self.server.emulator.log.lines[since:]
        return {names.get(line["app_id"]) for line in lines if line["operation"] in WRITES} - {None}

    def is_renewed(self, name):
        """The old certificate and exactly one new one, which signs in and is current; nothing half-made."""
        place = self.places[name]
        assert place.contents.successor is None, f"{name} is half-made"
        assert place.registered == sorted([place.old.thumbprint, *place.made]), f"{name} has a stray credential"
        assert len(place.made) <= 1, f"{name} has two new key pairs"
        return place.current != place.old.thumbprint and place.current in place.usable()


def test_it_stops_at_the_first_unproven_application_and_the_next_run_finishes(server, tmp_path):
    fleet = Fleet(server, tmp_path, due=DUE, healthy=2)
    faults, begun = server.emulator.tenant.faults, len(server.emulator.log.lines)
    before = tree(tmp_path / "app03")
    # The canary is renewed; one of the two after it has its certificate acknowledged and never stored.
    faults.add("not_applied", match=["add_key", "patch_application"], skip=1, times=1)

    stopped = fleet.play(remediate_serial=[1, 2, "100%"], remediate_canary=["app03"])

    told, rows = fleet.last_report()
    outcomes = {name: row["outcome"] for name, row in rows.items()}
    assert stopped.code == 2, stopped.said
    assert told["counts"] == {"failed": 1, "not_begun": DUE - 3, "renewed": 2, "healthy": 2}, stopped.said
    assert told["stopped"] and outcomes["app03"] == "renewed" and tree(tmp_path / "app03") != before
    [failed] = [row for row in rows.values() if row["outcome"] == "failed"]
    assert failed["failure"]["message"] and failed["failure"]["message"] in stopped.said
    assert fleet.written(begun) == {name for name, one in outcomes.items() if one in ("renewed", "failed")}
    assert all(fleet.is_renewed(name) for name, one in outcomes.items() if one == "renewed")
    assert all(place.usable() for place in fleet.places.values()), "I1"

    faults.clear()
    finished = fleet.play()

    told, rows = fleet.last_report()
    assert finished.code == 0, finished.said
    assert told["counts"] == {"renewed": DUE - 2, "healthy": 4} and not told["stopped"]
    assert {name for name in fleet.places if fleet.is_renewed(name)} == {f"app{n:02}" for n in range(DUE)}
    assert "app05" in (fleet.report / "report.html").read_text()
    assert "s3cret" not in finished.said + stopped.said + json.dumps(told)


def test_a_plan_changes_nothing_and_names_what_the_run_then_does(server, tmp_path):
    fleet = Fleet(server, tmp_path, due=2, healthy=1)
    since = len(server.emulator.log.lines)
    before = tree(tmp_path)

    planned = fleet.play("--check")

    (tmp_path / "said").unlink()
    assert planned.code == 0, planned.said
    assert tree(tmp_path) == before, "I7"
    assert fleet.written(since) == set()
    assert "planned 2, healthy 1." in planned.said
    assert planned.said.count("near_expiry | generate, register, prove, promote") == 2
    asked = [line for line in server.emulator.log.lines[since:] if line["operation"] == "get_application"]
    assert len({line["path"] for line in asked}) == len(asked) == 3 + 1, asked
    assert sum(line["app_id"] in line["path"] for line in asked) == 1, "the operator's own, whose secret may end, once"


@pytest.mark.parametrize("delay", scale.either([0.3], soak=[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2, 1.6, 2]))
def test_a_run_that_is_killed_is_finished_by_the_next_one(server, tmp_path, delay):
    fleet = Fleet(server, tmp_path, due=3)
    since = len(server.emulator.log.lines)
    running = fleet.start(remediate_serial=["100%"])
    while not fleet.written(since):
        assert running.poll() is None, (tmp_path / "said").read_text()
        time.sleep(0.02)
    time.sleep(delay)
    fleet.kill()
    assert running.wait() == -signal.SIGKILL
    assert all(place.usable() for place in fleet.places.values()), "I1"

    finished = fleet.play()

    assert finished.code == 0, finished.said
    assert all(fleet.is_renewed(name) for name in fleet.places), finished.said


def test_bad_input_is_named_all_at_once_before_the_first_request(server, tmp_path):
    fleet = Fleet(server, tmp_path, due=1)
    since = len(server.emulator.log.lines)

    refused = fleet.play(remediate_serail=3, remediate_pause="soon", remediate_max_fail_percentage=101)

    assert refused.code != 0
    for words in ("remediate_serail is not known", "remediate_pause must be seconds", "a percentage from 0 to 100"):
        assert words in refused.said
    assert server.emulator.log.lines[since:] == []


def test_consumers_are_served_where_ansible_changes_names_of_groups(server, tmp_path, monkeypatch):
    fleet = Fleet(server, tmp_path, due=1)
    place, copy = fleet.places["app00"], tmp_path / "copy.pem"
    holder = {"entra_app_id": place.payroll.app_id, "entra_key_store": str(place.key_store)}
    consumer = {"entra_key_store_host": "app-00", "remediate_copy_path": str(copy)}
    fleet.amend({"app00": None, "app-00": holder, "web-1": consumer})
    monkeypatch.setenv("ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS", "always")

    served = fleet.play()

    _totals, rows = fleet.last_report()
    assert served.code == 0, served.said
    assert rows["app-00"]["consumers"] == [{"host": "web-1", "confirmed": True}]
    assert copy.read_text() == (place.key_store / "current" / "bundle.pem").read_text()


def test_a_host_that_is_lost_at_the_retirement_is_not_proven(server, tmp_path, monkeypatch):
    fleet = Fleet(server, tmp_path, due=1)
    assert fleet.play().code == 0
    (tmp_path / "losable.py").write_text(LOST)
    hook = {"ansible.builtin.file": {"path": str(tmp_path / "lost"), "state": "touch"}, "delegate_to": "localhost"}
    (tmp_path / "told.yml").write_text(json.dumps([{**hook, "vars": {"ansible_connection": "local"}}]))
    monkeypatch.setenv("ANSIBLE_CONNECTION_PLUGINS", str(tmp_path))
    fleet.amend(ansible_connection="losable", renew_overlap=0, renew_after_promote=str(tmp_path / "told.yml"))

    lost = fleet.play()

    _totals, rows = fleet.last_report()
    assert lost.code != 0, lost.said
    assert rows["app00"]["outcome"] == "failed" and "The line is dead." in rows["app00"]["failure"]["message"]
