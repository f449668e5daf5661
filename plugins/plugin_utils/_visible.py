# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin that every module with long waits has: the module of the same name, in slices."""

from __future__ import annotations

import sys
import typing as t
from pathlib import PurePath

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ._waiting import Narrator, Result, run_in_slices


def show_lines_at_once(stream: t.Any) -> None:
    """Ansible leaves flushing to the system: in a pipe, such as a pipeline's log, a line would wait for the next task.

    The process that plays writes the lines, and it loads an action plugin before it forks the worker of a task.
    """
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(line_buffering=True)


show_lines_at_once(sys.stdout)


class VisibleAction(ActionBase):
    """Runs on the controller. A task with `async` has nobody watching: its module waits by itself."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        if "_waiting" in self._task.args:
            raise AnsibleActionFail(
                "Unsupported option: _waiting. It is how the waiting is handed over, not for tasks."
            )
        if self._task.async_val:
            return {**result, **self._execute_module(task_vars=task_vars, wrap_async=True)}
        narrator = Narrator(
            say=Display().display,
            subject=lambda carry: self._subject(carry, task_vars or {}),
            is_discreet=bool(self._task.no_log),
        )
        result.update(run_in_slices(lambda waiting: self._call(waiting, task_vars), narrator))
        t.cast(t.Any, self)._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _call(self, waiting: Result, task_vars: Result | None) -> Result:
        arguments = {**self._task.args, "_waiting": waiting}
        return t.cast(Result, self._execute_module(module_args=arguments, task_vars=task_vars))

    def _subject(self, carry: Result, task_vars: Result) -> str:
        """The host, and the application by the best name that is known so far."""
        host = str(task_vars.get("inventory_hostname", "localhost"))
        if self._task.no_log:
            return host
        given = self._task.args
        names = [(carry.get("progress") or {}).get("display_name")]
        names += [given.get(name) for name in ("display_name", "app_id", "object_id")]
        names.append(PurePath(str(given.get("key_store") or "")).name)
        return ", ".join(dict.fromkeys([host, *[str(name) for name in names if name][:1]]))
