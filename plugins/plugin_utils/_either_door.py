# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an action calls a module: in this process where that comes to the same, else in one of its own."""

from __future__ import annotations

import os
import types
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._ansible.play_memory import PlayMemory
from ..module_utils._ansible.requests_transport import prepare_trust
from ..module_utils._ansible.sharing import Sharing, shared
from . import _door, _in_process
from ._in_process import Main, Result

# Made when the process that plays imports its first action, so that the workers it forks all have it.
MEMORY = PlayMemory.open()
prepare_trust(os.environ)


class EitherDoorAction(ActionBase):
    """`modules` are those that it calls, imported at file level.

    The process that plays loads an action before it forks the worker of a task, so all workers have the libraries.
    """

    modules: t.Sequence[types.ModuleType] = ()
    _main: Main | None = None
    _given = b""
    _given_environment: t.Mapping[str, str] = {}

    def _execute_module(self, *positional: t.Any, **named: t.Any) -> t.Any:
        """ansible-core's own, with the steps below replaced where the module runs here."""
        module_name = str(named.get("module_name") or self._task.action)
        is_async = bool(named.get("wrap_async") or self._task.async_val)
        self._main = self._main_of(module_name, named.get("task_vars") or {}, is_async)
        try:
            return super()._execute_module(*positional, **named)
        finally:
            self._main = None

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        """No directory is made for a module that is not sent."""
        return self._main is not None or bool(super()._is_pipelining_enabled(module_style, wrap_async))

    def _configure_module(self, module_name: str, module_args: Result, task_vars: Result) -> t.Any:
        if self._main is None:
            return super()._configure_module(module_name, module_args, task_vars)
        self._given = _in_process.packed(module_args)
        return _in_process.nothing_built(), module_name

    def _low_level_execute_command(self, cmd: str, *positional: t.Any, **named: t.Any) -> t.Any:
        if self._main is None:
            ordinary: t.Any = super()  # without types in ansible-core 2.19
            return ordinary._low_level_execute_command(cmd, *positional, **named)
        with shared(Sharing(MEMORY, self._say) if MEMORY else None):
            return _in_process.run_here(self._main, self._given, self._given_environment, self._loader.get_basedir())

    def _say(self, line: str) -> None:
        Display().display(line)

    def _main_of(self, module_name: str, task_vars: Result, is_async: bool) -> Main | None:
        """The module's own main where it can run here, else None. Raises AnsibleActionFail where it must and cannot."""
        leaf = module_name.rpartition(".")[2]
        found = next((module for module in self.modules if module.__name__.rpartition(".")[2] == leaf), None)
        wish = self._wish(task_vars)
        if found is None or wish == _door.NEVER:
            return None
        why = _door.why_not_here(self._circumstances(task_vars, is_async))
        if why and wish == _door.ALWAYS:
            raise AnsibleActionFail(f"{_door.VARIABLE} is {_door.ALWAYS}, but {why}.")
        Display().vvv(f"{leaf} has a process of its own: {why}" if why else f"{leaf} runs in Ansible's own process")
        return None if why else t.cast(Main, found.main)

    def _wish(self, task_vars: Result) -> str:
        wish = self._templar.template(task_vars[_door.VARIABLE]) if _door.VARIABLE in task_vars else _door.AUTO
        if wish not in (_door.AUTO, _door.ALWAYS, _door.NEVER):
            raise AnsibleActionFail(
                f"{_door.VARIABLE} must be {_door.AUTO}, {_door.ALWAYS} or {_door.NEVER}, not '{wish}'."
            )
        return str(wish)

    def _circumstances(self, task_vars: Result, is_async: bool) -> _door.Circumstances:
        become = self._connection.become
        environment: Result = {}
        ordinary: t.Any = self  # without types in ansible-core 2.19
        ordinary._compute_environment_string(environment)
        self._given_environment = {name: str(value) for name, value in environment.items()}
        return _door.Circumstances(
            transport=str(self._connection.transport),
            become=str(become.name) if become else None,
            is_async=is_async,
            keeps_files=bool(C.config.get_config_value("DEFAULT_KEEP_REMOTE_FILES")),
            interpreter=self._interpreter(task_vars),
            environment=self._given_environment,
            missing_names=_in_process.MISSING_NAMES,
        )

    def _interpreter(self, task_vars: Result) -> str | None:
        """The Python that the host is set to, or that was discovered there."""
        host = self._task.delegate_to
        variables = task_vars.get("ansible_delegated_vars", {}).get(host, task_vars) if host else task_vars
        chosen = self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=variables))
        if not chosen or str(chosen).startswith("auto"):
            chosen = (variables.get("ansible_facts") or {}).get("discovered_interpreter_python")
        return str(chosen) if chosen else None
