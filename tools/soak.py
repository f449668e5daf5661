# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacks of tests/trust at full strength, the mutants, and a large job in many slices.

Hours on a small machine, bounded in count and time.
"""

from __future__ import annotations

import os
import sys

import checkout
import environments
import runner
import trust
from runner import Gate, Job

NAMES = ("attacks", "mutants", "engines")
PATIENCE = 8 * 3600  # seconds that each may take


def attacks(job: Job) -> str:
    """Every test of tests/trust, with the counts of a soak."""
    return _program(job, "-m", "pytest", "-q", "tests/trust", "--numprocesses=2")


def mutants(job: Job) -> str:
    """Changes to the code that some test must notice."""
    return _program(job, "tests/trust/mutants")


def engines(job: Job) -> str:
    """A job over 37 hosts in five slices, and all else of tests/engines."""
    return _program(job, "-m", "pytest", "-q", "tests/engines", environment="engines")


def _program(job: Job, *arguments: str, environment: str = "test") -> str:
    variables = {"EVERCERT_SOAK": "1", "EVERCERT_SEED": os.environ.get("EVERCERT_SEED", "1")}
    programs = environments.ENVIRONMENTS[environment].programs
    told = job.run("python", *arguments, programs=programs, variables=variables, patience=PATIENCE)
    return told.strip().splitlines()[-1].strip("= ")


def main() -> int:
    names = sys.argv[1:] or list(NAMES)
    checkout.prepare()
    try:
        for environment in {"engines" if name == "engines" else "test" for name in names}:
            environments.build(environment)
    except environments.NotAvailable as problem:
        print(problem, file=sys.stderr)
        return 1
    trust.forget()
    gates = [Gate(f"soak-{name}", globals()[name]) for name in names if name in NAMES]
    try:
        results = runner.Run(gates, at_once=1).run()
    except KeyboardInterrupt:
        runner.stop_all()
        return 130
    print(runner.table(results))
    print()
    print(trust.table(trust.figures()))
    print("\ntools/trust.py --write puts these figures into docs/docsite/rst/guide_trust.rst.")
    return any(result.outcome == "FAILED" for result in results.values())


if __name__ == "__main__":
    sys.exit(main())
