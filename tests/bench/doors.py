# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet through both doors, and beside floors that make the same requests and nothing else."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path
from statistics import median

import certifi
from fleet import Play, host, measured, play
from rows import compared
from world import PLACE

FORKS = 10
SAMPLES = 3
RENEWALS = 2  # by us and by the bare script, in turn
# For each of two trusts: one fleet that we renew again and again, and a new one for each renewal by the bare script.
FLEETS = 2 * (1 + RENEWALS)
# A process for each task is so slow that a part of the fleet tells as much.
SHARE = 4
RENEWAL = {"sign_ins": 3, "sign_in_interval": 0, "initial_pause": 0, "overlap": 0, "force": True}

STATUS = {"evercert.entra.application_certificate_info": {"app_id": "{{ app_id }}"}}
BARE_STATUS = {"bare_status": {"app_id": "{{ app_id }}"}}
NOTHING = {"ansible.builtin.debug": {"msg": "nothing"}}


def comparisons(world, hosts):
    found = {name: _middle(plays) for name, plays in statuses(world, hosts).items()}
    here, bare, idle = found["in process"], found["bare action"], found["no work at all"]
    own = found["processes of their own"]
    name = f"status of {hosts} hosts: "
    yield compared(f"{name}seconds", here.seconds, bare.seconds, "bare action", "<= 2")
    for what in ("seconds", "cpu"):  # on a busy machine the second one tells more
        mine, theirs = getattr(here, what), getattr(own, what) * SHARE
        yield compared(f"{name}{what}", mine, theirs, "processes of their own", ">= 10")
    yield compared(f"{name}requests", here.requests, bare.requests, "bare action")
    yield compared(f"{name}cpu of the emulator", here.emulator, bare.emulator, "bare action")
    yield compared(f"{name}MB of a fork", here.megabytes, idle.megabytes, "ansible.builtin.debug")
    fleets = [range(number * hosts, (number + 1) * hosts) for number in range(FLEETS)]
    yield from _renewed(world, f"renewal of {hosts} hosts: ", *fleets[: 1 + RENEWALS])
    world.trust(Path(certifi.where()))
    yield from _renewed(world, f"renewal of {hosts} hosts that trust the usual authorities: ", *fleets[1 + RENEWALS :])


def _renewed(world, name, *fleets):
    found = {name: _middle(plays) for name, plays in renewals(world, *fleets).items()}
    ours, script = found["in process"], found["bare script"]
    yield compared(f"{name}seconds", ours.seconds, script.seconds, "bare script", "<= 1.5")
    for what, words in {"cpu": "cpu", "emulator": "cpu of the emulator", "requests": "requests"}.items():
        yield compared(f"{name}{words}", getattr(ours, what), getattr(script, what), "bare script")


def _middle(plays):
    return Play(*(median(getattr(one, field.name) for one in plays) for field in fields(Play)))


def statuses(world, hosts):
    """Name → what a status of the fleet takes: here, with processes of their own, and as a bare action."""
    some = range(hosts)
    found = {"in process": [], "bare action": [], "no work at all": []}
    for _sample in range(SAMPLES):
        found["in process"].append(play(world, STATUS, some, FORKS, entra_in_process="always"))
        found["bare action"].append(play(world, BARE_STATUS, some, FORKS))
        found["no work at all"].append(play(world, NOTHING, some, FORKS))
    found["processes of their own"] = [play(world, STATUS, range(hosts // SHARE), FORKS, entra_in_process="never")]
    return found


def renewals(world, ours, *others):
    """Name → what a renewal of a fleet takes."""
    play(world, _renewal({"adopt_path": "{{ key_pair }}"}), ours, FORKS, entra_in_process="always")
    fleet = PLACE / "bare-fleet.json"
    command = [sys.executable, Path(__file__).with_name("bare_renewal.py"), fleet, FORKS]
    found = {"in process": [], "bare script": []}
    for other in others:
        found["in process"].append(play(world, _renewal(RENEWAL), ours, FORKS, entra_in_process="always"))
        fleet.write_text(json.dumps([host(world, index) for index in other]), encoding="utf-8")
        found["bare script"].append(measured(world, command))
    return found


def _renewal(options):
    subject = {"app_id": "{{ app_id }}", "key_store": "{{ key_store }}"}
    return {"evercert.entra.application_certificate_renew": {**subject, **options}}
