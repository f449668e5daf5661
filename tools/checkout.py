# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie in this checkout, and the surroundings of its programs, which no tool keeps inside a checkout.

Run as a program it lays them out. Nothing is written outside the checkout: the home directory that helper tools see
lies below it. Only tests may keep their temporary files in memory, until they end or are stopped; a SIGKILL leaves them
there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMESPACE, NAME = "evercert", "entra"

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
HOME = CACHE / "home"
TEMPORARY = CACHE / "tmp"
MEMORY = Path("/dev/shm")
ROOMY = 2 << 30  # bytes
LOGS = CACHE / "gates"
LINK = CACHE / "link"  # makes the checkout importable as ansible_collections.evercert.entra
COLLECTION = LINK / "ansible_collections" / NAMESPACE / NAME
COPIES = CACHE / "copies"  # ansible-test refuses a symbolic link, so it gets copies

# What the caller's shell says must not decide what a test sees.
FOREIGN = ("ANSIBLE_", "AZURE_", "ENTRA_", "GIT_", "MOLECULE_", "PYTEST_", "PYTHON", "COVERAGE_", "VIRTUAL_ENV", "MAKE")

# Where pip installs to, and how much it says, is ours to choose.
PIP_IS_OURS = {"cache-dir", "config-file", "prefix", "quiet", "require-virtualenv", "target", "user", "verbose"}


def surroundings(*programs: Path) -> dict[str, str]:
    """Environment variables for every child process; `programs` are directories searched first."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    here = "localhost,127.0.0.1,::1"
    bypass = ",".join(filter(None, [inherited.get("NO_PROXY") or inherited.get("no_proxy"), here]))
    return inherited | {
        "PATH": os.pathsep.join([*map(str, programs), str(pythons_directory()), *search_path()]),
        "HOME": str(HOME),
        "TMPDIR": str(TEMPORARY),
        "XDG_CACHE_HOME": str(HOME / ".cache"),
        "XDG_CONFIG_HOME": str(HOME / ".config"),
        "XDG_DATA_HOME": str(HOME / ".local" / "share"),
        "XDG_STATE_HOME": str(HOME / ".local" / "state"),
        "ANSIBLE_HOME": str(HOME / ".ansible"),
        "ANSIBLE_LOCAL_TEMP": str(HOME / ".ansible" / "tmp"),
        # Ansible asks the account's record, not HOME, where "~" is on the host.
        "ANSIBLE_REMOTE_TEMP": str(HOME / ".ansible" / "tmp"),
        "ANSIBLE_ASYNC_DIR": str(HOME / ".ansible_async"),
        "ANSIBLE_COLLECTIONS_PATH": str(LINK),
        "ANSIBLE_CONFIG": str(HOME / "ansible.cfg"),
        "ANSIBLE_NOCOWS": "1",
        "PYTHONPATH": str(LINK),
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }


def search_path() -> list[str]:
    """PATH without version managers' shims: those fail when a version is installed but not chosen."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [entry for entry in entries if entry and Path(entry).name != "shims"]


def pythons_directory() -> Path:
    """Links named pythonX.Y to the interpreters that were found; ansible-test looks for these names on PATH."""
    return CACHE / "pythons"


def prepare() -> None:
    """Lay out the directories that every program here relies on."""
    for directory in (TEMPORARY, HOME / ".ansible" / "tmp", HOME / ".config" / "pip", LOGS, COLLECTION.parent):
        directory.mkdir(parents=True, exist_ok=True)
    (HOME / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    if not COLLECTION.is_symlink():
        COLLECTION.symlink_to(os.path.relpath(ROOT, COLLECTION.parent))
    _carry_over_pip_settings()


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Two runs in one checkout take turns at what they would both write."""
    path = CACHE / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def quick_temporary() -> Iterator[dict[str, str]]:
    """Variables for tests, which make and remove a great many files: in memory, where they may."""
    with tempfile.TemporaryDirectory(prefix="evercert-", dir=MEMORY if _suits(MEMORY) else TEMPORARY) as directory:
        Path(directory).chmod(0o755)  # some tests ask what another user sees
        yield {"TMPDIR": directory}


def _suits(directory: Path) -> bool:
    """Whether it is there, has room, and programs in it may run."""
    if not os.access(directory, os.W_OK):
        return False
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize > ROOMY and not found.f_flag & os.ST_NOEXEC


def _carry_over_pip_settings() -> None:
    """Write the caller's pip settings (index, certificates) where a pip that sees only our home directory reads them.

    ansible-test drops the variables PIP_*, so they become lines of a file; it may hold a password, hence its mode.
    """
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    lines = ["[global]", "quiet = 1"]
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, value = line.split("=", 1)
        option = name.rpartition(".")[2]
        if option not in PIP_IS_OURS:
            lines = [known for known in lines if not known.startswith(f"{option} =")]
            lines.append(f"{option} = {_unquoted(value)}")
    target = HOME / ".config" / "pip" / "pip.conf"
    target.touch(mode=0o600)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _unquoted(value: str) -> str:
    return value.strip("'\"").replace("\\n", "\n    ")


def files() -> list[Path]:
    """Every file that belongs to the repository, committed or about to be."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, env=surroundings(), capture_output=True, text=True, check=True).stdout
    paths = sorted({Path(name) for name in names.split("\0") if name})
    return [path for path in paths if (ROOT / path).is_file() or (ROOT / path).is_symlink()]


def copy(purpose: str) -> Path:
    """A fresh copy of the collection, in a git repository of its own: ansible-test asks git for the files."""
    base = COPIES / purpose
    shutil.rmtree(base, ignore_errors=True)
    target = base / "ansible_collections" / NAMESPACE / NAME
    for path in files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target / path, follow_symlinks=False)
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=target, env=surroundings(), check=True)
    return target


if __name__ == "__main__":
    prepare()
