# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer per key store: a lock on a file that only the writer may open, which ends with the process that holds it.

For one release the directory is locked too, as earlier releases did it. Whoever may read the store could hold that lock
for ever, so it keeps nobody waiting where others than the writer may open the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import time
import typing as t
from pathlib import Path

from .._core.errors import KeyStoreError
from . import durable
from .trouble import failed

NAME = "lock"
_POLL = 1.0
Wait = t.Callable[[float, str], None]


@contextlib.contextmanager
def hold(path: Path, timeout: float, wait: Wait, last_event: t.Callable[[], str | None]) -> t.Iterator[None]:
    """Wait for the lock, then hold it. `wait` sleeps, or raises to give up; it is told who holds the lock."""
    start, waited = time.monotonic(), 0.0
    while True:
        with if_free(path) as is_held:
            if is_held:
                yield
                return
        holder = _describe_holder(path, last_event)
        left = timeout - max(waited, time.monotonic() - start)
        if left <= 0:
            raise KeyStoreError(
                f"The key store {path} is still locked when lock_timeout is over: {holder} holds it. "
                "Run again when it has ended, or set lock_timeout higher."
            )
        # Nobody is told when a lock is let go, and each pause is shown to whoever waits.
        pause = min(_POLL, left)
        wait(pause, f"Waiting for the key store {path}: {holder} holds it.")
        waited += pause


@contextlib.contextmanager
def if_free(path: Path) -> t.Iterator[bool]:
    """Hold the lock when nobody else does; True when held."""
    with contextlib.ExitStack() as held:
        yield _is_free(path, held)


def _is_free(path: Path, held: contextlib.ExitStack) -> bool:
    """Whether both locks are ours; they are let go when `held` ends."""
    directory = _open(path, os.O_RDONLY | os.O_DIRECTORY)
    held.callback(os.close, directory)
    file = _open(_file_of(path), os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    held.callback(os.close, file)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise KeyStoreError(f"Key store: {_file_of(path)} is not an ordinary file. Remove it.")
    if not _is_locked_by_us(_file_of(path), file):
        return False
    # Whoever may open the directory could hold a lock on it for ever.
    is_ours_alone = not os.fstat(directory).st_mode & 0o077
    try:
        return _is_locked_by_us(path, directory) or not is_ours_alone
    except KeyStoreError:
        return True  # a file system that locks files and no directories


def _file_of(path: Path) -> Path:
    """The file that is locked, made where there is none."""
    file = path / NAME
    if not os.path.lexists(file):
        try:
            durable.perform("create_file", file)
        except KeyStoreError:
            if not os.path.lexists(file):  # else another process was faster
                raise
    return file


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError as error:
        raise failed("lock", path, error) from error


def _is_locked_by_us(path: Path, descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except BlockingIOError:
        return False
    except OSError as error:
        raise failed("lock", path, error) from error


def _describe_holder(path: Path, last_event: t.Callable[[], str | None]) -> str:
    number = _find_holder(path / NAME) or _find_holder(path)
    if number:
        return f"process {number} ({_text(Path(f'/proc/{number}/comm')) or 'name unknown'})"
    event = last_event()
    return f"another process (last event in its history: {event})" if event else "another process"


def _find_holder(path: Path) -> int | None:
    """The process ID, where the system tells it: Linux does in /proc/locks."""
    found = path.stat()
    inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    match = re.search(rf"\d+: FLOCK +\w+ +\w+ +([1-9]\d*) {inode} ", _text(Path("/proc/locks")))
    return int(match[1]) if match else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
