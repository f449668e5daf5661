# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a directory store protects its private keys: who may read them besides its writer, and encrypted or not.

What was asked for is remembered in the store, so that readers know what is meant to be and later runs keep it.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import typing as t
from dataclasses import dataclass, field

OWNER_ONLY = 0o600
_ALLOWED, _NEEDED = 0o640, 0o400
# The number that stands for no change.
_NOBODY = 2**32 - 1
_SYMBOLIC = re.compile(r"[ugoa]+=[rwx]*(,[ugoa]+=[rwx]*)*")
_BITS = {"r": 4, "w": 2, "x": 1}


@dataclass(frozen=True)
class Access:
    """Owner and group by number, and the mode of a file. None leaves that as it is: the writer's own, 0600."""

    owner: int | None = None
    group: int | None = None
    mode: int | None = None

    @property
    def is_default(self) -> bool:
        return self == Access()

    @property
    def file_mode(self) -> int:
        return OWNER_ONLY if self.mode is None else self.mode

    @property
    def folder_mode(self) -> int:
        """Who may read the files needs a way to them; only the writer may change what is in a folder."""
        for_group = 0o050 if self.file_mode & 0o040 else 0
        for_owner = 0o001 if self.owner not in (None, os.geteuid()) else 0
        return 0o700 | for_group | for_owner

    def over(self, other: Access) -> Access:
        """This where it says something, else the other."""
        return Access(
            other.owner if self.owner is None else self.owner,
            other.group if self.group is None else self.group,
            other.mode if self.mode is None else self.mode,
        )

    def is_owner(self, number: int) -> bool:
        return number in (os.geteuid(), self.owner)

    def permits(self, found: os.stat_result) -> bool:
        """Whether nobody else than this access says may read the file."""
        shared = found.st_mode & 0o077
        if not shared:
            return True
        return not shared & ~self.file_mode and self.group in (None, found.st_gid)

    def to_values(self) -> dict[str, t.Any]:
        mode = None if self.mode is None else f"{self.mode:04o}"
        return {"owner": self.owner, "group": self.group, "mode": mode}

    @classmethod
    def from_json(cls, content: bytes) -> Access:
        """The reverse, of what a file holds. Raises ValueError for anything else."""
        values = json.loads(content)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        numbers = [values.get(name) for name in ("owner", "group")]
        if not all(number is None or (isinstance(number, int) and number >= 0) for number in numbers):
            raise ValueError("owner or group is not a number")
        mode = parse_mode(values.get("mode"))
        if problem_of_mode(mode):
            raise ValueError("mode lets others in")
        return cls(numbers[0], numbers[1], mode)


@dataclass(frozen=True)
class Protection:
    """What the options say about the private keys in a directory."""

    access: Access = Access()
    key_passphrase: str | None = field(default=None, repr=False)
    pfx_encryption: str = "modern"


PLAIN = Protection()


def wanted_access(owner: str | None, group: str | None, mode: t.Any, problems: list[str]) -> Access:
    """The access that the options ask for; what is wrong with them is added to the problems."""
    number, group_number, bits = _find_user(owner, problems), _find_group(group, problems), None
    try:
        bits = parse_mode(mode)
    except ValueError:
        problems.append(f"mode must be an octal number such as '0640', or words such as 'u=rw,g=r', not '{mode}'.")
    problem = problem_of_mode(bits)
    if problem:
        problems.append(problem)
    return Access(number, group_number, bits)


def parse_mode(mode: t.Any) -> int | None:
    """Octal digits, a number that YAML has read from them, or words. Raises ValueError."""
    if mode is None or mode == "":
        return None
    if isinstance(mode, int) and not isinstance(mode, bool):
        return mode
    text = str(mode).strip()
    if _SYMBOLIC.fullmatch(text):
        return _parse_words(text)
    if not re.fullmatch(r"(0o)?[0-7]{1,5}", text):
        raise ValueError("no mode")
    return int(text.replace("0o", ""), 8)


def _parse_words(text: str) -> int:
    """Only `=`: a new file has no mode that `+` or `-` could start from."""
    parts = {"u": 0, "g": 0, "o": 0}
    for clause in text.split(","):
        whom, _equals, what = clause.partition("=")
        for name in "ugo" if "a" in whom else whom:
            parts[name] = sum(_BITS[letter] for letter in set(what))
    return parts["u"] << 6 | parts["g"] << 3 | parts["o"]


def problem_of_mode(mode: int | None) -> str | None:
    if mode is None or (mode & _NEEDED and not mode & ~_ALLOWED):
        return None
    why = "lets everybody in" if mode & 0o007 else "is not one for private keys"
    return f"mode {mode:04o} {why}: accepted is 0600, 0400, and 0640 or 0440 for a group that may read the private key."


def _find_user(name: str | None, problems: list[str]) -> int | None:
    if name in (None, ""):
        return None
    try:
        number = _number(str(name))
        number = pwd.getpwnam(str(name)).pw_uid if number is None else number
    except (KeyError, ValueError):
        problems.append(f"owner: this host has no user '{name}'.")
        return None
    if os.geteuid() not in (0, number):
        problems.append(f"owner: only root may give files to '{name}'. Run with become, or leave owner out.")
    return number


def _find_group(name: str | None, problems: list[str]) -> int | None:
    if name in (None, ""):
        return None
    try:
        number = _number(str(name))
        number = grp.getgrnam(str(name)).gr_gid if number is None else number
    except (KeyError, ValueError):
        problems.append(f"group: this host has no group '{name}'.")
        return None
    if os.geteuid() != 0 and number not in (os.getegid(), *os.getgroups()):
        problems.append(f"group: this user is no member of '{name}', so it cannot give files to it.")
    return number


def _number(text: str) -> int | None:
    """A user or group by number, as Ansible's file modules take it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < _NOBODY else None


def user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
