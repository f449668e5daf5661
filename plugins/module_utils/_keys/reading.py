# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a key store's files, without any effect. What others have put there is refused with a sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
import stat
import typing as t
from pathlib import Path

from .._core.errors import KeyStoreError
from .protection import Access, group_name
from .trouble import failed

# A renewal reads its store many times, and a text is all that the system asks for.
AnyPath = t.Union[str, Path]

_NOBODY_ELSE = Access()
_LARGEST = 4 * 1024 * 1024
# What the names of things in the making begin with.
TEMPORARY = ".evercert-"
# What may lie in a directory that nobody uses yet, and what only a key store has.
_NOTHING = ("lost+found", "lock")
_JOURNALS = ("history.jsonl", "sign_ins.jsonl", "access.json")
_THUMBPRINT = re.compile(r"[0-9A-F]{40}")


def read_file(path: AnyPath) -> bytes | None:
    """The content of an ordinary file, or None when there is none."""
    try:
        return _read(path, None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failed("read", path, error) from error


def read_private_file(path: AnyPath, access: Access = _NOBODY_ELSE) -> bytes:
    """The content of a file that nobody but its owner, who is us, may read; and whom the access lets in."""
    try:
        return _read(path, access)
    except OSError as error:
        raise failed("read", path, error) from error


def _read(path: AnyPath, access: Access | None) -> bytes:
    """Never by way of a link; a pipe or a device that somebody has put there cannot make us wait."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        # Of the file that is open now: by its name another one could be there a moment later.
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise KeyStoreError(f"Key store: {path} is not an ordinary file of ordinary size. Check who made it.")
        if access:
            refuse_shared(path, found, access)
        return file.read(found.st_size)


def refuse_shared(path: AnyPath, found: os.stat_result, access: Access = _NOBODY_ELSE) -> None:
    """A private key that others can read is not private any more."""
    _refuse_other_owner(path, found)
    if not access.permits(found):
        regroup = "" if access.is_default else f"chgrp {access.group} {path} && "
        raise KeyStoreError(
            f"Key store: {path} has mode {_mode(found)}, so others may read the private key. "
            f"Run '{regroup}chmod {access.file_mode:04o} {path}', and renew the certificate if somebody may have "
            "copied the key."
        )


def refuse_unsafe_directory(path: AnyPath) -> None:
    """Whoever may write to the directory can replace the keys in it."""
    found = _stat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise KeyStoreError(f"Key store: {path} is not a directory. Remove it or choose another path.")
    _refuse_other_owner(path, found)
    if found.st_mode & 0o022:
        raise KeyStoreError(
            f"Key store: {path} has mode {_mode(found)}, so others could replace the keys in it. "
            f"Run 'chmod 0700 {path}'."
        )
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise KeyStoreError(
            f"Key store: {path} is not writable for {_user(os.geteuid())}. Run 'chmod 0700 {path}'; when its file "
            "system is mounted read-only, mount it writable or choose another key store."
        )


def refuse_open_parents(path: AnyPath) -> None:
    """Whoever may rename a parent may exchange the key store. Sticky ones, as /tmp, are safe from all but their owner.

    The way to a link counts as well as the way to what it stands for.
    """
    # Who can exchange the link exchanges the store as well as who can exchange the directory.
    ways = (Path(os.path.realpath(path)), Path(os.path.abspath(path)))
    for parent in dict.fromkeys(parent for way in ways for parent in way.parents):
        with contextlib.suppress(OSError):
            _refuse_open_parent(path, parent, parent.stat())


def _refuse_open_parent(path: AnyPath, parent: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise KeyStoreError(
            f"Key store: {parent} belongs to {_user(found.st_uid)}, who could exchange {path}. "
            f"Run 'chown root {parent}' as root, or choose another place."
        )
    if found.st_mode & stat.S_ISVTX:
        return
    if found.st_mode & 0o002:
        raise KeyStoreError(
            f"Key store: everybody may write to {parent}, so others could exchange {path}. "
            f"Run 'chmod o-w {parent}' or choose another place."
        )
    if found.st_mode & 0o020:
        raise KeyStoreError(
            f"Key store: the group '{group_name(found.st_gid)}' may write to {parent}, so its members could exchange "
            f"{path}. Run 'chmod g-w {parent}' or choose another place."
        )


def refuse_foreign_content(path: AnyPath) -> None:
    """A directory that is full of something else was not meant: it is empty, or it is a key store."""
    names = [name for name in list_names(path) if name not in _NOTHING]
    if names and not any(_is_of_a_store(path, name) for name in names):
        raise KeyStoreError(
            f"Key store: {path} holds {', '.join(names[:3])} and no key store. Give an empty directory, or a new one, "
            f"such as {path}/keys."
        )


def _is_of_a_store(path: AnyPath, name: str) -> bool:
    if name in _JOURNALS or is_temporary(name):
        return True
    if name in ("current", "successor"):
        return os.path.islink(f"{path}/{name}")
    inside = list_names(f"{path}/{name}") if name == "versions" and os.path.isdir(f"{path}/{name}") else [""]
    return all(is_thumbprint(one) or is_temporary(one) or one in _NOTHING for one in inside)


def lists_of(what: int | AnyPath) -> list[str]:
    """The POSIX access control lists of a file or directory: others may be let in by them, whatever its mode says."""
    if not hasattr(os, "listxattr"):
        return []
    try:
        return [name for name in os.listxattr(what) if name.startswith("system.posix_acl_")]
    except OSError:
        return []  # a file system without them


def read_link(path: AnyPath) -> tuple[str | None, str | None]:
    """The thumbprint of the version that a link names, None without one; and what is wrong where it names none."""
    try:
        target = os.readlink(path)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None, "is not a symbolic link"
        raise failed("read", path, error) from error
    folder, _separator, name = target.partition("/")
    if folder == "versions" and is_thumbprint(name):
        return name, None
    return None, f"points to {target}, not to one of this store's versions"


def refuse_link(path: AnyPath) -> None:
    """Where a directory of the store belongs, a link would lead out of it."""
    try:
        is_link = stat.S_ISLNK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failed("read", path, error) from error
    if is_link:
        raise KeyStoreError(f"Key store: {path} is a symbolic link. Replace it by the directory it stands for.")


def is_directory(path: AnyPath) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise failed("read", path, error) from error


def is_temporary(name: str) -> bool:
    """Whether a name is one that only a stopped run can have left."""
    return name.startswith(TEMPORARY)


def is_thumbprint(name: str) -> bool:
    return bool(_THUMBPRINT.fullmatch(name))


def list_names(path: AnyPath) -> list[str]:
    """What a directory holds, sorted; nothing when there is none."""
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise failed("read", path, error) from error


def _stat(path: AnyPath) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise failed("read", path, error) from error


def _refuse_other_owner(path: AnyPath, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise KeyStoreError(
            f"Key store: {path} belongs to {_user(found.st_uid)}, but this runs as {_user(os.geteuid())}. "
            f"Run as {_user(found.st_uid)}, or give it to this user with chown."
        )


def _user(number: int) -> str:
    try:
        return f"user '{pwd.getpwuid(number).pw_name}'"
    except KeyError:
        return f"user ID {number}"


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"
