# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacks of tests/trust at full strength, the mutants, and a large job in many slices.

    soak [PART ...]

Hours on a small machine, bounded in count and time. A part is `mutants`, `engines`, or a file of tests/trust such as
`test_machine`; without one, all of them. Parts can be run on different days: the figures of the others stay.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import checkout
import environments
import runner
import trust
from runner import Gate, Job

PATIENCE = 8 * 3600  # seconds that each may take
ATTACKS = checkout.ROOT / "tests" / "trust"
# What a part counts is taken over when it has passed.
COUNTED = checkout.CACHE / "soak"


def attack(job: Job) -> str:
    """The tests of one file or folder of tests/trust, with the counts of a soak."""
    return _program(job, "-m", "pytest", "-q", str(parts()[job.name]), "--numprocesses=2")


def parts() -> dict[str, Path]:
    """Every part with attacks, by its name."""
    files = {f"soak-{path.stem}": path for path in sorted(ATTACKS.glob("test_*.py"))}
    return {**files, "soak-secrecy": ATTACKS / "secrecy"}


def mutants(job: Job) -> str:
    """Changes to the code that some test must notice."""
    return _program(job, "tests/trust/mutants")


def engines(job: Job) -> str:
    """A job over 37 hosts in five slices, and all else of tests/engines."""
    return _program(job, "-m", "pytest", "-q", "tests/engines", environment="engines")


def _program(job: Job, *arguments: str, environment: str = "test") -> str:
    seed = os.environ.get("EVERCERT_SEED", "1")
    variables = {"EVERCERT_SOAK": "1", "EVERCERT_SEED": seed, "EVERCERT_FIGURES": str(COUNTED)}
    programs = environments.ENVIRONMENTS[environment].programs
    shutil.rmtree(COUNTED, ignore_errors=True)
    with checkout.quick_temporary() as temporary:
        told = job.run("python", *arguments, programs=programs, variables={**variables, **temporary}, patience=PATIENCE)
    trust.replace(COUNTED)
    return told.strip().splitlines()[-1].strip("= ")


def main() -> int:
    every = {**dict.fromkeys(parts(), attack), "soak-mutants": mutants, "soak-engines": engines}
    names = [f"soak-{name}" for name in sys.argv[1:]] or list(every)
    if unknown := [name for name in names if name not in every]:
        known = ", ".join(name.removeprefix("soak-") for name in every)
        print(f"No such part: {', '.join(name.removeprefix('soak-') for name in unknown)}. There are: {known}.")
        return 2
    checkout.prepare()
    try:
        for environment in {"engines" if name == "soak-engines" else "test" for name in names}:
            environments.build(environment)
    except environments.NotAvailable as problem:
        print(problem, file=sys.stderr)
        return 1
    gates = [Gate(name, every[name]) for name in names]
    try:
        results = runner.Run(gates, at_once=1).run()
    except KeyboardInterrupt:
        runner.stop_all()
        return 130
    print(runner.table(results))
    print()
    print(trust.table(trust.figures()))
    print("\ntools/py tools/trust.py --write puts these figures into docs/docsite/rst/guide_trust.rst.")
    return any(result.outcome == "FAILED" for result in results.values())


if __name__ == "__main__":
    sys.exit(main())
