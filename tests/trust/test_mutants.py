# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that changes the code on purpose: what it changes, and that it knows who noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trust.mutants.operators import mutants_of

TESTS = Path(__file__).resolve().parents[1]
TOY = '''
"""A till."""
LIMIT = 10

def price(age: int, *, members: bool = False):
    """Children and members pay less."""
    if age < 0:
        raise ValueError("no such age")
    return 5 if age < 18 or members else LIMIT

def unused():
    return LIMIT + 1
'''
TOY_TESTS = """
import pytest
import till

@pytest.mark.parametrize("age, expected", [(17, 5), (19, 10), (0, 5)])
def test_children_pay_less(age, expected):
    assert till.price(age) == expected

def test_members_pay_less():
    assert till.price(30, members=True) == 5

def test_nobody_has_a_negative_age():
    with pytest.raises(ValueError):
        till.price(-1)

def test_that_notices_nothing():
    assert till.LIMIT
"""
TRY = """
import sys
from pathlib import Path
from trust.mutants.operators import mutants_of
from trust.mutants.trial import Trial
import till

def report(outcome):
    end = "timeout" if outcome.timed_out else "untested" if outcome.untested else len(outcome.killed_by)
    print(f"{outcome.mutant.change} | {end}", flush=True)

mutants = mutants_of("till.py", Path("till.py").read_text())
trial = Trial(mutants, {"till.py": till}, [Path.cwd()], report)
assert trial.run(["test_till.py"]) == 0
trial = Trial(mutants, {"till.py": till}, [Path.cwd()], lambda outcome: None, seeks_idle=True)
assert trial.run(["test_till.py"]) == 0
print("idle:", *(f"/{test}" for test in trial.idle()))
"""


def changes(source):
    return [mutant.change for mutant in mutants_of("toy.py", source)]


@pytest.mark.parametrize(
    "source, expected",
    [
        ("def f(a): return a < 1", ["a < 1 → None", "a < 1 → a <= 1", "a < 1 → a < 2"]),
        ("if a and b: go()", ["go() → pass", "a and b → False", "a and b → True", "a and b → b", "a and b → a"]),
        ("while a: go()", ["go() → pass", "a → False"]),
        ("x = [a for a in b if c]", ["c → False", "c → True"]),
        ("x = not a", ["not a → a"]),
        ("x = a - b", ["a - b → a + b"]),
        ("x = min(a, b)", ["min(a, b) → max(a, b)"]),
        ("x = t.timedelta(days=a)", ["t.timedelta(days=a) → t.timedelta(hours=a)"]),
        ("x = f(a, b=c)", ["f(a, b=c) → f(a)"]),
        ("x = field(repr=False)", ["repr=False → repr=True"]),
        ("raise f", ["raise f → pass"]),
        ("a.b = c", ["a.b = c → pass"]),
        ("a += b", ["a += b → pass", "a += b → a -= b"]),
        ("try: go()\nexcept (One, Two): pass", ["go() → pass", "(One, Two) → (Two,)", "(One, Two) → (One,)"]),
        ('x = "word"', ["x = 'word' → x = ''"]),
    ],
)
def test_a_change_is_one_that_a_good_test_notices(source, expected):
    assert sorted(changes(source)) == sorted(expected)


@pytest.mark.parametrize(
    "source",
    [
        "import a",
        '"""Documentation."""',
        "Names = t.Sequence[str]",
        "def f(a: t.Literal['b']) -> t.List['c']: pass",
        'x = "Text for people."',
        'x = f"{a + 1} too"',
        "x = t.cast('Name', a)",
    ],
)
def test_what_no_promise_depends_on_is_left_alone(source):
    assert changes(source) == []


def test_equal_changes_in_one_function_are_told_apart_and_lines_do_not_matter():
    one = [mutant.name for mutant in mutants_of("toy.py", "def f():\n    go()\n    go()\n")]
    moved = [mutant.name for mutant in mutants_of("toy.py", "\n\ndef f():\n    go()\n\n    go()\n")]

    assert one == ["toy.py: f: go() → pass", "toy.py: f: go() → pass (number 2)"] == moved


def test_who_notices_a_change_and_who_does_not_is_known(tmp_path):
    """Inside a function, in a constant that the function reads, and in a default."""
    (tmp_path / "till.py").write_text(TOY, encoding="utf-8")
    (tmp_path / "test_till.py").write_text(TOY_TESTS, encoding="utf-8")
    variables = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{tmp_path}", "PYTHONDONTWRITEBYTECODE": "1"}

    run = subprocess.run(
        [sys.executable, "-c", TRY], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    told = dict(line.split(" | ") for line in run.stdout.splitlines() if " | " in line)
    assert told["LIMIT = 10 → LIMIT = 11"] == "1"
    assert told["age < 18 → age <= 18"] == "0", "no test has the age of 18"
    assert told["age < 0 → age <= 0"] == "1"
    assert told["raise ValueError('no such age') → pass"] == "1"
    assert told["age < 18 or members → age < 18"] == "1"
    assert told["LIMIT + 1 → LIMIT - 1"] == "untested"
    assert run.stdout.splitlines()[-1].split("/")[-1] == "test_till.py::test_that_notices_nothing"
