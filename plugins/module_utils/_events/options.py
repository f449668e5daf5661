# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of the event source → settings. Every problem is found at the start, and all are named at once."""

from __future__ import annotations

import math
import os
import typing as t
from dataclasses import dataclass, field

from .._ansible import arguments, specs
from .._ansible.call import Call
from .._ansible.connect import open_connection
from .._ansible.precedence import as_a_whole, names_from_environment, names_given
from .._ansible.ways import way_of
from .._core.errors import InvalidInput
from .._core.misplaced import hidden, misplaced_in
from .schedule import Schedule

Given = t.Mapping[str, t.Any]

OF_TENANT: specs.Spec = {**specs.CONNECTION, **specs.FILTER}
OF_SOURCE: specs.Spec = specs.OF_CERTIFICATE_EXPIRY
TIMES = ("interval", "repeat_after")


@dataclass(frozen=True)
class Watched:
    """A tenant, with every option that counts for it, which hold its secrets."""

    options: arguments.Options = field(repr=False)
    # The options that the arguments leave out and the environment gave.
    from_environment: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Settings:
    """What to watch, and how often."""

    tenants: tuple[Watched, ...]
    statuses: tuple[str, ...]
    schedule: Schedule


def read_settings(args: Given, environment: t.Mapping[str, str]) -> Settings:
    """Check everything without asking anybody. Raises InvalidInput with every problem."""
    problems: list[str] = []
    own = _read(args, OF_SOURCE, "", problems)
    entries = _entries(own.pop("tenants", None), problems)
    values = {**_defaults(OF_SOURCE), **own}
    problems += _problems_of_bounds(values)
    shared = {name: own[name] for name in OF_TENANT if name in own}
    common = {"renew_before": values["renew_before"]}
    tenants = tuple(_complete({**common, **shared, **entry}, environment) for entry in entries)
    _check(tenants, problems)
    if problems:
        raise InvalidInput(hidden(problems, misplaced_in(dict(args), ())))
    schedule = Schedule(**{name: values[name] for name in TIMES})
    return Settings(tenants, tuple(values["statuses"]), schedule)


def _entries(given: t.Any, problems: list[str]) -> list[dict[str, t.Any]]:
    """The tenants as they stand in the list; without a list the options at the top are one."""
    if given is None:
        return [{}]
    if not given or not all(isinstance(entry, dict) for entry in given):
        problems.append("tenants must be a list of at least one entry, each with the connection options of a tenant.")
        return []
    return [_read(entry, OF_TENANT, f"tenants[{number}]: ", problems) for number, entry in enumerate(given)]


def _complete(given: Given, environment: t.Mapping[str, str]) -> Watched:
    """Options that are not given come from the environment, else they have their defaults."""
    all_of_them = {**_defaults(OF_TENANT), **_fallbacks(environment), **given}
    own = names_given(OF_TENANT, given)
    options = arguments.tidied(as_a_whole(all_of_them, own, environment=environment))[0]
    return Watched(options, names_from_environment(OF_TENANT, options, own))


def _defaults(spec: specs.Spec) -> dict[str, t.Any]:
    return {name: entry["default"] for name, entry in spec.items() if "default" in entry}


def _fallbacks(environment: t.Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, entry in OF_TENANT.items():
        variables = entry.get("fallback", (None, []))[1]
        value = next((environment[variable] for variable in variables if environment.get(variable)), None)
        if value is not None:
            found[name] = value
    return found


def _check(tenants: t.Sequence[Watched], problems: list[str]) -> None:
    """What a connection says to the options of each tenant; what it says to all of them is said once."""
    where: dict[str, list[int]] = {}
    for number, tenant in enumerate(tenants):
        for problem in _problems_of_tenant(tenant):
            where.setdefault(problem, []).append(number)
    for problem, numbers in where.items():
        named = "" if len(numbers) == len(tenants) else ", ".join(f"tenants[{number}]" for number in numbers) + ": "
        problems.append(f"{named}{problem}")


def _problems_of_tenant(tenant: Watched) -> t.Sequence[str]:
    options = tenant.options
    misplaced = [name for name, value in options.items() if misplaced_in(value, ())]
    if misplaced:
        return [f"{name} holds a private key: no option of this source takes one." for name in misplaced]
    empty = arguments.tidied(options)[1]
    if empty:
        return arguments.about_empty(empty)
    way = way_of(options.get("auth_source"))
    if way and way.not_for_polls:
        return [f"auth_source {way.name} is not for an event source: it {way.not_for_polls}."]
    try:
        open_connection(options, Call(needs_application=False, from_environment=tenant.from_environment))
    except InvalidInput as invalid:
        return invalid.problems
    return ()


def _problems_of_bounds(values: Given) -> list[str]:
    return arguments.problems_of_numbers({name: values[name] for name in TIMES})


# Reading values: ansible-core does this for modules; here it need not be installed.


def _read(given: Given, spec: specs.Spec, where: str, problems: list[str]) -> dict[str, t.Any]:
    """The options by their first name and in their type."""
    names = {alias: name for name, entry in spec.items() for alias in (name, *entry.get("aliases", ()))}
    unknown = [str(name) for name in given if name not in names]
    if unknown:
        problems.append(f"{where}no such option: {', '.join(sorted(unknown))}. Options: {', '.join(sorted(spec))}.")
    values: dict[str, t.Any] = {}
    for alias, value in given.items():
        name = names.get(alias)
        if name is None or value is None:
            continue
        if name in values:
            problems.append(f"{where}{name} is given twice, once by another of its names.")
        try:
            values[name] = _typed(value, spec[name])
        except ValueError as wrong:
            problems.append(f"{where}{name} {wrong}.")
    return values


def _typed(value: t.Any, entry: dict[str, t.Any]) -> t.Any:
    """The value in the option's type. Raises ValueError; its text quotes no value, as that may be a secret."""
    typed = TYPES[entry["type"]](value)
    choices = entry.get("choices")
    if choices and any(one not in choices for one in (typed if isinstance(typed, list) else [typed])):
        raise ValueError(f"must be one of {', '.join(choices)}")
    return typed


def _text(value: t.Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value


def _path(value: t.Any) -> str:
    return os.path.expanduser(os.path.expandvars(_text(value)))


def _number(value: t.Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return number


def _whole_number(value: t.Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("must be a whole number")
    return int(number)


def _list(value: t.Any) -> list[t.Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


TYPES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "str": _text,
    "path": _path,
    "float": _number,
    "int": _whole_number,
    "list": _list,
}
