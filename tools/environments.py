# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments below the checkout, each keyed by a hash of its requirements: a second run finds them ready."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import checkout
import interpreters

REQUIREMENTS = checkout.ROOT / "tests" / "requirements"
NEWEST = ("3.13", "3.12", "3.14", "3.11")  # the newest ansible-core wants 3.12; 3.14 is last because wheels come late
OLDEST_CORE = ("3.11", "3.12", "3.13")
OLDEST = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


class NotAvailable(Exception):
    """The environment cannot be had on this machine; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment: its requirements (tests/requirements/NAME.txt) and the Pythons it may use, best first."""

    name: str
    pythons: tuple[str, ...] = NEWEST
    lowest: bool = False  # install the lower bounds of requirements.txt
    further: str = ""  # a requirements file that one of the packages brings, to be installed after them
    is_on_demand: bool = False  # built by what needs it, never with all the others

    @property
    def version(self) -> str:
        version = interpreters.first(*self.pythons)
        if not version:
            raise NotAvailable(f"None of the Python versions {', '.join(self.pythons)} was found.")
        return version

    @property
    def requirements(self) -> Path:
        return REQUIREMENTS / f"{self.name}.txt"

    @property
    def packages(self) -> list[str]:
        """What npm installs besides; npm itself is among the requirements then."""
        path = REQUIREMENTS / f"{self.name}.npm.txt"
        return list(_lines(path)) if path.exists() else []

    @property
    def directory(self) -> Path:
        inputs = [self.version, str(interpreters.found()[self.version]), str(self.lowest), *_lines(self.requirements)]
        inputs += [*self.packages, *filter(None, [self.further])]
        key = hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]
        return checkout.CACHE / "envs" / f"{self.name}-{key}"

    @property
    def programs(self) -> Path:
        return self.directory / "bin"

    @property
    def libraries(self) -> Path:
        return self.directory / "lib" / f"python{self.version}" / "site-packages"

    @property
    def is_ready(self) -> bool:
        return (self.directory / "ready").exists()


ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment("run"),  # demo, benchmark, emulator
        Environment("test"),  # unit and integration tests, sanity
        Environment("lint"),
        Environment("conformance"),
        Environment("engines"),  # builder, runner, navigator, and the client of controllers
        Environment("galaxy"),
        Environment("pages"),
        Environment("rulebook"),
        Environment("oldest-core", OLDEST_CORE),
        Environment("lowest", OLDEST, lowest=True),
        Environment("peer-az", is_on_demand=True),  # what the benchmark compares with
        Environment(
            "peer-azcollection",
            further="ansible_collections/azure/azcollection/requirements.txt",
            is_on_demand=True,
        ),
    )
}


def build(name: str) -> Environment:
    """Make sure that an environment is there; the first time it needs the network."""
    environment = ENVIRONMENTS[name]
    if not environment.is_ready:
        with checkout.locked(f"environment-{environment.name}"):
            if not environment.is_ready:
                _install(environment)
    return environment


def build_all(names: list[str]) -> dict[str, Environment | NotAvailable]:
    """Build side by side: installing is half waiting for the network."""
    checkout.prepare()

    def attempt(name: str) -> Environment | NotAvailable:
        try:
            return build(name)
        except NotAvailable as problem:
            return problem

    with ThreadPoolExecutor(max_workers=3) as pool:
        return dict(zip(names, pool.map(attempt, names), strict=True))


def _install(environment: Environment) -> None:
    started = time.monotonic()
    python = interpreters.found()[environment.version]
    print(f"environment {environment.name}: installing for Python {environment.version} ...", flush=True)
    shutil.rmtree(environment.directory, ignore_errors=True)
    log = checkout.LOGS / f"environment-{environment.name}.log"
    pip = [str(environment.programs / "python"), "-m", "pip", "install", "--no-input", "-r"]
    bounds = ["-c", str(_lower_bounds())] if environment.lowest else []
    commands = [[str(python), "-m", "venv", str(environment.directory)], [*pip, str(environment.requirements), *bounds]]
    if environment.further:
        commands.append([*pip, str(environment.libraries / environment.further)])
    if environment.packages:
        npm = [str(environment.programs / "npm"), "install", "--prefix", str(environment.directory)]
        commands.append([*npm, "--ignore-scripts", "--no-audit", "--no-fund", *environment.packages])
    with log.open("w", encoding="utf-8") as output:
        for command in commands:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=checkout.surroundings(),
                check=False,
            )
            if done.returncode:
                raise NotAvailable(_why_install_failed(environment, log))
    (environment.directory / "ready").touch()
    for outdated in environment.directory.parent.glob(f"{environment.name}-" + "?" * 12):
        if outdated != environment.directory:
            shutil.rmtree(outdated, ignore_errors=True)
    print(f"environment {environment.name}: ready after {time.monotonic() - started:.0f} s", flush=True)


def _why_install_failed(environment: Environment, log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    where = log.relative_to(checkout.ROOT)
    if re.search(
        r"NewConnectionError|Name or service not known|ConnectTimeout|ProxyError|SSLError|Network is unreach", text
    ):
        return (
            f"The package index cannot be reached, and the first install of '{environment.name}' needs it; see {where}."
        )
    return f"Installing the environment '{environment.name}' failed; {where} says why."


def _lower_bounds() -> Path:
    """requirements.txt with each lower bound as the only choice."""
    path = checkout.CACHE / "lower-bounds.txt"
    path.write_text("\n".join(_lines(checkout.ROOT / "requirements.txt")).replace(">=", "=="), encoding="utf-8")
    return path


def _lines(requirements: Path) -> Iterator[str]:
    """The requirements of a file and of those it includes, without comments."""
    if not requirements.exists():
        raise NotAvailable(f"{requirements.relative_to(checkout.ROOT)} does not exist.")
    for line in requirements.read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            yield from _lines((requirements.parent / line.removeprefix("-r ").strip()).resolve())
        elif line:
            yield line


def main() -> int:
    names = [name for name, environment in ENVIRONMENTS.items() if not environment.is_on_demand]
    problems = [f"{name}: {got}" for name, got in build_all(names).items() if isinstance(got, NotAvailable)]
    print("\n".join(problems), file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
