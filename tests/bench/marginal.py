# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one application more costs in a play over many, for the guide on scale.

    tools/py tools/environment.py --run engines tests/bench/marginal.py [--write]

Processor time and memory are those of ansible-playbook and all that it starts, without the emulator. Requests are
counted, so they are exact. --write keeps the figures in measured.yml, from which scale_page.py makes the page.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "trust")]

from emulator import scenario
from emulator.throttling import reads_keys
from engines.fleet import as_json, program, serving, static_inventory

FEW, MANY = 2, 10
HOSTS = 1_000, 31_000
LISTED = 10, 10_010
INFO = "ansible_collections.evercert.entra.plugins.modules.application_certificate_info"
WRITES = ("add_key", "remove_key", "patch_application")
AUTHORITY = ("discovery", "token")


@dataclass(frozen=True)
class Cost:
    seconds: float
    megabytes: float
    lines: tuple


def main():
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "measured": {
                "on": f"{os.cpu_count()} processors, Python {platform.python_version()}",
                "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            },
            **per_application(Path(folder)),
            "listing": {"cpu_milliseconds": round(per_listed(Path(folder)) * 1000, 3)},
            "host_kilobytes": round(per_host(Path(folder)), 1),
        }
    text = yaml.safe_dump(found, sort_keys=False)
    print(text)
    if sys.argv[1:] == ["--write"]:
        head = "".join((HERE / "tenant.yml").read_text(encoding="utf-8").splitlines(keepends=True)[:5])
        (HERE / "measured.yml").write_text(f"{head}# Written by marginal.py.\n{text}", encoding="utf-8")


def per_application(folder):
    """By play, the cost of one more application: the difference between many and few."""
    costs = {}
    for number in (FEW, MANY):
        with serving(folder / str(number)) as fleet:
            for index in range(number):
                fleet.add(f"application-{index:03d}")
            plays = {"status": "report", "renewal": "renew", "nothing_due": "renew"}
            costs[number] = {name: _play(fleet, folder, playbook) for name, playbook in plays.items()}
    return {name: _difference(costs[FEW][name], costs[MANY][name]) for name in costs[FEW]}


def _difference(few, many):
    more = MANY - FEW
    counted = {
        "requests": lambda line: True,
        "authority_requests": lambda line: line["operation"] in AUTHORITY,
        "key_credential_reads": lambda line: reads_keys(line["operation"], line["query"]),
        "writes": lambda line: line["operation"] in WRITES,
    }
    per = {name: (sum(map(kind, many.lines)) - sum(map(kind, few.lines))) / more for name, kind in counted.items()}
    units = sum(line["resource_units"] or 0 for line in many.lines) - sum(
        line["resource_units"] or 0 for line in few.lines
    )
    return {
        "cpu_seconds": round((many.seconds - few.seconds) / more, 3),
        "worker_megabytes": round(many.megabytes),
        **{name: round(value, 2) for name, value in per.items()},
        "resource_units": round(units / more, 2),
    }


def _play(fleet, folder, playbook):
    inventory = as_json(folder / "inventory.json", static_inventory(fleet, renew_overlap=0, renew_sign_ins=3))
    secret = as_json(folder / "secret.json", {"entra_client_secret": fleet.secret})
    mark = len(fleet.server.emulator.log.lines)
    command = [program("ansible-playbook"), f"evercert.entra.{playbook}", "-i", inventory, "-e", f"@{secret}"]
    seconds, megabytes = _cost_of(command)
    return Cost(seconds, megabytes, tuple(fleet.server.emulator.log.lines[mark:]))


def per_listed(folder):
    """Processor seconds of the module, in a process of its own, for one application more in a listing."""
    seconds = []
    for number in LISTED:
        with serving(folder / f"listing-{number}") as fleet:
            scenario.generate(fleet.tenant, number)
            options = {
                name.removeprefix("entra_"): value for name, value in fleet.variables().items() if "entra_" in name
            }
            options |= {"client_secret": fleet.secret, "return_applications": "none"}
            command = [sys.executable, "-m", INFO, json.dumps({"ANSIBLE_MODULE_ARGS": options})]
            seconds.append(_cost_of(command)[0])
    return (seconds[1] - seconds[0]) / (LISTED[1] - LISTED[0])


def per_host(folder):
    """Kilobytes that Ansible keeps for one more host of an inventory with the variables of an application."""
    peaks = []
    for number in HOSTS:
        hosts = {
            f"application-{index:06d}": {"entra_app_id": str(index) * 6, "entra_key_store": f"/stores/{index}"}
            for index in range(number)
        }
        path = as_json(folder / "large.json", {"all": {"hosts": hosts}})
        peaks.append(_cost_of([program("ansible-inventory"), "-i", path, "--graph"])[1])
    return (peaks[1] - peaks[0]) * 1024 / (HOSTS[1] - HOSTS[0])


def _cost_of(command):
    """Processor seconds of a command and its children, and the peak of the largest of them in megabytes."""
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    said = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}: {said.decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
