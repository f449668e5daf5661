# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who lists the applications of a tenant: the floor, this collection in its forms, and other tools."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from world import PLACE, PROGRAMS

MODULES = "ansible_collections.evercert.entra.plugins.modules"
FIELDS = "id,appId,displayName,createdDateTime,keyCredentials,tokenEncryptionKeyId"


@dataclass(frozen=True)
class Contestant:
    """`prepare` is not measured; it gives the command for one emulator, and its variables."""

    name: str
    prepare: Callable
    is_peer: bool = False  # it may fail, and the others go on


def ours():
    info, report = "application_certificate_info", "application_report"
    yield Contestant("bare pager with requests", bare_pager)
    yield Contestant(f"{info}, summary", partial(module, info, return_applications="none"))
    yield Contestant(f"{info}, all applications", partial(module, info, return_applications="all"))
    yield Contestant(f"{report}, seven formats", partial(module, report, directory=str(PLACE / "report")))
    yield Contestant(f"playbook: {info}, summary", partial(task, info, return_applications="none"))
    yield Contestant(f"playbook: {info}, all applications", partial(task, info, return_applications="all"))
    yield Contestant("ansible-inventory --list, plugin applications", inventory)


def bare_pager(world):
    return [sys.executable, Path(__file__).with_name("bare_pager.py"), FIELDS], world.variables


def module(name, world, **options):
    """As a process of its own, without Ansible."""
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": options})
    return [sys.executable, "-m", f"{MODULES}.{name}", arguments], world.variables


def task(name, world, **options):
    """In Ansible's own process, as one task of a playbook."""
    path = playbook(
        "-".join((name, *options.values())), {f"evercert.entra.{name}": options, "vars": {"entra_in_process": "always"}}
    )
    return [PROGRAMS / "ansible-playbook", path], world.variables


def inventory(world):
    source = PLACE / "bench.evercert_entra.yml"
    source.write_text(json.dumps({"plugin": "evercert.entra.applications"}), encoding="utf-8")
    return inventory_listing(source, PLACE / "listed.json"), world.variables


def inventory_listing(source, output):
    return [PROGRAMS / "ansible-inventory", "-i", source, "--list", "--output", output]


def playbook(name, *tasks):
    path = PLACE / f"{name}.yml"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    return path
