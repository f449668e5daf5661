# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes tests/emulator/RULES.md from the emulator's rules and switches: `tools/py tools/rules_page.py`, or --check."""

from __future__ import annotations

import ast
import json
import re
import sys
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = ROOT / "tests/emulator"
PAGE = EMULATOR / "RULES.md"
SEEN_LIVE = ROOT / "tests/live/answers"
RECORDED = ROOT / "tests/recorded"

HEAD = """\
# Rules of the emulated service

Made by `tools/rules_page.py` from the functions in `rules_*.py` and from `switches.py`, from the recorded answers in
`../recorded`, and from what `make test-live` wrote down in `../live/answers`. *Section* is that of the facts page which
the rule cites. *Mark*: V stated or recorded by Microsoft, P seen by others, U unconfirmed. *Recorded* names the answers
that are replayed against it. *Seen live on* is the last day on which a tenant confirmed the switch that the rule goes
by, or changed it. To fill it, run `make test-live` on a tenant of your own and commit the file that it writes.
"""


class Row(typing.NamedTuple):
    """One rule, or one switch."""

    name: str
    says: str
    section: str
    mark: str
    recorded: str
    live: str


def main() -> int:
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("tests/emulator/RULES.md is not what the rules say. Run tools/py tools/rules_page.py.")
    return 1


def page() -> str:
    live, recorded = _live(), _recorded()
    parts = [HEAD]
    for path in sorted(EMULATOR.glob("rules_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts.append(f"\n## {path.stem}\n\n{(ast.get_docstring(tree) or '').splitlines()[0]}\n\n")
        parts.append(_table("Rule", [_of_rule(one, live, recorded) for one in tree.body if _is_rule(one)]))
    parts.append("\n## Switches\n\nThe default stands first; any other reading is set by a scenario or a test.\n\n")
    parts.append(_table("Switch", _of_switches(live, recorded)))
    return "".join(parts)


def _table(first: str, rows: list[Row]) -> str:
    head = f"| {first} | Says | Section | Mark | Recorded | Seen live on |\n| --- | --- | --- | --- | --- | --- |\n"
    return head + "".join(f"| `{row.name}` | {' | '.join(_cell(text) for text in row[1:])} |\n" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "-"


def _is_rule(node: ast.stmt) -> typing.TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and bool(re.match(r"\d|[VPU]\b", ast.get_docstring(node) or ""))


def _of_rule(node: ast.FunctionDef, live: dict[str, str], recorded: list[str]) -> Row:
    says = " ".join((ast.get_docstring(node) or "").split())
    used = set(re.findall(r"switches\.(\w+)", ast.unparse(node)))
    days = sorted({live[name] for name in used if name in live})
    return Row(node.name, says, _sections(says), _marks(says), _named(says, recorded), days[-1] if days else "")


def _of_switches(live: dict[str, str], recorded: list[str]) -> list[Row]:
    """A switch is one line: its name, its default, and a comment with its source."""
    text = (EMULATOR / "switches.py").read_text(encoding="utf-8")
    found = re.findall(r"^    (\w+): \w+ = (.+?)  # (.+)$", text, re.MULTILINE)
    return [
        Row(
            name,
            f"`{default}`. {says}",
            _sections(says),
            _marks(says),
            _named(says, recorded),
            live.get(name, ""),
        )
        for name, default, says in found
    ]


def _sections(says: str) -> str:
    return re.match(r"[\d., ]*", says).group(0).strip(" ,.")  # type: ignore[union-attr]


def _marks(says: str) -> str:
    return ", ".join(dict.fromkeys(re.findall(r"\b([VPU])\b", says)))


def _named(says: str, recorded: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in recorded if re.search(rf"\b{name}\b", says))


def _live() -> dict[str, str]:
    """The last day on which each switch was looked at."""
    looks = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SEEN_LIVE.glob("facts-*.json"))]
    return {row["switch"]: look["date"] for look in looks for row in look["facts"] if row.get("switch")}


def _recorded() -> list[str]:
    return [
        entry["name"]
        for path in sorted(RECORDED.glob("*.json"))
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]


if __name__ == "__main__":
    sys.exit(main())
