# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ansible-core that differs from the installed one, as its next version may, and a real task on it.

The source of what differs is changed, wherever it is used, and laid over what is loaded, in a process of its own.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import sys
import types

from ansible.modules import ping
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins import action as core_action
from ansible.plugins import loader as plugins
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.evercert.entra.plugins.plugin_utils import _core_parts, _either_door

# What one part of ansible-core takes over from another it takes over again.
USERS = ("ansible.executor.module_common", "ansible.plugins.action")


class Action(_either_door.EitherDoorAction):
    modules = (types.SimpleNamespace(__name__="somewhere.ping", main=ping.main),)

    def run(self, tmp=None, task_vars=None):
        raise NotImplementedError


def on_altered_core(alteration, wish="auto"):
    """What comes of a task: its result, whether the module ran in this process, what was warned of and what misfits."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            told = _told(alteration, wish)
        except BaseException as error:
            told = {"error": repr(error)}
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as stream:
        told = json.load(stream)
    os.waitpid(child, 0)
    return told


def _told(alteration, wish):
    plugins.init_plugin_loader()
    warned, here = [], []
    Display.warning = lambda self, text, **more: warned.append(text)
    Action.modules[0].main = lambda: (here.append(True), ping.main())
    alteration()
    _core_parts.MISFITS = _core_parts.misfits()
    try:
        result = _result({"ansible_python_interpreter": sys.executable, "entra_in_process": wish})
    except Exception as error:
        result = {"failed": True, "msg": str(error)}
    return {"result": result, "here": len(here), "warned": warned, "misfits": _core_parts.MISFITS}


def _result(variables):
    loader, context = DataLoader(), PlayContext()
    wanted = {"async_val": 0, "environment": None, "delegate_to": None, "check_mode": False, "no_log": False}
    task = types.SimpleNamespace(action="ping", args={}, diff=False, collections=[], **wanted)
    connection = plugins.connection_loader.get("local", context, os.devnull)
    connection.set_options(var_options={})
    templar = Templar(loader=loader, variables=variables)
    action = Action(task, connection, context, loader, templar, plugins)
    return action._execute_module(module_args={"data": "of this task"}, task_vars=variables)


def changed(*changes, modules=USERS):
    """An alteration: each pattern in the source of ansible-core, and what stands there instead."""

    def alter():
        found = set()
        for module in map(importlib.import_module, modules):
            text = inspect.getsource(module)
            for pattern, instead in changes:
                text, count = re.subn(pattern, instead, text)
                found |= {pattern} if count else set()
            _lay_over(module, text)
        assert found == {pattern for pattern, _instead in changes}, f"nothing to change: {changes}"

    return alter


def _lay_over(module, text):
    fresh = {name: value for name, value in vars(module).items() if name.startswith("__")}
    exec(compile(text, module.__file__, "exec"), fresh)
    if module is core_action:
        # The class stays, as ours are derived from it.
        _replace(ActionBase, vars(fresh.pop("ActionBase")), [name for name in vars(ActionBase) if name[:2] != "__"])
        fresh["ActionBase"] = ActionBase
    _replace(module, fresh, [name for name in vars(module) if name[:2] != "__"])


def _replace(owner, fresh, old):
    for name in set(old) - set(fresh):
        delattr(owner, name)
    for name, value in fresh.items():
        if name[:2] != "__" or name == "__init__":
            setattr(owner, name, value)


def renamed(name, modules=USERS):
    return changed((rf"\b{name}\b", f"{name}_anew"), modules=modules)


def set_to(module, name, value):
    """An attribute that is read where it is: another value, or none, which is a new name for it."""
    place = importlib.import_module(module)

    def alter():
        if value is not None:
            setattr(place, name, value)
            return
        setattr(place, f"{name}_anew", getattr(place, name))
        delattr(place, name)

    return alter
