# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a file system can hold a key store: what a renewal needs of it is tried before there is a key on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .._core.errors import KeyStoreError
from . import durable

# What a system answers for what its file system cannot do; FAT says "not permitted" of symbolic links.
_CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL)


def try_out(root: Path) -> None:
    """A symbolic link, its renaming, and a sync of the directory. The lock is held by now."""
    try:
        durable.try_link(root)
    except KeyStoreError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _CANNOT:
            raise
        raise KeyStoreError(
            f"Key store: the file system of {root} ({type_of(root)}) cannot do what a key store needs, symbolic links "
            f"that are renamed and synced ({os.strerror(cause.errno or 0)}). No key was made. Choose a directory on "
            "another one, such as ext4 or xfs."
        ) from error


def type_of(path: Path) -> str:
    """The type of the file system, where the system tells it: Linux does in /proc/self/mountinfo."""
    try:
        device = path.stat().st_dev
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "type unknown"
    number = f"{os.major(device)}:{os.minor(device)}"
    return next((_type_in(line) for line in lines if line.split()[2:3] == [number]), "type unknown")


def _type_in(line: str) -> str:
    """What follows the lone hyphen, after a number of optional fields."""
    return line.partition(" - ")[2].split(" ")[0] or "type unknown"
