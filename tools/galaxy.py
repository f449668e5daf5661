# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive that users install, used as they do; galaxy-importer and ansible-galaxy each do a part of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path

import checkout

# What a user gets. A new top-level name is added here, or to build_ignore in galaxy.yml.
SHIPPED = {
    "CHANGELOG.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "extensions",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}
JUNK = re.compile(r"(^|/)(\.[^/]+|__pycache__|tests|output|[^/]*\.(pyc|orig|rej|log))(/|$)")
WORK = checkout.CACHE / "galaxy"
PROGRAMS = Path(sys.executable).parent


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    archive = build()
    number = check_content(archive)
    check_as_galaxy_does(archive)
    documented = install_and_ask(archive)
    size = archive.stat().st_size // 1024
    print(f"{archive.name}: {number} files, {size} KiB, {documented} plugins and roles documented")


def build() -> Path:
    run("ansible-galaxy", "collection", "build", "--output-path", WORK, cwd=checkout.copy("galaxy"))
    return next(WORK.glob("*.tar.gz"))


def check_content(archive: Path) -> int:
    """Nothing but what is meant to be shipped."""
    with tarfile.open(archive) as content:
        names = [member.name for member in content.getmembers() if member.isfile()]
    strange = {name for name in names if name.split("/")[0] not in SHIPPED or JUNK.search(name)}
    if strange:
        sys.exit(f"The archive holds what no user needs: {', '.join(sorted(strange))}")
    return len(names)


def check_as_galaxy_does(archive: Path) -> None:
    """galaxy-importer, with every warning an error; ansible-test and ansible-lint, in its profile, are other gates.

    It ends ansible-lint after three minutes, which a slow machine does not meet.
    """
    settings = WORK / "importer.ini"
    off = "".join(f"RUN_{name} = False\n" for name in ("ANSIBLE_TEST", "ANSIBLE_LINT", "FLAKE8"))
    settings.write_text(f"[galaxy-importer]\n{off}LOG_LEVEL_MAIN = INFO\n")
    told = run(
        PROGRAMS / "python", "-m", "galaxy_importer.main", archive, GALAXY_IMPORTER_CONFIG=str(settings), cwd=WORK
    )
    complaints = [line for line in told.splitlines() if line.startswith(("WARNING", "ERROR"))]
    if complaints:
        sys.exit("\n".join(complaints))


def install_and_ask(archive: Path) -> int:
    """Install from the archive alone, and read the documentation of everything in it."""
    target = WORK / "installed"
    # Without PYTHONPATH, through which the checkout itself counts as installed.
    run_alone = partial(run, ANSIBLE_COLLECTIONS_PATH=str(target), PYTHONPATH="")
    run_alone("ansible-galaxy", "collection", "install", "--offline", "--collections-path", target, archive)
    number = 0
    for kind in ("module", "inventory", "filter", "role"):
        options = ("--type", kind, "--json", "--playbook-dir", WORK)
        listed = run_alone("ansible-doc", *options, "--list", "evercert.entra")
        names = list(json.loads(listed))
        if names:
            run_alone("ansible-doc", *options, *names)
        number += len(names)
    return number


def run(*command: str | Path, cwd: Path = checkout.ROOT, **variables: str) -> str:
    """Run a command, show what it says, and stop at the first failure."""
    print("$", *command, flush=True)
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False)
    print(done.stdout[-20000:] + done.stderr, flush=True)
    if done.returncode:
        sys.exit(f"{Path(words[0]).name} ended with {done.returncode}")
    return done.stdout if "--json" in words else done.stdout + done.stderr


if __name__ == "__main__":
    main()
