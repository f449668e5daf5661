# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation checked, and built as HTML without a warning: antsibull-docs and Sphinx each do a part of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import checkout

WORK = checkout.CACHE / "docs"


# Labels of Ansible's own documentation, which is not at hand here.
ELSEWHERE = ("action_plugins", "ansible_configuration_settings", "common_return_values")


def main() -> int:
    lint()
    build()
    print(f"{len(list((WORK / 'html').glob('*.html')))} pages in {(WORK / 'html').relative_to(checkout.ROOT)}")
    return 0


def lint() -> None:
    """Once more where the tool trips over its own temporary folder: a random name that ends in "_" refers, in reST."""
    command = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".")
    try:
        run(*command, cwd=checkout.COLLECTION)
    except SystemExit as failure:
        if 'Unknown target name: "antsibull-docs-' not in str(failure):
            raise
        run(*command, cwd=checkout.COLLECTION)


def build() -> None:
    """Sources from plugins, roles and guides, then pages; a warning about either is an error."""
    shutil.rmtree(WORK, ignore_errors=True)
    sources, html, warnings = WORK / "rst", WORK / "html", WORK / "warnings.txt"
    sources.mkdir(parents=True)
    WORK.chmod(0o700)  # the tool refuses a directory that others may write to
    name = f"{checkout.NAMESPACE}.{checkout.NAME}"
    common = ("--use-current", "--squash-hierarchy", name, "--dest-dir")
    run("antsibull-docs", "sphinx-init", "--lenient", *common, WORK)
    run("antsibull-docs", "collection", "--fail-on-error", *common, sources)
    for page in sources.glob("_*_filter.rst"):
        page.unlink()  # a link of our own roles, which the tool takes for an old name of something
    with (WORK / "conf.py").open("a", encoding="utf-8") as configuration:
        configuration.write("\nintersphinx_mapping = {}  # pages are built without a network\n")
    run("sphinx-build", "-q", "-w", warnings, "-c", WORK, "-b", "html", sources, html)
    told = warnings.read_text(encoding="utf-8").splitlines()
    problems = [line for line in told if not any(label in line for label in ELSEWHERE)]
    if problems:
        sys.exit("\n".join(problems))


def run(*command: str | Path, cwd: Path = checkout.ROOT) -> None:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{command[0]} failed.")


if __name__ == "__main__":
    sys.exit(main())
