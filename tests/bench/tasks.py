# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one more task costs in a play: ours against ansible.builtin.ping, whose cost is Ansible's own."""

from __future__ import annotations

import json
from statistics import median

from world import PLACE, PROGRAMS, run

MORE = 10
SAMPLES = 3


def marginal_costs(world, app_id):
    """Seconds for each further task, of ping and of a status."""
    status = {"app_id": app_id, "key_store": str(world.key_store("by-add-key"))}
    tasks = {"ping": {"ansible.builtin.ping": None}, "status": {"evercert.entra.application_certificate_info": status}}
    few = {name: _playbook(name, task, 1) for name, task in tasks.items()}
    many = {name: _playbook(name, task, 1 + MORE) for name, task in tasks.items()}
    return {name: _difference(world, few[name], many[name]) for name in tasks}


def _difference(world, few, many):
    """The median over pairs that follow each other, so that both meet the same load."""
    return median((_seconds(world, many) - _seconds(world, few)) / MORE for _sample in range(SAMPLES))


def _seconds(world, playbook):
    return run([PROGRAMS / "ansible-playbook", playbook], world.variables).seconds


def _playbook(name, task, times):
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [task] * times}
    path = PLACE / f"{name}-{times}.yml"
    path.write_text(json.dumps([play]), encoding="utf-8")
    return path
