# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be meant among the variables of a role: looked at before the role does anything, in check mode too.

Every refusal names the variable. What a variable means to the module that gets it, the module's own checks say.
"""

from __future__ import annotations

import difflib
import os
import re
import typing as t

from ansible.release import __version__ as CORE

from ..module_utils._ansible import arguments
from ..module_utils._ansible.checking import checked_options
from ..module_utils._ansible.specs import CONNECTION, Spec
from ..module_utils._core.texts import plain, trimmed
from ._role_specs import BOUNDS, MODULES, NEVER_NULL, OF_ROLES, PATTERNS, SETS, TASK_FILES

FLOOR = (2, 19)
TOO_OLD = (
    "ansible-core {core} makes a text of every variable that is null, so the roles of this collection need 2.19. Its "
    "modules, and the inventory, run from 2.16 on: use application_certificate_renew in a task of your own, or a newer "
    "execution environment."
)
# What to do in place of a list with nothing in it, by which nothing would be done.
INSTEAD = {"renew_applications": "Name applications, or leave it alone and set entra_app_id and entra_key_store."}
Values = t.Mapping[str, t.Any]
_LONGEST = 60  # of a text that is quoted


def role_problems(names: t.Iterable[str], role: str, values: Values, playbook_dir: str = "") -> list[str]:
    """Every problem at once. `names` are all variables with the role's prefix, `values` those that it knows."""
    if tuple(map(int, CORE.split(".")[:2])) < FLOOR:
        return [TOO_OLD.format(core=CORE)]
    known = [*OF_ROLES[role], *SETS[role]]
    problems = [unknown(name, known) for name in sorted(names) if name not in known]
    # A value of the wrong kind has no meaning that could be looked at.
    of_kinds = _problems_of_kinds(role, values)
    return list(dict.fromkeys(problems + (of_kinds or _problems_of_values(role, values, playbook_dir))))


def unknown(name: str, known: t.Sequence[str]) -> str:
    nearest = _nearest(name, sorted(known))
    return f"{name} is not known. " + (f"Is {nearest} meant?" if nearest else f"Known are {', '.join(sorted(known))}.")


def _nearest(name: str, known: t.Sequence[str]) -> str | None:
    """The one that is spelled most like it, with or without the words in front of an option's own name."""
    wanted = name.partition("_")[2]
    endings: dict[str, str] = {}
    for each in sorted(known, key=len, reverse=True):
        words = each.split("_")[1:]
        endings.update({"_".join(words[start:]): each for start in range(len(words))})
    alike = difflib.get_close_matches(wanted, endings, 1, 0.7)
    return endings[alike[0]] if alike else None


def _problems_of_kinds(role: str, values: Values) -> list[str]:
    given = {name: value for name, value in values.items() if value is not None}
    odd = [f"{name} is null. Give it a value, or leave it out." for name in NEVER_NULL if values.get(name, 0) is None]
    odd += [problem for name, value in given.items() for problem in _not_as_it_is(role, name, value)]
    if odd:
        return odd
    options, spec = _options(role, given)
    return checked_options(OF_ROLES[role], given)[1] + _prefixed(role, checked_options(spec, options)[1])


def _not_as_it_is(role: str, name: str, value: t.Any) -> t.Iterator[str]:
    """A module makes a list of a text, and a dictionary of one like a=b; a role takes what is its own as it is."""
    kinds = {"list": (list, "a list"), "dict": (dict, "a dictionary")}
    kind, told = kinds.get(OF_ROLES[role][name]["type"], (object, ""))
    if value == [] and (name in INSTEAD or OF_ROLES[role][name].get("default")):
        yield f"{name} is an empty list. {INSTEAD.get(name, 'Name something, or leave it out.')}"
    if not _is_handed_over(role, name) and not isinstance(value, kind):
        yield f"{name} must be {told}."


def _is_handed_over(role: str, name: str) -> bool:
    return name.removeprefix(f"{role}_") in MODULES.get(role, {})


def _options(role: str, given: Values) -> tuple[dict[str, t.Any], Spec]:
    """What the module is given, and its spec of that. A path that begins with a variable is the host's to find."""
    options = {
        name.removeprefix(f"{role}_"): value
        for name, value in given.items()
        if _is_handed_over(role, name) and not str(value).startswith("$")
    }
    spec = MODULES[role] if options else {}
    return options, {name: {**entry, "required": False} for name, entry in spec.items() if name in options}


def _prefixed(role: str, problems: t.Iterable[str]) -> list[str]:
    """What is said of a module's option, said of the role's variable."""
    named = {f"{role}_{option}" for option in MODULES.get(role, {})} & OF_ROLES[role].keys()
    words = "|".join(sorted((name.removeprefix(f"{role}_") for name in named), key=len, reverse=True))
    first = [re.sub(rf"(?<![\w/'])({words})(?=[ :,(]|$)", rf"{role}_\1", problem, count=1) for problem in problems]
    # Further ones only where they are no words of English, and none of the words to choose from.
    options = "|".join(word for word in words.split("|") if "_" in word) or "$^"
    further = re.compile(rf"(?<![\w/'])({options})(?![\w/'])")
    return [problem if " one of" in problem else further.sub(rf"{role}_\1", problem) for problem in first]


def _problems_of_values(role: str, values: Values, playbook_dir: str) -> list[str]:
    given = {name: value for name, value in values.items() if value is not None}
    options, spec = _options(role, given)
    options, empty = arguments.tidied(checked_options(spec, options)[0])
    found = _prefixed(role, [*arguments.about_empty(empty), *arguments.problems_of(options)])
    own = {name: value for name, value in given.items() if not _is_handed_over(role, name)}
    for name, value in own.items():
        found += _problems_of_own(name, value, OF_ROLES[role][name].get("default"))
    found += [_missing(name, given[name], playbook_dir) for name in TASK_FILES if given.get(name)]
    found += _problems_of_registrar(given.get("renew_registrar") or {})
    entries = enumerate(given.get("schedule_applications") or (), 1)
    without = (number for number, one in entries if not one.get("key_store"))
    found += [f"schedule_applications, entry {number} names no key_store." for number in without]
    return [problem for problem in found if problem]


def _problems_of_own(name: str, value: t.Any, default: t.Any) -> t.Iterator[str]:
    if name in BOUNDS:
        yield from arguments.out_of_bounds(name, float(value), BOUNDS[name])
    entries = (
        [(f"{name}, entry {number}", one) for number, one in enumerate(value, 1)] if isinstance(value, list) else []
    )
    for where, one in entries or [(name, value)]:
        if isinstance(one, dict):
            yield from arguments.about_empty(f"{where}: {key}" for key, part in one.items() if _is_empty(part))
        elif isinstance(one, str):
            yield from _problems_of_text(where, one, default, PATTERNS.get(name))


def _problems_of_text(name: str, text: str, default: t.Any, rule: tuple[str, str] | None) -> t.Iterator[str]:
    shown = plain(text, _LONGEST)
    if text == default:
        return
    if _is_empty(text):
        yield from arguments.about_empty([name])
    elif plain(text) != text:
        yield f"{name} holds a character that cannot be seen: {shown}."
    elif rule and not re.fullmatch(rule[0], text):
        yield f"{name} must be {rule[1]}, not '{shown}'."


def _problems_of_registrar(options: Values) -> list[str]:
    known = {word for name, entry in CONNECTION.items() for word in (name, *entry.get("aliases", ()))}
    return [f"renew_registrar: {name} is no connection option." for name in options if name not in known]


def _is_empty(value: t.Any) -> bool:
    return isinstance(value, str) and not trimmed(value)


def _missing(name: str, path: t.Any, playbook_dir: str) -> str:
    found = os.path.join(playbook_dir, str(path))
    if os.path.isfile(found):
        return ""
    advice = "" if os.path.isabs(str(path)) else " Give its absolute path, or put it beside the playbook."
    return f"{name} is {path}, and {found} is no file on the control node.{advice}"
