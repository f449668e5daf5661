# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task costs in a play: a further one, and an audit of the whole tenant, beside tasks that do nothing."""

from __future__ import annotations

from statistics import median

import contestants
from rows import compared
from world import PROGRAMS, run

MORE = 10
SAMPLES = 5
AUDIT_GOAL = "<= 1.3"
INFO = "evercert.entra.application_certificate_info"
PING = {"ansible.builtin.ping": None}
DEBUG = {"ansible.builtin.debug": {"msg": "nothing"}}
HERE = {"vars": {"entra_in_process": "always"}}


def comparisons(world, app_id):
    yield further(world, {INFO: {"app_id": app_id, "key_store": str(world.key_store("by-add-key"))}})
    yield from audit(world)


def further(world, status):
    """One more task, the median over pairs of plays that follow each other, so that both meet the same load."""

    def each(name, task):
        few, many = (_play(f"{name}-{times}", *[task] * times) for times in (1, 1 + MORE))
        return median((_seconds(world, many) - _seconds(world, few)) / MORE for _sample in range(SAMPLES))

    return compared("one more task, status: seconds", each("status", status), each("ping", PING), "ping")


def audit(world):
    """One task for the whole tenant: as a whole play, and without what the play costs that has no task at all."""
    commands = {
        "audit": _play("audit", {INFO: {"return_applications": "none"}, **HERE}),
        "ping": _play("ping", PING),
        "debug": _play("debug", DEBUG),
        "empty": _play("empty"),
        "pager": contestants.bare_pager(world)[0],
    }
    taken = {name: [] for name in commands}
    for _sample in range(SAMPLES):
        for name, command in commands.items():
            taken[name].append(_seconds(world, command))
    seconds = {name: median(each) for name, each in taken.items()}
    name, empty = "one audit task", seconds["empty"]
    floor, alone = seconds["pager"] + seconds["ping"], seconds["audit"] - empty
    yield compared(f"{name}: seconds", seconds["audit"], floor, "bare pager, and a play with ping", AUDIT_GOAL)
    yield compared(f"{name} without its play: seconds", alone, floor - empty, "bare pager, and ping", AUDIT_GOAL)
    least = seconds["pager"] + seconds["debug"] - empty
    yield compared(f"{name} without its play: seconds", alone, least, "bare pager, and debug")


def _play(name, *tasks):
    return [PROGRAMS / "ansible-playbook", contestants.playbook(name, *tasks)]


def _seconds(world, command):
    return run(command, world.variables).seconds
