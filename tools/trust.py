# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the attacks of tests/trust found, as a table; --write puts it into the documentation's page.

The figures are those of the last run, `make test` or `make soak`; each says which of the two it is.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import checkout

RESULTS = checkout.CACHE / "trust"
PAGE = checkout.ROOT / "docs" / "docsite" / "rst" / "guide_trust.rst"
BEGIN, END = ".. figures begin\n", ".. figures end\n"

Figures = dict[str, dict[str, Any]]


def forget() -> None:
    """Before a run: no figure of an earlier one may be taken for one of this one."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)


def figures() -> Figures:
    """By topic; counts of several processes are added up."""
    found: Figures = {}
    for path in sorted(RESULTS.glob("*-????????.json")):
        topic = found.setdefault(path.stem.rpartition("-")[0], {})
        for name, value in json.loads(path.read_text(encoding="utf-8")).items():
            is_count = isinstance(value, int) and not isinstance(value, bool)
            topic[name] = topic.get(name, 0) + value if is_count else value
    return found


def lines_of(found: Figures) -> list[tuple[str, str, str]]:
    """Topic, what was counted, figure."""
    return [
        (topic.replace("_", " "), name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
        for topic, values in found.items()
        for name, value in values.items()
    ]


def table(found: Figures) -> str:
    return "\n".join(f"{topic:<28} {name:<52} {value:>12}" for topic, name, value in lines_of(found))


def rows(found: Figures) -> str:
    """The same as a table of the documentation."""
    head = [".. list-table::", "   :header-rows: 1", "   :widths: 25 55 20", ""]
    cells = [("Attack", "Counted", "Figure"), *lines_of(found)]
    return "\n".join([*head, *(f"   * - {topic}\n     - {name}\n     - {value}" for topic, name, value in cells)])


def write(page: Path, found: Figures) -> None:
    before, _begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _old, _end, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{rows(found)}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    found = figures()
    if not found:
        print("No figures: run make test or make soak first.", file=sys.stderr)
        return 1
    print(table(found))
    if "--write" in sys.argv[1:]:
        write(PAGE, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
