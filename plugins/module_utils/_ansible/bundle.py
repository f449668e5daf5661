# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The support bundle: one JSON file that a support engineer asks for, without any secret."""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
import typing as t
from importlib import metadata

from ansible.module_utils.ansible_release import __version__ as ansible_version

from .._core.errors import InvalidInput

LIBRARIES = ("msal", "cryptography", "requests", "urllib3")


def write(path: str, result: t.Mapping[str, t.Any]) -> None:
    """Write the result of a verification with the versions behind it, readable by its owner only."""
    facts = {key: value for key, value in result.items() if not key.startswith("_")}
    content = {"format": 1, "verification": facts, "failure": result.get("_failed"), "versions": versions()}
    try:
        # A link, or a pipe that nobody reads, is an error here; others may have put it into a common directory.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            _refuse_what_is_shared(path, os.fstat(handle))
            os.fchmod(handle, 0o600)  # an older file keeps its mode
            os.ftruncate(handle, 0)
            json.dump(content, file, indent=2, sort_keys=True)
            file.write("\n")
    except OSError as error:
        raise InvalidInput([f"support_bundle: cannot write {path}: {error.strerror}."]) from error


def _refuse_what_is_shared(path: str, found: os.stat_result) -> None:
    """What is written there must not get anywhere else, nor overwrite what has another name too."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid != os.geteuid():
        raise InvalidInput([f"support_bundle: {path} is not a file of this user's alone. Remove it, or name another."])


def versions() -> dict[str, str | None]:
    """What ran."""
    found: dict[str, str | None] = {"ansible": ansible_version, "python": platform.python_version()}
    found["platform"] = sys.platform
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
