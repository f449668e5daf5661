# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recovery: an administrator signs in once, here; the collection's own modules do the rest where the keys are."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.utils.display import Display

from ..module_utils._ansible.recovering import checked_options
from ..module_utils._ansible.run import failure_of
from ..module_utils._ansible.specs import CONNECTION
from ..module_utils._core.errors import InvalidInput
from ..module_utils._core.misplaced import hidden, misplaced_in
from ..modules import application_access, application_certificate_renew, application_certificate_verify
from ..plugin_utils._controller_sign_in import CONSENT, WRITE, Result
from ..plugin_utils._recovery import Recovery
from ..plugin_utils._signing_in import SigningInAction
from ..plugin_utils._waiting import Narrator, run_in_slices


class ActionModule(SigningInAction):
    """Options are checked before anybody signs in. The token goes to each module through a pipe."""

    modules = (application_access, application_certificate_renew, application_certificate_verify)
    reason = "application_recovery"

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        self._refuse_hidden_options()
        try:
            self._options: Result = checked_options(self._task.args)
        except InvalidInput as error:
            return {"failed": True, **hidden(failure_of(error), misplaced_in(self._task.args, ()))}
        # Who consents to nothing is not asked for the right to.
        self.scopes = WRITE if self._options["permissions"] == [] else CONSENT
        return super().run(tmp, task_vars)

    def _signs_in_here(self) -> bool:
        return True

    def _act(self, arguments: Result, task_vars: Result | None) -> Result:
        names = ("auth_source", "access_token", "tenant_id", "cloud", "authority_host", "graph_url")
        signed_in = {name: arguments[name] for name in names}
        connection = {**dict.fromkeys(CONNECTION), "ca_path": self._options["ca_path"], **signed_in}
        said: dict[str, list[str]] = {"warnings": [], "deprecations": []}
        recovery = Recovery(self._caller(task_vars or {}, said), self._teller(task_vars), self._options, connection)
        result = recovery.run(bool(self._task.check_mode))
        self._clean_up()
        return {**result, **{name: messages for name, messages in said.items() if messages}}

    def _teller(self, task_vars: Result | None) -> t.Callable[[str], None]:
        """One line about the plan, unless the task keeps what it does to itself."""
        if self._task.no_log:
            return lambda line: None
        subject = self._subject(task_vars or {})
        return lambda line: Display().display(f"{subject}: {line}")

    def _caller(self, task_vars: Result, said: dict[str, list[str]]) -> t.Any:
        """How a recovery calls a module: in slices, with the waits shown."""

        def call(module: str, arguments: Result, check: bool, repairs: t.Sequence[str]) -> Result:
            narrator = Narrator(
                say=Display().display,
                subject=lambda carry: self._subject(task_vars),
                is_discreet=bool(self._task.no_log),
            )

            def once(waiting: Result) -> Result:
                given = {**arguments, "_waiting": {**waiting, "repairs": list(repairs)}}
                with self._checking(check):
                    return t.cast(
                        Result,
                        self._execute_module(
                            module_name=f"evercert.entra.{module}", module_args=given, task_vars=task_vars
                        ),
                    )

            result = run_in_slices(once, narrator)
            for name, messages in said.items():
                messages += [message for message in result.get(name) or () if message not in messages]
            return result

        return call

    @contextlib.contextmanager
    def _checking(self, check: bool) -> t.Iterator[None]:
        """The plan comes from the modules' own check mode, whatever the task's is."""
        before = self._task.check_mode
        self._task.check_mode = before or check
        try:
            yield
        finally:
            self._task.check_mode = before

    def _subject(self, task_vars: Result) -> str:
        host = str(task_vars.get("inventory_hostname", "localhost"))
        if self._task.no_log:
            return host
        names = (self._options[name] for name in ("display_name", "app_id", "object_id"))
        return f"{host}, {next((name for name in names if name), '')}"
