# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an action calls a module: in this process where that comes to the same, else in one of its own."""

from __future__ import annotations

import functools
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
from . import _core_parts, _door
from ._core_parts import Result
from ._in_process import Visit

# Made when the process that plays imports its first action, so that the workers it forks all have it.
MEMORY = PlayMemory.open()
prepare_trust(os.environ)


class EitherDoorAction(ActionBase):
    """`modules` are those that it calls, imported at file level.

    The process that plays loads an action before it forks the worker of a task, so all workers have the libraries.
    """

    modules: t.Sequence[types.ModuleType] = ()
    _visit: Visit | None = None

    def _execute_module(self, *positional: t.Any, **named: t.Any) -> t.Any:
        """ansible-core's own, with the steps below replaced where the module runs here."""
        core: t.Any = super()._execute_module
        call = functools.partial(core, *positional, **named)
        module_name = str(named.get("module_name") or self._task.action)
        is_async = bool(named.get("wrap_async") or self._task.async_val)
        visit = self._visit_of(module_name, named.get("task_vars") or {}, is_async)
        return self._received(visit, call) if visit else call()

    def _received(self, visit: Visit, call: t.Callable[[], t.Any]) -> t.Any:
        """The module's result. Where ansible-core never came to the module, the ordinary door is still open."""
        self._visit, result, error = visit, None, ""
        try:
            result = call()
        except Exception as problem:  # whatever an ansible-core of another form makes of it
            if not visit.is_undone or visit.is_forced:
                raise
            error = f" ({type(problem).__name__})"
        finally:
            self._visit = None
        if visit.has_begun:
            return result
        why = f"ansible-core {_core_parts.VERSION} calls modules in another way than is known here{error}"
        if visit.is_forced:
            raise AnsibleActionFail(f"{_door.VARIABLE} is {_door.ALWAYS}, but {why}.")
        # A mistake that has nothing to do with the door comes again, and is what the task says.
        result = call() if visit.is_undone else result
        Display().warning(_door.warning(why))
        return result

    # These pass on all that they are given: a newer ansible-core may call them in another way, through either door.

    def _is_pipelining_enabled(self, *positional: t.Any, **named: t.Any) -> bool:
        """No directory is made for a module that is not sent."""
        return self._visit is not None or bool(super()._is_pipelining_enabled(*positional, **named))

    def _configure_module(self, *positional: t.Any, **named: t.Any) -> t.Any:
        visit = self._visit
        if visit is None or named.get("module_name") != visit.name:
            return super()._configure_module(*positional, **named)
        return visit.stand_in(named["module_args"]), visit.name

    def _low_level_execute_command(self, *positional: t.Any, **named: t.Any) -> t.Any:
        visit = self._visit
        if visit is None or not visit.is_meant_by((*positional, *named.values())):
            ordinary: t.Any = super()  # without types in ansible-core 2.19
            return ordinary._low_level_execute_command(*positional, **named)
        with shared(Sharing(MEMORY, self._say) if MEMORY else None):
            return visit.run()

    def _say(self, line: str) -> None:
        Display().display(line)

    def _visit_of(self, module_name: str, task_vars: Result, is_async: bool) -> Visit | None:
        """What runs here in place of a process, or None. Raises AnsibleActionFail where it must and cannot."""
        leaf = module_name.rpartition(".")[2]
        found = next((module for module in self.modules if module.__name__.rpartition(".")[2] == leaf), None)
        wish = self._wish(task_vars)
        if found is None or wish == _door.NEVER:
            return None
        task = self._circumstances(task_vars, is_async, wish == _door.ALWAYS)
        why = _door.why_not_here(task)
        if why and task.is_forced:
            raise AnsibleActionFail(f"{_door.VARIABLE} is {_door.ALWAYS}, but {why}.")
        if warning := _door.warning_for(task):
            Display().warning(warning)  # Ansible shows it once, however many tasks have it
        Display().vvv(f"{leaf} has a process of its own: {why}" if why else f"{leaf} runs in Ansible's own process")
        if why:
            return None
        return Visit(module_name, found.main, task.environment, self._loader.get_basedir(), task.is_forced)

    def _wish(self, task_vars: Result) -> str:
        wish = self._templar.template(task_vars[_door.VARIABLE]) if _door.VARIABLE in task_vars else _door.AUTO
        if wish not in (_door.AUTO, _door.ALWAYS, _door.NEVER):
            raise AnsibleActionFail(
                f"{_door.VARIABLE} must be {_door.AUTO}, {_door.ALWAYS} or {_door.NEVER}, not '{wish}'."
            )
        return str(wish)

    def _circumstances(self, task_vars: Result, is_async: bool, is_forced: bool) -> _door.Circumstances:
        become = self._connection.become
        return _door.Circumstances(
            transport=str(self._connection.transport),
            become=str(become.name) if become else None,
            is_async=is_async,
            keeps_files=bool(C.config.get_config_value("DEFAULT_KEEP_REMOTE_FILES")),
            interpreter=self._interpreter(task_vars),
            environment={} if _core_parts.MISFITS else self._environment(),
            core=_core_parts.VERSION,
            misfits=_core_parts.MISFITS,
            is_forced=is_forced,
        )

    def _environment(self) -> t.Mapping[str, str]:
        environment: Result = {}
        ordinary: t.Any = self  # without types in ansible-core 2.19
        ordinary._compute_environment_string(raw_environment_out=environment)
        return {name: str(value) for name, value in environment.items()}

    def _interpreter(self, task_vars: Result) -> str | None:
        """The Python that the host is set to, or that was discovered there."""
        host = self._task.delegate_to
        variables = task_vars.get("ansible_delegated_vars", {}).get(host, task_vars) if host else task_vars
        chosen = self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=variables))
        if not chosen or str(chosen).startswith("auto"):
            chosen = (variables.get("ansible_facts") or {}).get("discovered_interpreter_python")
        return str(chosen) if chosen else None
