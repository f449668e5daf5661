# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test in a copy of the collection, without its download of get-pip."""

from __future__ import annotations

import re
import shutil
import subprocess
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


def run(job: Job, environment: Environment, tree: Path, *arguments: str) -> str:
    """Run ansible-test in a copy tree and return what it printed."""
    _provide_get_pip(environment)
    return job.run("ansible-test", *arguments, programs=environment.programs, cwd=tree)


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


def combined_coverage(job: Job, environment: Environment, tree: Path, target: Path) -> None:
    """Gather what an integration run covered into one data file."""
    run(job, environment, tree, "coverage", "combine", "--venv")
    for part in sorted((tree / "tests" / "output" / "coverage").glob("coverage*")):
        if not part.name.startswith("coverage="):
            shutil.copy2(part, target)
