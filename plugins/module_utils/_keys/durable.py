# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every change that a key store makes to a file system. Nothing else in the collection changes its files.

At the top the primitives, each about one call to the system: `EFFECTS` is the whole list, and `observe` hears of each
one before and after it happens, so that a test can stop, fail or replay them all. Below them the sequences that
survive a power loss at any point: new content is synced before a rename makes it visible, and the directory is synced
before the next step relies on it. Whatever a stop leaves half-made has a name that `is_temporary`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from .._core.errors import KeyStoreError
from . import reading
from .reading import TEMPORARY, is_directory, is_temporary
from .trouble import failed


@dataclass(frozen=True)
class Effect:
    """One change: `other` is the old name for `rename`, where a `symlink` points, `gid:mode` for an access."""

    name: str
    path: Path
    other: str = ""
    content: bytes = field(default=b"", repr=False)


def _ignore(moment: str, effect: Effect) -> None:
    """Stands in for an observer: nobody listens outside of tests."""


# Replaced by fault harnesses; called with "before" and "after". An OSError that it raises counts as the system's.
observe: t.Callable[[str, Effect], None] = _ignore


def _make_directory(effect: Effect) -> None:
    effect.path.mkdir(0o700)
    _drop_lists(effect.path)
    effect.path.chmod(0o700)  # a strict umask may have taken even the owner's rights


def _create_file(effect: Effect) -> None:
    descriptor = os.open(effect.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _drop_lists(descriptor)
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _drop_lists(what: int | Path) -> None:
    """Access control lists that the directory above hands down: with them a mode does not say who may read."""
    for name in reading.lists_of(what):
        os.removexattr(what, name)


def _write_file(effect: Effect) -> None:
    descriptor = os.open(effect.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _write(descriptor, effect.content)
    finally:
        os.close(descriptor)


def _append_file(effect: Effect) -> None:
    with exclusive(effect.path) as descriptor:
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        _write(descriptor, b"\n" + effect.content if is_torn else effect.content)


def _change_access(effect: Effect) -> None:
    """The mode last, as a change of group may clear bits of it."""
    group, mode = effect.other.split(":")
    descriptor = os.open(effect.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _drop_lists(descriptor)
        os.fchown(descriptor, -1, int(group))
        os.fchmod(descriptor, int(mode, 8))
    finally:
        os.close(descriptor)


def _sync(effect: Effect) -> None:
    descriptor = os.open(effect.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


EFFECTS: dict[str, t.Callable[[Effect], object]] = {
    "make_directory": _make_directory,
    "create_file": _create_file,
    "write_file": _write_file,
    "append_file": _append_file,
    "change_access": _change_access,
    "sync": _sync,
    "rename": lambda effect: Path(effect.other).rename(effect.path),
    "symlink": lambda effect: effect.path.symlink_to(effect.other),
    "unlink": lambda effect: effect.path.unlink(),
    "remove_directory": lambda effect: effect.path.rmdir(),
}


def perform(name: str, path: Path, other: str = "", content: bytes = b"") -> None:
    """The only way to an effect: announced before, confirmed after, its failure told as a sentence."""
    effect = Effect(name, path, other, content)
    try:
        observe("before", effect)
        EFFECTS[name](effect)
        observe("after", effect)
    except OSError as error:
        raise failed(name.replace("_", " "), path, error) from error


def replace_file(path: Path, content: bytes) -> None:
    """New content under an old name: a reader sees all of the one or all of the other."""
    temporary = _temporary_beside(path)
    _new_file(temporary, content)
    _move(temporary, path)


def make_folder(path: Path, files: t.Mapping[str, bytes], access: t.Mapping[str, str] | None = None) -> None:
    """A folder that appears with everything in it, or not at all. `access` by name; "" is the folder's own."""
    temporary, access = _temporary_beside(path), access or {}
    perform("make_directory", temporary)
    for name, content in files.items():
        _new_file(temporary / name, content, access.get(name))
    if "" in access:
        perform("change_access", temporary, other=access[""])
    perform("sync", temporary)
    _move(temporary, path)


def name_folder(temporary: Path, path: Path) -> None:
    """The last steps of `make_folder`, for a folder that a stopped run has filled, perhaps without a sync."""
    # Whether they were synced before the stop nobody knows, and a rename may reach the disk before them.
    for file in sorted(temporary.iterdir()):
        perform("sync", file)
    perform("sync", temporary)
    _move(temporary, path)


def make_directories(path: Path) -> None:
    """The directory and the parents it lacks, for their owner alone."""
    if is_directory(path):
        return
    make_directories(path.parent)
    try:
        perform("make_directory", path)
    except KeyStoreError:
        if not is_directory(path):  # else another process was faster
            raise
    perform("sync", path.parent)


def sync_ancestors(path: Path) -> None:
    """Directories that a stopped run has made on the way to `path` become durable; others cost next to nothing."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.geteuid() and os.access(folder.parent, os.R_OK):
            perform("sync", folder.parent)


def change_access(path: Path, access: str) -> None:
    """Another group and mode for what is there."""
    perform("change_access", path, other=access)
    perform("sync", path)


def switch_link(path: Path, target: str) -> None:
    """A symbolic link that points to the old target or to the new one at every moment."""
    temporary = _temporary_beside(path)
    perform("symlink", temporary, other=target)
    _move(temporary, path)


def try_link(folder: Path) -> None:
    """What a switch needs of the file system, and nothing is left of it."""
    first, second = _temporary_beside(folder / "link"), _temporary_beside(folder / "link")
    perform("symlink", first, other="versions/none")
    _move(first, second)
    remove_link(second)


def remove_link(path: Path) -> None:
    perform("unlink", path)
    perform("sync", path.parent)


def remove_tree(path: Path) -> None:
    """Whatever is at `path` goes: first its name, in one step, so that no half of it is ever taken for the whole."""
    # Readers take what is under its name for whole, and removing takes several steps.
    doomed = path
    if not is_temporary(path.name):
        doomed = _temporary_beside(path)
        _move(path, doomed)
    _remove(doomed)
    perform("sync", path.parent)


def append_line(path: Path, line: bytes) -> None:
    """One line at the end of a file, whoever else appends to it."""
    is_new = not os.path.lexists(path)
    perform("append_file", path, content=line + b"\n")
    perform("sync", path)
    # The file itself is durable, its name in the directory not yet.
    if is_new:
        perform("sync", path.parent)


@contextlib.contextmanager
def exclusive(path: Path) -> t.Iterator[int]:
    """A file that others append to, open and kept from them for the moment: none of their lines is lost."""
    try:
        descriptor = _open_exclusively(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failed("append to", path, error) from error


def _open_exclusively(path: Path) -> int:
    """Open and lock, again and again until the file was not replaced while we waited for the lock."""
    while True:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = os.fstat(descriptor)
        if os.path.lexists(path) and os.path.samestat(found, path.lstat()):
            break
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise KeyStoreError(f"Key store: {path} is a link or a device, not a file of its own. Remove it.")
    if found.st_mode & 0o600 != 0o600:  # just made, and a strict umask has taken even the owner's rights
        os.fchmod(descriptor, 0o600)
    return descriptor


def _new_file(path: Path, content: bytes, access: str | None = None) -> None:
    perform("create_file", path)
    perform("write_file", path, content=content)
    if access:
        perform("change_access", path, other=access)
    perform("sync", path)


def _move(old: Path, new: Path) -> None:
    perform("rename", new, other=str(old))
    perform("sync", new.parent)


def _remove(path: Path) -> None:
    if not stat.S_ISDIR(path.lstat().st_mode):
        perform("unlink", path)
        return
    for entry in sorted(path.iterdir()):
        _remove(entry)
    perform("remove_directory", path)


def _temporary_beside(path: Path) -> Path:
    return path.with_name(TEMPORARY + secrets.token_hex(8))


def _write(descriptor: int, content: bytes) -> None:
    """One call, so that concurrent appends do not mix; a short write means that the disk is full."""
    if os.write(descriptor, content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
