# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether enough branches of plugins/ are covered, from coverage's JSON: its own --fail-under mixes them with lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    report, wanted = Path(sys.argv[1]), float(sys.argv[2])
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    branches, lines = totals["percent_branches_covered"], totals["percent_statements_covered"]
    print(f"plugins/: {branches:.1f} % of branches, {lines:.1f} % of lines; at least {wanted:g} % of branches wanted")
    return int(branches < wanted)


if __name__ == "__main__":
    sys.exit(main())
