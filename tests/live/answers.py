# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tenant answered, as a file that names nobody: facts-<date>.json, which the emulator's switches go by."""

from __future__ import annotations

import json
import re

# IDs, thumbprints, tokens and domains: no answer of ours is any of these.
NAMES_SOMEBODY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{40}|eyJ|@|\.(com|net|org)\b", re.IGNORECASE)


def write(folder, date, facts, observed):
    """One file for each day; the path. `observed` is by the question's name."""
    rows = [_row(fact, observed[fact.name]) for fact in facts if fact.name in observed]
    text = json.dumps({"date": str(date), "facts": rows}, indent=1, ensure_ascii=True) + "\n"
    found = NAMES_SOMEBODY.search(text)
    if found:
        raise ValueError(f"An answer seems to name somebody ({found.group(0)[:12]}…), so nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"facts-{date}.json"
    path.write_text(text, encoding="utf-8")
    return path


def _row(fact, value):
    return {"name": fact.name, "statement": fact.statement, "switch": fact.switch, "observed": value}
