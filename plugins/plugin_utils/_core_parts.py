# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is private to ansible-core and used here, and whether it fits. The only file that knows these names.

They differ between versions, and so does what they take and what they hold. Each is tried when this is loaded; where
one has another form, every module takes a process of its own: slower, and nothing else.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import sys
import typing as t

from ansible.plugins.action import ActionBase
from ansible.release import __version__

Result = dict[str, t.Any]

VERSION = str(__version__)

# How arguments and results travel; the only way there is for modules that do not ask for another.
PROFILE = "legacy"

_ACTION = "ansible.plugins.action.ActionBase"
_BASIC = "ansible.module_utils.basic"
_BUILT = ("ansible.executor.module_common", "_BuiltModule")
_HANDLER = ("ansible.module_utils._internal._ansiballz._loader", "_handle_exception")
_JSON = "ansible.module_utils.common.json"
_WARNINGS = "ansible.module_utils.common.warnings"
PIPELINING = f"{_ACTION}._is_pipelining_enabled"

_NONE = type(None)
# What a module finds set when it has a process of its own: module, name, what the controller has there, and how to make
# the value from the arguments.
STATE: tuple[tuple[str, str, tuple[type, ...], t.Callable[[bytes], t.Any]], ...] = (
    (_BASIC, "_ANSIBLE_ARGS", (_NONE, bytes), lambda arguments: arguments),
    (_BASIC, "_ANSIBLE_PROFILE", (_NONE, str), lambda arguments: PROFILE),
    (_BASIC, "_PARSED_MODULE_ARGS", (_NONE, dict), lambda arguments: None),
    # Its warnings go into its result; those of the controller are shown at once.
    ("ansible.module_utils._internal", "is_controller", (bool,), lambda arguments: False),
    (_WARNINGS, "_global_warnings", (dict,), lambda arguments: {}),
    (_WARNINGS, "_global_deprecations", (dict,), lambda arguments: {}),
)
# Methods of an action that are called or overridden, and the call that they were written for. More parameters that
# nobody has to give fit as well: what is overridden passes on what it does not know.
_METHODS: tuple[tuple[str, Result], ...] = (
    ("_execute_module", {"module_name": "", "module_args": {}, "task_vars": {}, "wrap_async": False}),
    ("_configure_module", {"module_name": "", "module_args": {}, "task_vars": {}}),
    ("_is_pipelining_enabled", {"module_style": "new", "wrap_async": False}),
    ("_low_level_execute_command", {"cmd": "", "sudoable": True, "in_data": b""}),
    ("_compute_environment_string", {"raw_environment_out": {}}),
)


def private(module: str, name: str) -> t.Any:
    return getattr(importlib.import_module(module), name)


def packed(arguments: Result) -> bytes:
    """A module's arguments as they are handed to a process of its own."""
    direction = private(_JSON, "Direction").CONTROLLER_TO_MODULE
    encoder = private(_JSON, "get_module_encoder")(PROFILE, direction)
    return json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, cls=encoder).encode()


def stand_in(data: bytes) -> t.Any:
    """What ansible-core builds for a module, with `data` to be sent in its place."""
    return private(*_BUILT)(
        b_module_data=data, module_style="new", shebang=f"#!{sys.executable}", serialization_profile=PROFILE
    )


def handle_exception(error: Exception) -> t.Any:
    """Report a mistake in a module as for one that has a process of its own, and end it."""
    return private(*_HANDLER)(error, PROFILE)


def misfits() -> list[str]:
    """The parts that this ansible-core has in another form than is built on here, or not at all."""
    return [name for name, fits in _trials() if not _passes(fits)]


def _trials() -> t.Iterator[tuple[str, t.Callable[[], bool]]]:
    for module, name, held, _make in STATE:
        yield f"{module}.{name}", functools.partial(_holds, module, name, held)
    yield ".".join(_BUILT), _builds
    yield f"{_JSON}.Direction", lambda: bool(private(_JSON, "Direction").CONTROLLER_TO_MODULE)
    yield f"{_JSON}.get_module_encoder", _packs
    yield ".".join(_HANDLER), lambda: _takes(private(*_HANDLER), (Exception(), PROFILE), {})
    for name, named in _METHODS:
        yield f"{_ACTION}.{name}", functools.partial(_method_takes, name, named)


def _passes(fits: t.Callable[[], bool]) -> bool:
    try:
        return fits()
    except Exception:  # whatever a part of another form makes of it
        return False


def _holds(module: str, name: str, held: tuple[type, ...]) -> bool:
    return isinstance(private(module, name), held)


def _builds() -> bool:
    built = stand_in(b"data")
    return (built.b_module_data, built.module_style, built.serialization_profile) == (b"data", "new", PROFILE)


def _packs() -> bool:
    return bool(json.loads(packed({"name": "value"})) == {"ANSIBLE_MODULE_ARGS": {"name": "value"}})


def _method_takes(name: str, named: Result) -> bool:
    return _takes(getattr(ActionBase, name), (None,), named)


def _takes(called: t.Callable[..., t.Any], positional: tuple[t.Any, ...], named: Result) -> bool:
    """Raises TypeError where it does not."""
    inspect.signature(called).bind(*positional, **named)
    return True


MISFITS = misfits()
