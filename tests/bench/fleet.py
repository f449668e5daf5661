# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many applications as hosts of one play, and what a play over them costs."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from world import PLACE, PROGRAMS, run

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Play:
    """What a play took. `cpu` is its own, `emulator` that of the service, in seconds; both share one machine."""

    seconds: float
    cpu: float
    emulator: float
    requests: int
    megabytes: float


def scenario(number):
    """So many applications, each with a certificate whose key pair is at hand."""
    certificate = {"starts": -100, "ends": 80, "local_key": True}
    applications = [{"name": name(index), **ids(index), "certificates": [certificate]} for index in range(number)]
    PLACE.mkdir(parents=True, exist_ok=True)
    path = PLACE / "fleet.json"
    path.write_text(json.dumps({"seed": 9, "applications": applications}), encoding="utf-8")
    return path


def name(index):
    return f"fleet-{index:04d}"


def ids(index):
    return {
        "app_id": f"00000000-aaaa-4000-8000-00000001{index:04d}",
        "object_id": f"00000000-bbbb-4000-8000-00000001{index:04d}",
    }


def host(world, index):
    stored = {"key_store": str(world.key_store(name(index))), "key_pair": str(world.key_pair(name(index)))}
    return {**ids(index), **stored}


def play(world, task, indexes, forks, **variables):
    """Play one task on every host and measure it."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {name(index): host(world, index) for index in indexes}
    inventory, playbook = PLACE / "fleet-inventory.json", PLACE / "fleet-play.json"
    inventory.write_text(json.dumps({"all": {"vars": local | variables, "hosts": hosts}}), encoding="utf-8")
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    return measured(world, [PROGRAMS / "ansible-playbook", "-i", inventory, playbook, "--forks", forks])


def measured(world, command):
    mark, before = world.counters()["mark"], world.cpu_seconds()
    variables = world.variables | {"ANSIBLE_ACTION_PLUGINS": str(HERE / "action_plugins")}
    with Forks() as forks:
        cost = run(command, variables, watch=forks.watch)
    requests = sum(world.counters(mark)["operations"].values())
    return Play(cost.seconds, cost.cpu, world.cpu_seconds() - before, requests, forks.largest)


class Forks:
    """The largest proportional set size that a child of the watched process had, in MB."""

    def __init__(self):
        self.largest, self._done, self._thread = 0.0, threading.Event(), None

    def __enter__(self):
        return self

    def __exit__(self, *ended):
        self._done.set()
        self._thread.join()

    def watch(self, process_id):
        self._thread = threading.Thread(target=self._look, args=(process_id,), daemon=True)
        self._thread.start()

    def _look(self, process_id):
        while not self._done.wait(0.2):
            try:
                children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text(encoding="ascii").split()
            except OSError:
                return
            for child in children:
                self.largest = max(self.largest, _proportional(child))


def _proportional(process_id):
    try:
        rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0  # it has ended meanwhile
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
