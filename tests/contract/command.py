# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command: python tests/contract check FILE."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .exchange import of_record
from .gate import Contract


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python tests/contract", description="Check recorded exchanges.")
    parser.add_argument("command", choices=["check"])
    parser.add_argument("file", type=Path, nargs="+", help="a file that the emulator wrote with --record")
    options = parser.parse_args(arguments)
    contract = Contract()
    failures = sum(_check(contract, path) for path in options.file)
    print(f"{contract.validated} exchanges validated, {failures} against the contract")
    if not contract.validated:
        print("Nothing was validated: is this the right file?")
    return 1 if failures or not contract.validated else 0


def _check(contract, path):
    failures = 0
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            exchange = of_record(json.loads(line))
            problems = contract.problems(exchange)
            failures += bool(problems)
            for problem in problems:
                print(f"{path}:{number}: {exchange.method} {exchange.path} ({exchange.status}): {problem}")
    return failures
