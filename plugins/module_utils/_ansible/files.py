# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that options name: read when they are needed, and refused with a sentence that names option and path."""

from __future__ import annotations

import os

from .._core.errors import InvalidInput
from .._keys.key_pair import KeyPair, load_key_pair

LARGEST_FILE = 4 * 1024 * 1024


def read_key_pair(path: str, passphrase: str | None, option: str) -> KeyPair:
    """A key pair from a PEM or PFX file. Raises InvalidInput with a sentence that names the option and the path."""
    return load_key_pair(read_file(path, option, is_private=True), passphrase, f"{option} ({path})")


def read_file(path: str, option: str, *, is_private: bool = False) -> bytes:
    """A file that an option names. A private key that everybody can read is refused: it is no secret any more."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if is_private and mode & 0o004:
                raise InvalidInput(
                    [f"{option}: {path} is readable by everybody (mode {mode:04o}). Run: chmod 600 {path}"]
                )
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InvalidInput([f"{option}: cannot read {path}: {error.strerror or type(error).__name__}."]) from error
    except ValueError as error:
        raise InvalidInput([f"{option}: a NUL or half of a character is no part of a path."]) from error
    if len(content) > LARGEST_FILE:
        raise InvalidInput(
            [f"{option}: {path} is larger than {LARGEST_FILE >> 20} MiB, so it is no certificate or key."]
        )
    return content
