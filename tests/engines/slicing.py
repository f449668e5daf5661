# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a slice of a job sees of its inventory, by the controller's own rule.

AWX, awx/main/models/inventory.py, Inventory.get_script_data: the enabled hosts in the order of their names; slice
number n of m has every m-th of them, from the n-th on. Groups keep their variables and those of their hosts that are in
the slice; a group that has neither hosts, children nor variables is only named among the children of "all".
"""

from __future__ import annotations

import json


def slice_of(hosts, number, count):
    """Names of the hosts of slice `number` of `count`; the first slice has the number 1."""
    return sorted(hosts)[number - 1 :: count]


def sliced_inventory(hosts, variables, number=1, count=1):
    """What the inventory script of a job prints. `hosts`: name to variables, `groups` among them."""
    chosen = slice_of(hosts, number, count)
    groups = {group: [] for given in hosts.values() for group in given["groups"]}
    for name in chosen:
        for group in hosts[name]["groups"]:
            groups[group].append(name)
    ungrouped = [name for name in chosen if not hosts[name]["groups"]]
    shown = {group: {"hosts": members} for group, members in groups.items() if members}
    hostvars = {name: {key: value for key, value in hosts[name].items() if key != "groups"} for name in chosen}
    top = {"vars": variables, "hosts": ungrouped, "children": list(groups)}
    return {"all": top, **shown, "_meta": {"hostvars": hostvars}}


def write_script(path, inventory):
    """The inventory as a job gets it: a program that prints it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(inventory)!r})\n", encoding="utf-8")
    path.chmod(0o700)
    return path
