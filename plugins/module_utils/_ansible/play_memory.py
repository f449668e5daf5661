# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory that a process shares with the workers it forks. No directory knows it, and it ends with the last of them.

A small table: every entry has its place by its key's digest, and a lock of its own, which ends with its holder however
that ends. Two keys with one place take it from each other, so nothing may rely on an entry being there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import typing as t

PLACES = 1024
SIZE = 1 << 16  # bytes of a place; memory is used only for what is written
_STEP = 0.02  # seconds between two looks at a lock that another process holds

Value = dict[str, t.Any]


class PlayMemory:
    """Entries under keys. `open` makes it; processes forked after that share it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def open(cls) -> PlayMemory | None:
        """None where the system has no such memory. Programs that are started do not inherit it."""
        if not hasattr(os, "memfd_create"):
            return None
        try:
            descriptor = os.memfd_create("entra", os.MFD_CLOEXEC)
            os.truncate(descriptor, PLACES * SIZE)
        except OSError:
            return None
        return cls(descriptor)

    @contextlib.contextmanager
    def alone(self, key: str, patience: float) -> t.Iterator[Entry]:
        """The entry, for this process alone; after so many seconds of waiting for others, not alone."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        entry = Entry(self._descriptor, int(digest, 16) % PLACES * SIZE, digest)
        is_locked = self._lock(entry.start, patience)
        try:
            yield entry
        finally:
            if is_locked:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, SIZE, entry.start)

    def _lock(self, start: int, patience: float) -> bool:
        ends = time.monotonic() + patience
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, SIZE, start)
            except OSError:
                if time.monotonic() >= ends:
                    return False
                time.sleep(_STEP)
            else:
                return True


class Entry:
    """One entry while it is held."""

    def __init__(self, descriptor: int, start: int, digest: str) -> None:
        self._descriptor = descriptor
        self.start = start
        self._digest = digest

    def read(self) -> Value | None:
        """What was written last under this key; None when nothing was, or another key took the place."""
        content = os.pread(self._descriptor, SIZE, self.start).split(b"\n", 1)[0]
        try:
            found = json.loads(content)
        except ValueError:
            return None
        return found["value"] if found["key"] == self._digest else None

    def write(self, value: Value | None) -> None:
        """Keep a value, or nothing. What is too large is not kept."""
        content = json.dumps({"key": self._digest, "value": value}).encode() + b"\n"
        os.pwrite(self._descriptor, content if len(content) <= SIZE else b"\n", self.start)
