# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the guide on speed, from what tests/bench measured: speed_page.py shows them, --write puts them in.

`make bench B=--write` measures anew. --check compares the page with the figures.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import speed

import guide

MEASURED = guide.ROOT / "tests" / "bench" / "speed.yml"


def tables(found: dict[str, Any]) -> dict[str, str]:
    return {
        "machine": _machine(found),
        "listings": guide.list_table(speed.LISTING_HEAD, speed.listings(found["listings"])),
        "growth": guide.list_table(speed.GROWTH_HEAD, speed.growth(found["listings"])),
        "comparisons": guide.list_table(speed.COMPARISON_HEAD, speed.comparisons(found["comparisons"])),
    }


def _machine(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    skipped = "".join(f"\n{sentence}\n" for sentence in found["skipped"])
    dates = ", ".join(f"{part} on {date}" for part, date in found["dates"].items())
    return f"Measured with {found['on']}, {versions}: {dates}.\n{skipped}"


def main() -> int:
    return guide.main(
        "guide_speed.rst", tables(yaml.safe_load(MEASURED.read_text(encoding="utf-8"))), "tests/bench/speed_page.py"
    )


if __name__ == "__main__":
    sys.exit(main())
