# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be meant among the variables of a role: looked at before the role does anything, in check mode too."""

from __future__ import annotations

import difflib
import os
import typing as t

from ansible.release import __version__ as CORE

from ..module_utils._core.texts import trimmed

FLOOR = (2, 19)
TOO_OLD = (
    "ansible-core {core} makes a text of every variable that is null, so the roles of this collection need 2.19. Its "
    "modules, and the inventory, run from 2.16 on: use application_certificate_renew in a task of your own, or a newer "
    "execution environment."
)
Entries = t.Mapping[str, t.Mapping[str, t.Any]]


def role_problems(
    names: t.Iterable[str],
    known: t.Sequence[str],
    files: t.Mapping[str, t.Any] | None = None,
    playbook_dir: str = "",
    entries: Entries | None = None,
) -> list[str]:
    """Every problem at once."""
    if tuple(map(int, CORE.split(".")[:2])) < FLOOR:
        return [TOO_OLD.format(core=CORE)]
    problems = [_unknown(name, known) for name in sorted(names) if name not in known]
    problems += [_missing(name, path, playbook_dir) for name, path in (files or {}).items() if path]
    problems += [_empty(title, entry) for title, entry in (entries or {}).items()]
    return [problem for problem in problems if problem]


def _unknown(name: str, known: t.Sequence[str]) -> str:
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


def _missing(name: str, path: t.Any, playbook_dir: str) -> str:
    found = os.path.join(playbook_dir, str(path))
    if os.path.isfile(found):
        return ""
    advice = "" if os.path.isabs(str(path)) else " Give its absolute path, or put it beside the playbook."
    return f"{name} is {path}, and {found} is no file on the control node.{advice}"


def _empty(title: str, entry: t.Mapping[str, t.Any]) -> str:
    empty = ", ".join(name for name, value in entry.items() if isinstance(value, str) and not trimmed(value))
    return f"{title}: {empty} is given and empty, as where a variable was never filled." if empty else ""
