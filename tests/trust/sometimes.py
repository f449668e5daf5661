# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the attacks have to meet sometimes: a promise about a case that never came was not tested.

Every test process notes what it meets: each finding, diagnosis, step, event of the history, and way of recovery. After
a run of all attacks this program, by itself, is red for a word of the code's own tables that none of them met; and for
one that `CANNOT` excuses and that was met all the same. Runs of one file note too, and nobody asks.
"""

from __future__ import annotations

import ast
import functools
import sys
import typing as t

import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import TABLE, diagnosis_of
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Plan
from ansible_collections.evercert.entra.plugins.module_utils._core.status import CHECKS, STATUSES
from ansible_collections.evercert.entra.plugins.module_utils._core.verdict import Verdict
from ansible_collections.evercert.entra.plugins.module_utils._entra.algorithm import Algorithm
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._report.words import REASONS
from ansible_collections.evercert.entra.plugins.module_utils._steps import (
    adopt,
    aside,
    fall_back,
    gather,
    history,
    refused,
    register,
    remove,
    renew,
    retire,
    settling,
    signing,
)
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Run

STEPS = scale.ROOT / "plugins" / "module_utils" / "_steps"
NOTED = scale.RESULTS / "met"

# Way of recovery → the function of the code that goes it, and what it returns then; any of them alone is the way.
RECOVERIES: dict[str, tuple[t.Any, str, t.Callable[[t.Any], bool]]] = {
    "a renewal goes on as the application itself": (fall_back, "_gather_as_itself", bool),
    "another algorithm signs": (Algorithm, "gives_way", bool),
    "half-made files are cleared away": (DirectoryStore, "clear_debris", bool),
    "a write without an answer is found": (register, "settle", bool),
    "a write without an answer is sent again": (register, "settle", lambda is_there: not is_there),
    "a refused write is sent again": (settling, "_after_refusal", lambda is_there: not is_there),
    "a shorter certificate follows a refused one": (refused, "_make_shorter", bool),
    "an older key signs the proof": (signing, "_keys_for_proof", lambda keys: len(keys) > 1),
    "absence is asked for again": (gather, "read_until_shown", bool),
    "a key in the store still signs in": (gather, "_find_known", bool),
    "a key that was set aside is known": (aside, "_is_known", lambda known: known is True),
    "a key that was set aside is known by nobody": (aside, "_is_known", lambda known: known is False),
    "a removal waits for a young key": (retire, "_leave_to_next_run", lambda _nothing: True),
    "a removal is asked for again": (remove, "_look_again", lambda _nothing: True),
    "another run has done it": (renew, "_leave_to_others", lambda _nothing: True),
}

# What no attack can meet in a process that is watched, each with the reason.
_OUTSIDE = "no emulator stands in for it; its unit tests do: tests/unit/plugins/module_utils/"
CANNOT: dict[str, str] = {
    "diagnosis: dns": f"{_OUTSIDE}_ansible/test_requests_transport.py",
    "diagnosis: proxy": f"{_OUTSIDE}_ansible/test_requests_transport.py",
    "diagnosis: azure_cli_failed": f"{_OUTSIDE}_entra/sign_in/test_azure_cli.py",
    "diagnosis: job_token_unavailable": f"{_OUTSIDE}_entra/sign_in/test_workload_identity.py",
}


def promised() -> set[str]:
    """Every word, with its kind, by the tables of the code itself."""
    words: dict[str, t.Iterable[str]] = {
        "finding": {*(check.__name__ for check in CHECKS), *STATUSES, *REASONS} - {"healthy"},
        "diagnosis": TABLE,
        "step": renew.ACTIONS,
        "event": events(),
        "recovery": RECOVERIES,
    }
    return {f"{kind}: {word}" for kind, found in words.items() for word in found}


def events() -> set[str]:
    """The words of the history, which stand where they are written."""
    calls = (
        node
        for path in STEPS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )
    named = (
        node.args[0] if isinstance(node.func, ast.Attribute) else node.args[1]
        for node in calls
        if (getattr(node.func, "attr", "") == "log" and node.args) or getattr(node.func, "id", "") == "_append"
    )
    return {str(word.value) for word in named if isinstance(word, ast.Constant)}


# Noting


@functools.cache
def note(word: str) -> None:
    """Once in each process, in one piece: a process may be killed, or have come from one that had noted it."""
    scale.RESULTS.mkdir(parents=True, exist_ok=True)
    with NOTED.open("a", encoding="utf-8") as file:
        file.write(f"{word}\n")


def watch() -> None:
    """From now on this process notes what it meets."""
    _after(EvercertError, "__init__", lambda _found, error, *_given: [f"diagnosis: {diagnosis_of(error).code}"])
    _after(Plan, "__init__", lambda _found, plan, *_given: _findings([plan.finding] if plan.finding else []))
    _after(Verdict, "__init__", lambda _found, verdict, *_given: _findings(verdict.findings))
    _after(Run, "log", lambda _found, _run, event, *_given: [f"event: {event}"])
    _after(history, "_append", lambda _found, _connection, event, *_given: [f"event: {event}"])
    for name, action in renew.ACTIONS.items():
        renew.ACTIONS[name] = _noting(action, lambda _found, *_given, name=name: [f"step: {name}"])
    _after(adopt, "adopt", lambda *_anything: ["step: adopt"])  # a directory's; a vault's is among the actions
    for name, (owner, function, is_way) in RECOVERIES.items():
        _after(owner, function, lambda found, *_given, name=name, is_way=is_way: [f"recovery: {name}"] * is_way(found))


def _findings(findings):
    return [f"finding: {finding.reason}" for finding in findings]


def _after(owner, name, words):
    setattr(owner, name, _noting(getattr(owner, name), words))


def _noting(function, words):
    """The same function; when it has returned, `words` says what was met."""

    @functools.wraps(function)
    def noting(*given, **named):
        found = function(*given, **named)
        for word in words(found, *given):
            note(word)
        return found

    return noting


# Asking


def complaints(met: set[str], promised: set[str], cannot: t.Collection[str]) -> list[str]:
    """What is wrong with a run of all attacks."""
    return [
        *(f"No attack met it: {word}." for word in sorted(promised - met - set(cannot))),
        *(f"It was met, and CANNOT says that it cannot be: {word}." for word in sorted(met & set(cannot))),
        *(f"CANNOT excuses what is nowhere promised: {word}." for word in sorted(set(cannot) - promised)),
        *(f"It was met and stands in no table: {word}." for word in sorted(met - promised)),
    ]


def main() -> int:
    met = set(NOTED.read_text(encoding="utf-8").splitlines()) if NOTED.exists() else set()
    found = complaints(met, promised(), CANNOT)
    for line in found:
        print(f"ERROR: {line}")
    print(f"{len(met)} findings, diagnoses, steps, events and ways of recovery were met, {len(CANNOT)} cannot be.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
