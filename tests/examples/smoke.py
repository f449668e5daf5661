# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the integration targets marked "smoke/" with another interpreter on the host: smoke.py INTERPRETER"""

from __future__ import annotations

import sys

import playbooks


def main() -> None:
    interpreter = sys.argv[1]
    marked = [
        path.parent.name
        for path in sorted(playbooks.TARGETS.glob("*/aliases"))
        if "smoke/" in path.read_text(encoding="utf-8").split()
    ]
    if not marked:
        sys.exit("No integration target is marked smoke/")
    for target in marked:
        play = {"name": target, "hosts": "testhost", "gather_facts": True, "roles": [target]}
        playbooks.play(f"smoke-{target}", [play], "--extra-vars", f"ansible_python_interpreter='{interpreter}'")
    print(f"{len(marked)} targets")


if __name__ == "__main__":
    main()
