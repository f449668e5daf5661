# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the attacks of tests/trust found, as a table; --write puts it into the documentation's page.

Each figure is of the last run that counted it, `make test`, `make check` or `make soak`, and says which that was.
--forget is for the beginning of a run of everything, --take FOLDER for what a part of a soak has counted.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache" / "trust"
PAGE = ROOT / "docs" / "docsite" / "rst" / "guide_trust.rst"
BEGIN, END = ".. figures begin\n", ".. figures end\n"

# (attack, what was counted) → (figure, the run that counted it)
Figures = dict[tuple[str, str], tuple[Any, str]]


def forget() -> None:
    """No figure of an earlier run may be taken for one of the next."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)


def figures(place: Path = RESULTS) -> Figures:
    """Counts of several processes are added up."""
    found: Figures = {}
    for path in sorted(place.glob("*-????????.json")):
        noted, attack = json.loads(path.read_text(encoding="utf-8")), path.stem.rpartition("-")[0]
        for name, value in noted.get("figures", {}).items():  # an older checkout noted them in another way
            is_count = isinstance(value, int) and not isinstance(value, bool)
            so_far = found.get((attack, name), (0, ""))[0] if is_count else None
            found[attack, name] = (so_far + value if is_count else value, noted["run"])
    return found


def replace(place: Path) -> None:
    """Take over what a part of a run has counted; the figures of other parts stay."""
    merged = {**figures(), **figures(place)}
    forget()
    for number, ((attack, name), (value, run)) in enumerate(merged.items()):
        text = json.dumps({"run": run, "figures": {name: value}})
        (RESULTS / f"{attack}-{number:08}.json").write_text(text, encoding="utf-8")


def lines_of(found: Figures) -> list[tuple[str, str, str, str]]:
    """Attack, what was counted, figure, run."""
    return [
        (attack.replace("_", " "), name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value), run)
        for (attack, name), (value, run) in sorted(found.items())
    ]


def table(found: Figures) -> str:
    return "\n".join(f"{attack:<28} {name:<52} {value:>12}  {run}" for attack, name, value, run in lines_of(found))


def rows(found: Figures) -> str:
    """The same as a table of the documentation."""
    head = [".. list-table::", "   :header-rows: 1", "   :widths: 20 50 15 15", ""]
    cells = [("Attack", "Counted", "Figure", "Run"), *lines_of(found)]
    return "\n".join([*head, *("   * - " + "\n     - ".join(row) for row in cells)])


def write(page: Path, found: Figures) -> None:
    before, _begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _old, _end, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{rows(found)}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    if sys.argv[1:] == ["--forget"]:
        forget()
        return 0
    if sys.argv[1:2] == ["--take"]:
        replace(Path(sys.argv[2]))
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
