# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run integration targets with another interpreter on the host: smoke.py INTERPRETER TARGET ..."""

from __future__ import annotations

import sys
from pathlib import Path

import playbooks


def main() -> None:
    interpreter, *targets = sys.argv[1:]
    for target in targets:
        play = {"name": target, "hosts": "testhost", "gather_facts": True, "roles": [target]}
        playbooks.play(
            f"smoke-{target}-{Path(sys.prefix).name}",
            [play],
            "--extra-vars",
            f"ansible_python_interpreter='{interpreter}'",
        )
    print(f"{len(targets)} targets")


if __name__ == "__main__":
    main()
