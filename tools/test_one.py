# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one test: test_one.py PATH[::NAME] [PYTEST OPTION ...]; test_one.py INTEGRATION_TARGET [...]"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ansible_test
import checkout
import environments

TARGETS = Path("tests/integration/targets")
OWN = ("conformance", "engines", "pages", "rulebook")  # folders of tests with an environment of that name


def main() -> int:
    if not sys.argv[1:]:
        print(
            "Say which: make test-one T=tests/unit/test_layers.py, or T=NAME of an integration target.", file=sys.stderr
        )
        return 2
    checkout.prepare()
    try:
        return _run(sys.argv[1:])
    except environments.NotAvailable as problem:
        print(problem, file=sys.stderr)
        return 1


def _run(words: list[str]) -> int:
    first = Path(words[0].split("::")[0])
    if first.is_relative_to(TARGETS) or (checkout.ROOT / TARGETS / first).is_dir():
        environment = environments.build("test")
        tree = ansible_test.integration_tree(f"one-{first.name}", {})
        command = ["integration", "--local", first.name, *words[1:]]
        return ansible_test.call(environment, tree, command)
    environment = environments.build(next((name for name in OWN if first.is_relative_to(f"tests/{name}")), "test"))
    pytest = [str(environment.programs / "python"), "-m", "pytest", *words]
    return subprocess.call(pytest, cwd=checkout.ROOT, env=checkout.surroundings(environment.programs))


if __name__ == "__main__":
    sys.exit(main())
