# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page on the emulator's rules says what the rules say."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from emulator.switches import Switches

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_on_rules_matches_the_rules():
    checked = subprocess.run(
        [sys.executable, str(ROOT / "tools/rules_page.py"), "--check"], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_rule_that_forbids_something_is_on_the_page_and_so_is_every_switch():
    page = (ROOT / "tests/emulator/RULES.md").read_text(encoding="utf-8")
    files = (ROOT / "tests/emulator").glob("rules_*.py")
    texts = [path.read_text(encoding="utf-8") for path in files]
    rules = {name for text in texts for name in re.findall(r"^def (refuse_\w+)", text, re.M)}
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.M))

    assert rules | {field.name for field in fields(Switches)} <= named


def test_every_switch_cites_its_section_and_how_sure_it_is():
    page = (ROOT / "tests/emulator/RULES.md").read_text(encoding="utf-8").split("## Switches")[1]
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| `")]

    assert [row[0] for row in rows if row[2] == "-" or row[3] == "-"] == []
