# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks made on the spot, with an emulator of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
TARGETS = ROOT / "tests" / "integration" / "targets"


def play(name: str, plays: list[dict[str, Any]], *options: str) -> None:
    """Run plays on a local host called testhost; end this program when they fail."""
    directory = CACHE / "playbooks" / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    playbook = directory / "playbook.yml"
    playbook.write_text(json.dumps(plays, indent=2), encoding="utf-8")  # JSON is YAML
    variables = {"ANSIBLE_ROLES_PATH": str(TARGETS), "OUTPUT_DIR": str(directory / "output")}
    inventory = directory / "inventory.yml"
    host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory.write_text(json.dumps({"all": {"hosts": {"testhost": host}}}), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(playbook), *options]
    if subprocess.call(command, cwd=directory, env=os.environ | variables, stdin=subprocess.DEVNULL):
        sys.exit(f"{name}: the play failed")
