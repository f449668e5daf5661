# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and tell how far apart its lines came and between which: timed.py COMMAND [ARGUMENT ...]"""

from __future__ import annotations

import json
import subprocess
import sys
import time


def main():
    lines, moments = [], []
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            moments.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
    longest = gaps.index(max(gaps))
    between = lines[longest : longest + 2]
    print(json.dumps({"rc": process.returncode, "longest_gap": gaps[longest], "between": between, "lines": lines}))


if __name__ == "__main__":
    main()
