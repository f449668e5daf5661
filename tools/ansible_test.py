# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test in a copy of the collection: by itself it refuses a checkout of this name, and fetches get-pip.

    ansible_test.py PURPOSE sanity [OPTION ...]
    ansible_test.py PURPOSE integration [OPTION ...] [TARGET ...]

Runs in the environment whose ansible-core it tests, with --local, so that nothing is installed again for every run.
What was said to the emulator lies in .cache/exchanges/PURPOSE.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import checkout

PROGRAMS = Path(sys.prefix) / "bin"
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
RAN = {
    "sanity": (re.compile(r'^Running sanity test "([\w-]+)'), "tests"),
    "integration": (re.compile(r"^Running (\S+) integration test (?:role|script)"), "targets"),
}


def main() -> int:
    purpose, kind, *options = sys.argv[1:]
    _prepare_home()
    tree = _tree(purpose, kind)
    if kind == "sanity" and (ignored := sorted((tree / "tests" / "sanity").glob("ignore-*"))):
        print(f"{ignored[0].name}: nothing is ignored here")
        return 1
    ran = set()
    with _path_without_spaces() as programs:
        command: list[str | Path] = [
            programs / "python",
            programs / "ansible-test",
            kind,
            "--local",
            "--color",
            "no",
            *options,
        ]
        running = subprocess.Popen(
            command, cwd=tree, env=checkout.surroundings(programs), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for line in running.stdout or ():
            text = line.decode(errors="replace")
            print(text, end="", flush=True)
            ran.update(RAN[kind][0].findall(text))
    core = next(PROGRAMS.parent.glob("lib/python*/site-packages/ansible_core-*.dist-info")).name.split("-")[1]
    python = ".".join(map(str, sys.version_info[:2]))
    print(f"{len(ran)} {RAN[kind][1]} on Python {python}, ansible-core {core.removesuffix('.dist')}")
    return running.wait() or not ran


@contextmanager
def _path_without_spaces() -> Iterator[Path]:
    """Where the environment's programs lie. ansible-test writes this into '#!' lines, which cannot hold a space.

    A checkout below a path with spaces is therefore reached through a link, the only thing that is ever made outside
    the checkout; it is gone when ansible-test ends.
    """
    if not re.search(r"\s", str(checkout.ROOT)):
        yield PROGRAMS
        return
    with tempfile.TemporaryDirectory(prefix="evercert-", dir="/tmp") as directory:
        link = Path(directory) / "cache"
        link.symlink_to(checkout.CACHE)
        yield link / PROGRAMS.relative_to(checkout.CACHE)


def _prepare_home() -> None:
    """What ansible-test would fetch or make first thing, and two runs at once in each other's way."""
    source = next(PROGRAMS.parent.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py"))
    test = checkout.HOME / ".ansible" / "test"
    (test / "cache").mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"""pip=['"]([0-9.]+)['"]""", source.read_text(encoding="utf-8")):
        name = f"get_pip_{version.replace('.', '_')}.py"
        (test / "cache" / name).write_text(GET_PIP.format(version=version), encoding="utf-8")
    for name in ("id_rsa", "id_rsa.pub"):
        (test / name).write_text(NO_SSH_KEY, encoding="utf-8")


def _tree(purpose: str, kind: str) -> Path:
    """A copy in which integration targets keep their temporary files below this checkout."""
    tree = checkout.copy(purpose)
    if kind != "integration":
        return tree
    exchanges = checkout.CACHE / "exchanges" / purpose
    shutil.rmtree(exchanges, ignore_errors=True)
    exchanges.mkdir(parents=True)
    temporary = checkout.HOME / ".ansible" / "tmp"
    settings = {
        "integration.cfg": f"[defaults]\nremote_tmp = {temporary}\nlocal_tmp = {temporary}\n",
        "integration_config.yml": f'---\nsetup_emulator_record_directory: "{exchanges}"\n',
    }
    for name, text in settings.items():
        (tree / "tests" / "integration" / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "add", "--all", "--force"], cwd=tree, env=checkout.surroundings(), check=True)
    return tree


if __name__ == "__main__":
    sys.exit(main())
