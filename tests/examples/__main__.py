# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the EXAMPLES of every module against the emulator: python tests/examples [MODULE ...]

The examples of a module are one play, in their order. tests/examples/ holds what they presuppose: the tenant
(scenario.yml), variables (vars.yml), and tasks before those of one module (MODULE.yml).
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import playbooks
import yaml
from playbooks import CACHE, ROOT

MODULES = ROOT / "plugins" / "modules"
PRESUPPOSED = Path(__file__).parent
COLLECTION = "evercert.entra"
HASTE = {"sign_in_interval": 1, "initial_pause": 1}  # no server of this tenant lags
SANDBOX = CACHE / "examples"
# An example may name any place on a host; here it lies in a directory of ours.
ABSOLUTE = re.compile(r"(?<![\w./:{}-])(?=/(?:etc|home|opt|root|srv|tmp|usr|var)/)")


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in MODULES.glob("*.py"))
    number = 0
    for name in names:
        tasks = examples_of(MODULES / f"{name}.py")
        shutil.rmtree(SANDBOX, ignore_errors=True)
        SANDBOX.mkdir(parents=True)
        playbooks.play(f"examples-{name}", [play_of(name, tasks)])
        number += len(tasks)
    if not number:
        sys.exit("There was no example to run")
    print(f"{number} examples of {len(names)} modules")


def examples_of(path: Path) -> list[dict[str, Any]]:
    """The tasks in a module's EXAMPLES, with every absolute path moved below the sandbox."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [target.id for target in node.targets if isinstance(target, ast.Name)] == [
            "EXAMPLES"
        ]:
            tasks = yaml.safe_load(ABSOLUTE.sub(str(SANDBOX), ast.literal_eval(node.value)))
            if not tasks or any("hosts" in task for task in tasks):
                sys.exit(f"{path.name}: EXAMPLES must be a list of tasks")
            return list(tasks)
    sys.exit(f"{path.name} has no EXAMPLES")


def play_of(name: str, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    before = PRESUPPOSED / f"{name}.yml"
    emulator = {
        "name": "Emulate the tenant that the examples speak of",
        "ansible.builtin.include_role": {"name": "setup_emulator"},
        "vars": {"setup_emulator_scenario": str(PRESUPPOSED / "scenario.yml")},
    }
    return {
        "name": f"Examples of {name}",
        "hosts": "testhost",
        "gather_facts": False,
        "vars": {"sandbox": str(SANDBOX)},
        "vars_files": [str(PRESUPPOSED / "vars.yml")],
        "module_defaults": {
            f"group/{COLLECTION}.entra": "{{ emulator_connection }}",
            f"{COLLECTION}.application_certificate_renew": HASTE,
            f"{COLLECTION}.application_certificate_verify": HASTE,
            f"{COLLECTION}.application_recovery": HASTE,
        },
        "tasks": [
            emulator,
            *([{"name": "Lay the ground", "ansible.builtin.include_tasks": str(before)}] if before.exists() else []),
            *tasks,
        ],
    }


if __name__ == "__main__":
    main()
