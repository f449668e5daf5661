# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test in a copy of the collection, without its download of get-pip and without an SSH client."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import checkout
from environments import Environment
from runner import Job

# ansible-test runs get-pip in the virtual environments that it makes. Python brings pip along, so there is no need to
# fetch it; the version that ansible-test wants comes from the package index like everything else.
# A child process, because ensurepip changes the environment variables of the process it runs in.
GET_PIP = '''\
"""Stands in for get-pip {version}: the pip that comes with Python installs the one that is asked for."""
import subprocess
import sys

packages = [word for word in sys.argv[1:] if not word.startswith("-")]
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
subprocess.check_call(
    [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pip=={version}"] + packages
)
'''

# It asks for an SSH key pair before anything else, and makes one where there is none. Every target here is local.
NO_SSH_KEY = "No key: every target runs on this machine.\n"


def run(job: Job, environment: Environment, tree: Path, *arguments: str) -> str:
    """Run ansible-test in a copy tree and return what it printed.

    With --local it uses the environment that it is installed in, so that nothing is installed again for every run.
    """
    _prepare_home(environment)
    with _path_without_spaces(environment) as programs:
        return job.run(programs / "python", programs / "ansible-test", *arguments, programs=programs, cwd=tree)


def call(environment: Environment, tree: Path, arguments: list[str]) -> int:
    """The same at the terminal, for one target."""
    _prepare_home(environment)
    with _path_without_spaces(environment) as programs:
        command = [str(programs / "python"), str(programs / "ansible-test"), *arguments]
        return subprocess.call(command, cwd=tree, env=checkout.surroundings(programs))


@contextmanager
def _path_without_spaces(environment: Environment) -> Iterator[Path]:
    """Where the environment's programs lie. ansible-test writes this into '#!' lines, which cannot hold a space.

    A checkout below a path with spaces is therefore reached through a link, the only thing that is ever made outside
    the checkout; it is gone when ansible-test ends.
    """
    if not re.search(r"\s", str(checkout.ROOT)):
        yield environment.programs
        return
    with tempfile.TemporaryDirectory(prefix="evercert-") as directory:
        link = Path(directory) / "cache"
        link.symlink_to(checkout.CACHE)
        yield link / environment.programs.relative_to(checkout.CACHE)


def _prepare_home(environment: Environment) -> None:
    """What ansible-test would fetch or make first thing, and two runs at once in each other's way."""
    _provide_get_pip(environment)
    for name in ("id_rsa", "id_rsa.pub"):
        (checkout.HOME / ".ansible" / "test" / name).write_text(NO_SSH_KEY, encoding="utf-8")


def _provide_get_pip(environment: Environment) -> None:
    source = next(environment.directory.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py"))
    cache = checkout.HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"""pip=['"]([0-9.]+)['"]""", source.read_text(encoding="utf-8")):
        name = f"get_pip_{version.replace('.', '_')}.py"
        (cache / name).write_text(GET_PIP.format(version=version), encoding="utf-8")


def integration_tree(purpose: str, variables: dict[str, str]) -> Path:
    """A copy in which integration targets keep their temporary files below this checkout."""
    tree = checkout.copy(purpose)
    integration = tree / "tests" / "integration"
    integration.mkdir(parents=True, exist_ok=True)
    temporary = checkout.HOME / ".ansible" / "tmp"
    settings = f"[defaults]\nremote_tmp = {temporary}\nlocal_tmp = {temporary}\n"
    (integration / "integration.cfg").write_text(settings, encoding="utf-8")
    lines = ["---", *(f'{name}: "{value}"' for name, value in variables.items())]
    (integration / "integration_config.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    subprocess.run(["git", "add", "--all", "--force"], cwd=tree, env=checkout.surroundings(), check=True)
    return tree


def collected_coverage(tree: Path, target: Path) -> None:
    """Move the data files of an integration run aside.

    'ansible-test coverage combine' wants one certain version of coverage; combining with those of the unit tests is all
    we need, and any version does that.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for part in (tree / "tests" / "output" / "coverage").glob("*=coverage.*"):
        shutil.copy2(part, target / part.name)
