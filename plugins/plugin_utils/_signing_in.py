# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin behind every module: the module of the same name, after a sign-in here where that is asked for."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ..module_utils._ansible.run import failure_of
from ..module_utils._core.errors import EvercertError
from ..module_utils._core.misplaced import hidden, misplaced_in
from . import _controller_sign_in as controller
from . import _core_parts
from ._controller_sign_in import Result
from ._either_door import EitherDoorAction


class SigningInAction(EitherDoorAction):
    """Runs on the controller. With auth_source device_code it signs a person in and gives the module the token."""

    _supports_check_mode = True
    _supports_async = True
    scopes: t.Sequence[str] = controller.WRITE
    # What the messages about a token name as its reason.
    reason = "auth_source device_code"
    _carries_token = False

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        self._refuse_hidden_options()
        if self._signs_in_here():
            self._refuse_what_would_store_the_token()
            signed_in, failure = self._sign_in(task_vars or {})
            if failure:
                return {**result, **failure}
            return {**result, **self._act(signed_in, task_vars)}
        if self._task.async_val:
            return {**result, **self._execute_module(task_vars=task_vars, wrap_async=True)}
        return {**result, **self._act(self._task.args, task_vars)}

    def _signs_in_here(self) -> bool:
        return self._task.args.get("auth_source") == "device_code"

    def _act(self, arguments: Result, task_vars: Result | None) -> Result:
        """Run the module, once it is known with what."""
        result = t.cast(Result, self._execute_module(module_args=arguments, task_vars=task_vars))
        self._clean_up()
        return result

    def _clean_up(self) -> None:
        t.cast(t.Any, self)._remove_tmp_path(self._connection._shell.tmpdir)

    def _refuse_hidden_options(self) -> None:
        if "_waiting" in self._task.args:
            raise AnsibleActionFail(
                "Unsupported option: _waiting. It is how the waiting is handed over, not for tasks."
            )

    def _refuse_what_would_store_the_token(self) -> None:
        """A token must not be in a file, not even a temporary one: the module has to travel through a pipe."""
        if self._task.async_val:
            raise AnsibleActionFail(
                f"{self.reason} cannot be combined with async, where nobody sees the code. Remove async, or "
                "choose another auth_source."
            )
        if C.config.get_config_value("DEFAULT_KEEP_REMOTE_FILES"):
            raise AnsibleActionFail(
                f"{self.reason} cannot be combined with ANSIBLE_KEEP_REMOTE_FILES, which would leave the "
                "token in a file. Unset it."
            )
        if _core_parts.PIPELINING in _core_parts.MISFITS:
            raise AnsibleActionFail(
                f"{self.reason} needs pipelining, so that the token is never in a file, and ansible-core "
                f"{_core_parts.VERSION} decides on it in another way than is known here. Use another auth_source, or "
                "an older ansible-core."
            )
        become = self._connection.become
        if not self._connection.has_pipelining or (become and not become.pipelining):
            through = f"become method {become.name}" if become else f"connection plugin {self._connection.transport}"
            raise AnsibleActionFail(
                f"{self.reason} needs pipelining, so that the token is never in a file, and the {through} "
                "has none. Use a connection such as local or ssh with become method sudo, or another auth_source."
            )

    def _sign_in(self, task_vars: Result) -> tuple[Result, Result]:
        """The module's options with a token in them; or the failure that is the task's result."""
        host = str(task_vars.get("inventory_hostname", "localhost"))
        given = self._task.args
        try:
            found = controller.sign_in(given, lambda line: Display().display(f"{host}: {line}"), self.scopes)
        except EvercertError as error:
            return {}, {"failed": True, **hidden(failure_of(error), misplaced_in(given, ()))}
        self._carries_token = True
        own = {name: value for name, value in given.items() if name not in ("tenant", "cloud_environment")}
        return {**own, **found}, {}

    def _is_pipelining_enabled(self, *positional: t.Any, **named: t.Any) -> bool:
        """With a token among its options the module travels through a pipe, whatever the configuration says."""
        if self._carries_token:
            return "new" in (*positional, *named.values())
        return super()._is_pipelining_enabled(*positional, **named)
