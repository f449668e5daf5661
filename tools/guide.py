# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the guides that are made from data of ours, between markers: shown, put in, or compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "docsite" / "rst"
BEGIN, END = ".. begin: {name}", ".. end: {name}"


def list_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], widths: str = "") -> str:
    lines = ["   * - " + "\n     - ".join(row) + "\n" for row in (head, *rows)]
    options = "   :header-rows: 1\n" + (f"   :widths: {widths}\n" if widths else "")
    return f".. list-table::\n{options}\n" + "".join(lines)


def filled(text: str, tables: dict[str, str]) -> str:
    """The page with its tables as they are now."""
    for name, table in tables.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n\n{table}\n{end}{rest.split(end, 1)[1]}"
    return "\n".join(line.rstrip() for line in text.split("\n"))


def main(page: str, tables: dict[str, str], program: str) -> int:
    """Do what the arguments say: --write, --check, or neither to see them; the exit status."""
    path = PAGES / page
    now = path.read_text(encoding="utf-8")
    made = filled(now, tables)
    if sys.argv[1:] == ["--check"]:
        if now != made:
            command = f"tools/py tools/environment.py --run test {program} --write"
            print(f"{page} does not match the figures. Run: {command}", file=sys.stderr)
        return int(now != made)
    if sys.argv[1:] == ["--write"]:
        path.write_text(made, encoding="utf-8")
    else:
        print("\n".join(tables.values()))
    return 0
