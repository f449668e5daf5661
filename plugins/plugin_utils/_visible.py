# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin that every module with long waits has: the module of the same name, in slices."""

from __future__ import annotations

import sys
import typing as t
from pathlib import PurePath

from ansible.utils.display import Display

from ._signing_in import SigningInAction
from ._waiting import Narrator, Result, run_in_slices


def show_lines_at_once(stream: t.Any) -> None:
    """Ansible leaves flushing to the system: in a pipe, such as a job's log, a line would wait for the next one."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(line_buffering=True)


# When this is loaded, not when a task runs: that is in a worker, which hands its lines to the process that plays, and
# only that one writes them. All it does of an action is to load it, before it forks the worker of the task.
show_lines_at_once(sys.stdout)


class VisibleAction(SigningInAction):
    """Runs on the controller. A task with `async` has nobody watching: its module waits by itself."""

    def _act(self, arguments: Result, task_vars: Result | None) -> Result:
        narrator = Narrator(
            say=Display().display,
            subject=lambda carry: self._subject(carry, task_vars or {}),
            is_discreet=bool(self._task.no_log),
        )
        result = run_in_slices(lambda waiting: self._call(arguments, waiting, task_vars), narrator)
        self._clean_up()
        return result

    def _call(self, arguments: Result, waiting: Result, task_vars: Result | None) -> Result:
        in_a_slice = {**arguments, "_waiting": waiting}
        return t.cast(Result, self._execute_module(module_args=in_a_slice, task_vars=task_vars))

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
