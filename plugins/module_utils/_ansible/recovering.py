# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of application_recovery, checked and complete before anybody signs in."""

from __future__ import annotations

import typing as t

from .._core.errors import InvalidInput
from . import arguments, checking, contradictions, specs

SPEC: specs.Spec = specs.OF_APPLICATION_RECOVERY


def checked_options(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """With the defaults and the environment of this process. Raises InvalidInput with every problem."""
    checked, wrong = checking.checked_options(SPEC, given)
    if wrong:
        raise InvalidInput(wrong)
    options, empty = arguments.tidied(checked)
    if empty:
        raise InvalidInput(arguments.about_empty(empty))
    problems = [*arguments.problems_of(options), *contradictions.problems_of_recovery(options)]
    if problems:
        raise InvalidInput(problems)
    return options
