# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that only grow, one JSON object per line, written by several processes at once and read however they end."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

from . import durable
from .reading import read_file
from .records import format_object, parse_object

Entry = dict[str, t.Any]


@dataclass(frozen=True)
class Journal:
    """One file; beyond `limit` bytes it is to be shortened."""

    path: Path
    limit: int

    def append(self, entry: t.Mapping[str, t.Any]) -> None:
        durable.append_line(self.path, format_object(entry))

    def entries(self) -> list[Entry]:
        """Oldest first. A line that is torn or foreign is skipped."""
        return list(_parse_lines(read_file(self.path) or b""))

    @property
    def is_too_long(self) -> bool:
        """One of another user is left as it is: shortened, it would be ours, and closed to its owner."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        return found.st_size > self.limit and found.st_uid == os.geteuid()

    def shorten(self, keep: t.Callable[[list[Entry]], list[Entry]]) -> None:
        """Only what `keep` returns stays, in one step; lines appended meanwhile wait and follow."""
        with durable.exclusive(self.path):
            kept = keep(self.entries())
            durable.replace_file(self.path, b"".join(format_object(entry) + b"\n" for entry in kept))


def newer_half(entries: list[Entry]) -> list[Entry]:
    return entries[len(entries) // 2 :]


def _parse_lines(content: bytes) -> t.Iterator[Entry]:
    for line in content.splitlines():
        try:
            yield parse_object(line)
        except ValueError:
            continue
