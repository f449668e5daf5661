# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python interpreters this machine has. A version manager's names on PATH may fail when run, so each is tried."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import checkout

# The versions that ansible-core 2.19 and newer know, on either side.
KNOWN = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PROBE = "import sys, os, ssl, venv, ensurepip; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"


@cache
def found() -> dict[str, Path]:
    """Version → a real interpreter that can make virtual environments."""
    pythons = {}
    for version in KNOWN:
        for candidate in _candidates(version):
            executable = _tried(candidate, version)
            if executable:
                pythons[version] = executable
                break
    _publish(pythons)
    return pythons


def first(*versions: str) -> str | None:
    """The first of these versions that is here."""
    return next((version for version in versions if version in found()), None)


def _candidates(version: str) -> list[Path]:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return [Path(sys.executable)]
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    on_path = [Path(directory) / name for directory in checkout.search_path()]
    return on_path + sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)


def _tried(candidate: Path, version: str) -> Path | None:
    if not candidate.is_file():
        return None
    try:
        answer = subprocess.run([candidate, "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = answer.stdout.strip().split(" ", 1)
    return Path(told[1]) if answer.returncode == 0 and told[0] == version else None


def _publish(pythons: dict[str, Path]) -> None:
    directory = checkout.pythons_directory()
    directory.mkdir(parents=True, exist_ok=True)
    for link in directory.iterdir():
        if link.name.removeprefix("python") not in pythons:
            link.unlink()
    for version, executable in pythons.items():
        link = directory / f"python{version}"
        if not link.is_symlink() or link.readlink() != executable:
            link.unlink(missing_ok=True)
            link.symlink_to(executable)
