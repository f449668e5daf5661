# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AnsibleModule for all of our modules: what it logs and what it returns has no private key in it."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from .._core.misplaced import misplaced_in, pieces_of
from .._core.texts import sentence
from .checking import plainly, problems_of_lists, secrets_in, without_nulls
from .precedence import as_a_whole, names_from_environment, names_given


class DiscreetModule(AnsibleModule):
    """A private key in an option for public things is refused; it must not show in the report of that, nor in a log.

    ansible-core logs an invocation, and refuses values of the wrong type, before a module's own code runs. So the keys
    are hidden at the doors that anything leaves by. Not so where a key belongs: it shares pieces with its certificate,
    which is a result.
    """

    # What the action plugin of the same name hands over to go on with a wait: no option, and nothing that a task has.
    waiting: t.Mapping[str, t.Any] = {}
    # The options that the environment gave.
    from_environment: frozenset[str] = frozenset()
    _given: t.Mapping[str, t.Any] | None = None

    def __init__(self, on_trial: str = "", **specification: t.Any) -> None:
        """`on_trial` is an option that names a credential to try; see `as_a_whole`."""
        self._described = specification["argument_spec"]
        core: t.Any = super()  # which has no types
        core.__init__(**specification)
        if self._given is not None:
            given = names_given(self.argument_spec, self._given)
            self.params.update(as_a_whole(self.params, given, on_trial))
            self.from_environment = names_from_environment(self.argument_spec, self.params, given)

    def _load_params(self) -> None:
        """A task's own arguments, before ansible-core fills in the environment and no longer tells them apart."""
        core: t.Any = super()
        core._load_params()
        self.no_log_values.update(secrets_in(self._described, self.params))
        self.waiting = self.params.pop("_waiting", None) or {}
        self._given = dict(self.params)
        self.params = without_nulls(self._described, self.params)
        problems = problems_of_lists(self._described, self.params)
        if not isinstance(self.waiting, dict):
            problems.append("_waiting is not for tasks.")
        if problems:
            self.fail_json(msg=" ".join(problems))

    def log(self, msg: str, log_args: dict[str, t.Any] | None = None) -> None:
        """To syslog, or to the journal, which keeps the arguments as fields of their own."""
        self._hide_misplaced_keys()
        core: t.Any = super()
        core.log(msg, log_args and remove_values(log_args, self.no_log_values))

    def warn(self, warning: str, **more: t.Any) -> None:
        """Warnings quote what others have named."""
        core: t.Any = super()
        core.warn(sentence(warning), **more)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        self._hide_misplaced_keys()
        super().exit_json(**result)
        raise AssertionError  # it has ended the process

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        self._hide_misplaced_keys()
        super().fail_json(plainly(msg), **result)
        raise AssertionError  # it has ended the process

    def _hide_misplaced_keys(self) -> None:
        self.no_log_values.update(pieces_of(misplaced_in(self.params, self.no_log_values)))
