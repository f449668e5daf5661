# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the file system refused, as one sentence with path, cause and remedy. Pure."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .._core.errors import KeyStoreError

_REMEDIES = {
    errno.ENOSPC: "Make room on that file system, then run again: nothing is lost.",
    errno.EDQUOT: "Raise the quota or make room, then run again: nothing is lost.",
    errno.EROFS: "That file system is mounted read-only: mount it writable or choose another key store.",
    errno.EACCES: "Run as the user who owns the key store, or give it to this user with chown.",
    errno.EPERM: "Run as the user who owns the key store, or give it to this user with chown.",
    errno.ENOENT: "Check the path of the key store, and that nobody removes files from it by hand.",
    errno.ENOTDIR: "One part of the path is a file: choose another path for the key store.",
    errno.ELOOP: "A symbolic link stands where a file belongs: remove it.",
    errno.EIO: "The disk reports an error: check it before anything else.",
    errno.ENOLCK: "That file system cannot lock files: choose a local one.",
    errno.EBADF: "That file system cannot lock files: choose a local one.",
}
_ANY = "Check the key store's path, its owner and its file system."


def failed(doing: str, path: Path | str, error: OSError) -> KeyStoreError:
    """The error to raise when the system refused `doing` something to `path`."""
    cause = os.strerror(error.errno) if error.errno else str(error)
    return KeyStoreError(f"Key store: could not {doing} {path}: {cause}. {_REMEDIES.get(error.errno or 0, _ANY)}")
