# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in this process, as if it had one of its own. The only file that knows names private to ansible-core.

Those names differ between versions, and so does what they take. Where one of them is not as expected, `MISSING_NAMES`
tells, and every module takes a process of its own: slower, and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import os
import sys
import typing as t

from ansible.plugins.action import ActionBase

Result = dict[str, t.Any]
Main = t.Callable[[], None]

# How arguments and results travel; the only way there is for modules that do not ask for another.
PROFILE = "legacy"

_BASIC = "ansible.module_utils.basic"
_WARNINGS = "ansible.module_utils.common.warnings"
# What a module finds set when it has a process of its own: module, name, how to make the value from the arguments.
_STATE: tuple[tuple[str, str, t.Callable[[bytes], t.Any]], ...] = (
    (_BASIC, "_ANSIBLE_ARGS", lambda arguments: arguments),
    (_BASIC, "_ANSIBLE_PROFILE", lambda arguments: PROFILE),
    (_BASIC, "_PARSED_MODULE_ARGS", lambda arguments: None),
    # Its warnings go into its result; those of the controller are shown at once.
    ("ansible.module_utils._internal", "is_controller", lambda arguments: False),
    (_WARNINGS, "_global_warnings", lambda arguments: {}),
    (_WARNINGS, "_global_deprecations", lambda arguments: {}),
)
_FUNCTIONS = (
    ("ansible.executor.module_common", "_BuiltModule"),
    ("ansible.module_utils._internal._ansiballz._loader", "_handle_exception"),
    ("ansible.module_utils.common.json", "get_module_encoder"),
    ("ansible.module_utils.common.json", "Direction"),
)


def _private(module: str, name: str) -> t.Any:
    return getattr(importlib.import_module(module), name)


def missing_names(wanted: t.Iterable[tuple[str, str]]) -> list[str]:
    """Those that this ansible-core does not have."""
    missing = []
    for module, name in wanted:
        try:
            _private(module, name)
        except (ImportError, AttributeError):
            missing.append(f"{module}.{name}")
    return missing


def packed(arguments: Result) -> bytes:
    """A module's arguments as they are handed to a process of its own."""
    direction = _private("ansible.module_utils.common.json", "Direction").CONTROLLER_TO_MODULE
    encoder = _private("ansible.module_utils.common.json", "get_module_encoder")(PROFILE, direction)
    return json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, cls=encoder).encode()


def nothing_built() -> t.Any:
    """What ansible-core builds for a module, empty: there is no file to send and no command to run."""
    built = _private("ansible.executor.module_common", "_BuiltModule")
    return built(b_module_data=b"", module_style="new", shebang=f"#!{sys.executable}", serialization_profile=PROFILE)


# What is tried once, and thrown away: a name that is there may take something else.
_TRIALS: tuple[tuple[str, t.Callable[[], t.Any]], ...] = (
    ("ansible.executor.module_common._BuiltModule", nothing_built),
    ("ansible.module_utils.common.json.get_module_encoder", lambda: packed({})),
)
# The methods that are overridden: what ansible-core calls them with, and whether ours name all of that. The others pass
# on what they do not know.
_METHODS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("_configure_module", ("module_name", "module_args", "task_vars"), True),
    ("_execute_module", ("module_name", "module_args", "task_vars", "wrap_async"), False),
    ("_is_pipelining_enabled", ("module_style", "wrap_async"), True),
    ("_low_level_execute_command", ("cmd",), False),
)


def misfits() -> list[str]:
    """The names that this ansible-core has, with another meaning than is built on here."""
    found = [name for name, make in _TRIALS if not _works(make)]
    methods = (name for name, wanted, exactly in _METHODS if not _takes(name, wanted, exactly))
    found += [f"ansible.plugins.action.ActionBase.{name}" for name in methods]
    return [f"{name} as it was" for name in found]


def _works(make: t.Callable[[], t.Any]) -> bool:
    try:
        make()
    except (TypeError, ValueError, KeyError, AttributeError):
        return False
    return True


def _takes(name: str, wanted: t.Sequence[str], exactly: bool) -> bool:
    method = getattr(ActionBase, name, None)
    _self, *taken = inspect.signature(method).parameters if method else ("",)
    return taken == list(wanted) if exactly else set(wanted) <= set(taken)


MISSING_NAMES = missing_names((*((module, name) for module, name, _make in _STATE), *_FUNCTIONS)) or misfits()


def run_here(main: Main, arguments: bytes, environment: t.Mapping[str, str], directory: str) -> Result:
    """Run a module's main; the values that ansible-core expects of a command that has ended.

    What it changes in this process is put back, as a task may run several modules.
    """
    output, complaints = io.StringIO(), io.StringIO()
    with (
        _as_module(arguments),
        _environment(environment),
        _directory(directory),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(complaints),
    ):
        status = _exit_status(main)
    said, complained = output.getvalue(), complaints.getvalue()
    return {
        "rc": status,
        "stdout": said,
        "stdout_lines": said.splitlines(),
        "stderr": complained,
        "stderr_lines": complained.splitlines(),
    }


def _exit_status(main: Main) -> int:
    """A module ends by SystemExit. Anything else is reported as for one that has a process of its own."""
    try:
        try:
            main()
        except Exception as error:
            _private("ansible.module_utils._internal._ansiballz._loader", "_handle_exception")(error, PROFILE)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


@contextlib.contextmanager
def _as_module(arguments: bytes) -> t.Iterator[None]:
    places = [(importlib.import_module(module), name, make(arguments)) for module, name, make in _STATE]
    before = [getattr(module, name) for module, name, _value in places]
    for module, name, value in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _value), value in zip(places, before):
            setattr(module, name, value)


@contextlib.contextmanager
def _environment(added: t.Mapping[str, str]) -> t.Iterator[None]:
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _directory(path: str) -> t.Iterator[None]:
    """The working directory that a command on a local connection has."""
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)
