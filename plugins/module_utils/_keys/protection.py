# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a directory store protects its private keys: which group may read them, and encrypted or not.

What was asked for is remembered in the store, so that readers know what is meant to be and later runs keep it.
"""

from __future__ import annotations

import grp
import json
import os
import typing as t
from dataclasses import dataclass, field

# The number that stands for no change.
_NOBODY = 2**32 - 1


@dataclass(frozen=True)
class Access:
    """The group, by its number, that may read what consumers read; None lets in nobody but the writer."""

    group: int | None = None

    @property
    def is_default(self) -> bool:
        return self.group is None

    @property
    def file_mode(self) -> int:
        return 0o600 if self.is_default else 0o640

    @property
    def folder_mode(self) -> int:
        """Who may read the files needs a way to them; only the writer may change what is in a folder."""
        return 0o700 if self.is_default else 0o750

    def over(self, other: Access) -> Access:
        """This where it says something, else the other."""
        return other if self.is_default else self

    def permits(self, found: os.stat_result) -> bool:
        """Whether nobody else than this access says may read the file."""
        shared = found.st_mode & 0o077
        return not shared or (not shared & ~self.file_mode and found.st_gid == self.group)

    def to_values(self) -> dict[str, t.Any]:
        return {"group": self.group}

    @classmethod
    def from_json(cls, content: bytes) -> Access:
        """The reverse, of what a file holds. Raises ValueError for anything else."""
        values = json.loads(content)
        if not isinstance(values, dict) or values.keys() != {"group"}:
            raise ValueError("not a JSON object with a group alone")
        group = values["group"]
        if not isinstance(group, int) or isinstance(group, bool) or not 0 <= group < _NOBODY:
            raise ValueError("group is not a number of one")
        return cls(group)


@dataclass(frozen=True)
class Protection:
    """What the options say about the private keys in a directory."""

    access: Access = Access()
    key_passphrase: str | None = field(default=None, repr=False)


PLAIN = Protection()


def wanted_access(group: str | None, problems: list[str]) -> Access:
    """The access that the option asks for; what is wrong with it is added to the problems."""
    if group in (None, ""):
        return Access()
    try:
        number = _number(str(group))
        number = grp.getgrnam(str(group)).gr_gid if number is None else number
    except (KeyError, ValueError):
        problems.append(f"group: this host has no group '{group}'.")
        return Access()
    # The system would refuse it too, but only once there is a key.
    if os.geteuid() != 0 and number not in (os.getegid(), *os.getgroups()):
        problems.append(f"group: this user is no member of '{group}', so it cannot give files to it.")
    return Access(number)


def _number(text: str) -> int | None:
    """A group by number, as Ansible's file modules take it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < _NOBODY else None


def group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
