# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a Python program of this repository in one of its environments: run_in.py ENVIRONMENT PROGRAM [ARGUMENT ...]"""

from __future__ import annotations

import os
import sys

import checkout
import environments


def main() -> int:
    name, *program = sys.argv[1:]
    checkout.prepare()
    try:
        environment = environments.build(name)
    except environments.NotAvailable as problem:
        print(problem, file=sys.stderr)
        return 1
    if not (checkout.ROOT / program[0]).exists():
        print(f"{program[0]} does not exist in this checkout.", file=sys.stderr)
        return 1
    os.chdir(checkout.ROOT)
    python = str(environment.programs / "python")
    return os.execve(python, [python, *program], checkout.surroundings(environment.programs))


if __name__ == "__main__":
    sys.exit(main())
