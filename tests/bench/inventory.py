# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of `ansible-inventory --list`: ours against a bare pager and Ansible's own cost for a static inventory."""

from __future__ import annotations

import json
from statistics import median

import contestants
from rows import compared
from world import PLACE, run

GOAL = "<= 1.5"
SAMPLES = 3


def comparisons(world):
    """The same hosts, variables and groups, once listed and once written down, taken in turn."""
    listed, static = PLACE / "listed.json", PLACE / "static.json"
    (ours, variables), (pager, _variables) = contestants.inventory(world), contestants.bare_pager(world)
    run(ours, variables)
    hosts = _write_down(json.loads(listed.read_text(encoding="utf-8")), static)
    commands = {"ours": ours, "pager": pager, "static": contestants.inventory_listing(static, listed)}
    costs = {name: [] for name in commands}
    for _sample in range(SAMPLES):
        for name, command in commands.items():
            costs[name].append(run(command, variables))
    seconds = {name: median(cost.seconds for cost in taken) for name, taken in costs.items()}
    name, floor = f"inventory, {hosts:,} hosts: seconds", seconds["pager"] + seconds["static"]
    yield compared(name, seconds["ours"], floor, "bare pager, and Ansible's own cost of a static one", GOAL)


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
