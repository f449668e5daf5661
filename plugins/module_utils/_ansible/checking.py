# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own check of options, for modules and others: null is not given, and types have plain words."""

from __future__ import annotations

import copy
import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .arguments import Options
from .specs import Spec

# What Ansible says of a value of the wrong type, in Python's words.
_OF_TYPES = re.compile(
    r"argument '([^']+)' is of type (?:<class ')?(\w+)(?:'>)? and we were unable to convert to (?:a )?(\w+): "
    r".*?(?=$|\n|argument '|value of )",
)
_KINDS = {
    "bool": "true or false",
    "dict": "a dictionary",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}


def checked_options(spec: Spec, given: Options) -> tuple[dict[str, t.Any], list[str]]:
    """The values in their types with all defaults, and what is wrong with them."""
    problems = problems_of_lists(spec, given)
    if problems:
        return dict(given), problems
    try:
        checked = ArgumentSpecValidator(spec).validate(without_nulls(spec, given))
    except OverflowError:  # which ansible-core leaves alone
        large = [name for name, value in given.items() if isinstance(value, int) and abs(value) > 2**63]
        return dict(given), [f"{', '.join(large)}: the number is too large."]
    return checked.validated_parameters, [plainly(message) for message in checked.error_messages]


def without_nulls(spec: Spec, given: Options) -> dict[str, t.Any]:
    """Null is not given: Ansible would refuse it where there is a default.

    Where there is none it stays: so a task says that the environment does not count either.
    """
    defaults = {name: entry["default"] for name, entry in spec.items() if "default" in entry}
    return {
        name: copy.copy(defaults[name]) if value is None and name in defaults else value
        for name, value in given.items()
    }


def problems_of_lists(spec: Spec, given: Options) -> list[str]:
    """Ansible reads a text as a dictionary; where it cannot, it names no option, and shows the secrets of others."""
    return [
        f"{name} must be a list of dictionaries."
        for name, entry in spec.items()
        if entry.get("elements") == "dict" and not _is_list_of_dictionaries(given.get(name))
    ]


def _is_list_of_dictionaries(value: t.Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(one, dict) for one in value))


def secrets_in(spec: Spec, given: Options) -> set[str]:
    """The values that are never shown. Ansible finds them only where nothing is wrong with the other options."""
    names = (
        alias for name, entry in spec.items() if entry.get("no_log") for alias in (name, *entry.get("aliases", ()))
    )
    return {str(given[name]) for name in names if given.get(name)}


def plainly(message: str) -> str:
    """What Ansible says of a value of the wrong type, without the names that Python has for types."""
    return _OF_TYPES.sub(_told, message)


def _told(found: re.Match[str]) -> str:
    name, given, wanted = found.groups()
    what = "a value of another type" if given == "NoneType" else _KINDS.get(given, given)
    return f"{name} must be {_KINDS.get(wanted, wanted)}, and is {what} that is none."
