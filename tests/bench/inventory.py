# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of `ansible-inventory --list`: ours against a bare pager and Ansible's own cost for a static inventory."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from listing import FIELDS
from world import PLACE, PROGRAMS, Cost, run

GOAL = 1.5
SAMPLES = 3


@dataclass(frozen=True)
class Comparison:
    """Medians over the same samples. The floor is the pager and then the static inventory."""

    hosts: int
    ours: Cost
    pager: Cost
    static: Cost

    @property
    def floor(self):
        return self.pager.seconds + self.static.seconds


def comparison(world):
    """The same hosts, variables and groups, once listed and once written down, taken in turn."""
    dynamic, static = PLACE / "bench.evercert_entra.yml", PLACE / "static.json"
    dynamic.write_text(json.dumps({"plugin": "evercert.entra.applications"}), encoding="utf-8")
    listed = PLACE / "listed.json"
    run(_listing_of(dynamic, listed), world.variables)
    hosts = _write_down(json.loads(listed.read_text(encoding="utf-8")), static)
    commands = {
        "ours": _listing_of(dynamic, listed),
        "pager": [sys.executable, Path(__file__).with_name("bare_pager.py"), FIELDS],
        "static": _listing_of(static, listed),
    }
    costs = {name: [] for name in commands}
    for _sample in range(SAMPLES):
        for name, command in commands.items():
            costs[name].append(run(command, world.variables))
    return Comparison(hosts, **{name: _median(taken) for name, taken in costs.items()})


def _listing_of(inventory, output):
    return [PROGRAMS / "ansible-inventory", "-i", inventory, "--list", "--output", output]


def _write_down(listed, path):
    """A static inventory of the same content, as JSON, which Ansible reads faster than YAML; how many hosts it has."""
    hosts = _plain(listed.pop("_meta")["hostvars"])

    def group(name):
        found = listed.get(name, {})
        return {
            "hosts": dict.fromkeys(found.get("hosts", [])),
            "children": {child: group(child) for child in found.get("children", [])},
        }

    path.write_text(json.dumps({"all": {**group("all"), "hosts": hosts}}), encoding="utf-8")
    return len(hosts)


def _plain(value):
    """Foreign texts without the mark that --list puts on them."""
    if isinstance(value, dict):
        marked = value.get("__ansible_unsafe")
        return marked if marked is not None else {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _median(costs):
    return Cost(median(cost.seconds for cost in costs), median(cost.megabytes for cost in costs))
