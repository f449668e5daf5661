# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try each mutant in a child process of its own: the parent has imported and collected everything once.

A change inside a function is put into the function that exists, so that every importer of it meets the change; the
tests that run its lines are tried, those first that are quick and have noticed most. A change outside of functions is
met by importing everything of ours again. No file is touched.
"""

from __future__ import annotations

import gc
import importlib.machinery
import inspect
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import types
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest
from _pytest.runner import runtestprotocol

# No capture, no report; the files of a test go with it, whether it fails or not.
QUIET = ["-p", "no:terminal", "-p", "no:xdist", "-s", "-o", "tmp_path_retention_policy=none"]
MEMORY = 4 << 30  # bytes that a mutant may use
SLOWEST = 2.0  # seconds of the processor: what takes longer tries very many moments, and nobody would wait for it here
CONTROL = 50  # after so many mutants the same tests are tried without a change: whatever kills that is no killer
BROKEN = 70  # exit status of a child that could not even try
PATIENCE = 5  # times as long as without the change, and this many seconds


@dataclass
class Known:
    """What the tests do without any change."""

    seconds: dict = field(default_factory=dict)  # of the processor, by test
    lines: dict = field(default_factory=dict)  # tests by line, by file
    kills: Counter = field(default_factory=Counter)
    paths: dict = field(default_factory=dict)  # lines by test, by file

    def in_order(self, tests, mutant):
        """The most promising first: those that have noticed a change in this function or the same change elsewhere,
        those that mirror its file, and of the others one of each path: tests that run the same lines of a file notice
        much the same.
        """
        paths, turns = self.paths[mutant.file], Counter()
        key = {}
        for test in sorted(tests, key=lambda test: self._rank(test, mutant)):
            has_noticed = self.kills[mutant.file, mutant.function, test] + self.kills[mutant.change, test] > 0
            is_mirror = re.search(rf"/test_{Path(mutant.file).stem}[._]", test) is not None
            key[test] = not has_noticed, not is_mirror, turns[paths[test]], self._rank(test, mutant)
            turns[paths[test]] += 1
        return sorted(tests, key=key.__getitem__)

    def _rank(self, test, mutant):
        """Quick tests that have noticed much come first."""
        noticed = self.kills[test] + 10 * self.kills[mutant.file, mutant.function, test]
        return self.seconds.get(test, 0) / (1 + noticed)

    def tests_of(self, mutant):
        """Those that run the change; all of them where it is outside of functions: it may be anywhere by then."""
        lines = self.lines[mutant.file]
        running = {test for line in mutant.lines for test in lines.get(line, ())}
        able = running if mutant.first_line else self.seconds
        return {test for test in able if self.seconds.get(test, SLOWEST) < SLOWEST}


@dataclass(frozen=True)
class Outcome:
    """`killed_by` names every test that failed; one that ran out of time is none of them."""

    mutant: object
    killed_by: tuple = ()
    timed_out: bool = False
    untested: bool = False

    @property
    def survived(self):
        return not self.killed_by and not self.timed_out


class Trial:
    """A pytest plugin: instead of running the tests it runs them once for each mutant.

    `modules` are those to change, by the name of their file; `ours` are the directories of all modules that know them.
    With `most` a change inside a function meets no more than so many tests, the most promising ones. To seek idle
    tests, a mutant meets those only that have noticed nothing so far, and all of these.
    """

    def __init__(self, mutants, modules, ours, report, most=None, seeks_idle=False):
        self.mutants, self.modules, self.ours, self.report = list(mutants), modules, ours, report
        self.most, self.seeks_idle = most, seeks_idle
        self.known = Known()
        self.jobs = os.cpu_count() or 1

    def run(self, tests):
        """The exit status of pytest, 0 when everything was tried."""
        self.arguments = [*QUIET, *map(str, tests)]
        # Other runs of pytest clear the usual place while this long one goes on.
        with tempfile.TemporaryDirectory() as self.place:
            return pytest.main([*self.arguments, f"--basetemp={self.place}/tests"], plugins=[self])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        if session.testsfailed:
            raise pytest.UsageError("The tests cannot be collected.")
        self.items = session.items
        self._measure()
        gc.freeze()
        self._try_all()
        return True

    def idle(self):
        """The tests that noticed no change; meaningful only when they were sought."""
        return sorted(
            test for test, seconds in self.known.seconds.items() if seconds < SLOWEST and not self.known.kills[test]
        )

    def _measure(self):
        """Run every test once: all must pass, and which lines each runs is kept."""
        paths = {file: os.path.realpath(module.__file__) for file, module in self.modules.items()}
        watch = coverage.Coverage(data_file=None, include=list(paths.values()))
        watch.start()
        for item, after in zip(self.items, [*self.items[1:], None], strict=True):
            watch.switch_context(item.nodeid)
            started = time.process_time()
            if failed := _failure(item, after):
                raise pytest.UsageError(f"{item.nodeid} fails without any change.\n{failed.longreprtext}")
            self.known.seconds[item.nodeid] = time.process_time() - started
        watch.stop()
        data = watch.get_data()
        for file, path in paths.items():
            self.known.lines[file] = data.contexts_by_lineno(path)
            self.known.paths[file] = by_test(self.known.lines[file])

    def _try_all(self):
        waiting, running = list(reversed(self.mutants)), {}
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests = self.known.tests_of(mutant)
                if self.seeks_idle:
                    tests -= set(self.known.kills)
                    if not tests:
                        continue
                if not tests:
                    self.report(Outcome(mutant, untested=True))
                    continue
                if not len(waiting) % CONTROL:
                    pid, answer = self._start(None, tests)
                    running[pid] = None, answer
                pid, answer = self._start(mutant, tests)
                running[pid] = mutant, answer
            if running:
                self._finish(running)

    def _finish(self, running):
        pid, status = os.wait()
        mutant, answer = running.pop(pid)
        with os.fdopen(answer) as lines:
            killed_by = tuple(json.loads(line) for line in lines)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == BROKEN:
            raise RuntimeError(f"The trial itself failed: {mutant and mutant.name}")
        if mutant is None and killed_by:
            raise RuntimeError(f"Tests fail without any change when they are tried again: {killed_by}")
        if mutant is None:
            return
        for test in killed_by:
            self.known.kills.update((test, (mutant.file, mutant.function, test), (mutant.change, test)))
        timed_out = os.WIFSIGNALED(status) and not killed_by
        self.report(Outcome(mutant, killed_by, timed_out))

    def _start(self, mutant, tests):
        answer, told = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            os.close(told)
            return pid, answer
        try:
            _keep_quiet()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            child = Child(self, told, mutant, tests)
            if mutant is None or self._put_into_function(mutant):
                child.try_items(self.items)
            else:
                child.import_again()
            os._exit(0)
        finally:
            os._exit(BROKEN)

    def _put_into_function(self, mutant):
        """Whether the change could be put into the function that every importer of it holds."""
        path = mutant.file
        code = compile(mutant.code(), self.modules[path].__file__, "exec", dont_inherit=True)
        for function in functions_of(self.modules[path]):
            old = function.__code__
            if mutant.first_line and old.co_firstlineno == mutant.first_line:
                new = next(each for each in codes_in(code) if _is_same_place(each, old))
                if new.co_freevars == old.co_freevars:
                    function.__code__ = new
                    return True
        return False


class Child:
    """One mutant's process: tells the parent which tests fail."""

    def __init__(self, trial, told, mutant, tests):
        self.trial, self.told, self.mutant, self.tests = trial, told, mutant, tests

    def tell(self, killer):
        os.write(self.told, f"{json.dumps(killer)}\n".encode())

    def try_items(self, items):
        known = self.trial.known
        by_name = {item.nodeid: item for item in items if item.nodeid in self.tests}
        names = known.in_order(by_name, self.mutant) if self.mutant else by_name
        if self.mutant and self.mutant.first_line:
            names = names[: self.trial.most]
        chosen = [by_name[name] for name in names]
        for item, after in zip(chosen, [*chosen[1:], None], strict=True):
            _limit(known.seconds[item.nodeid])
            if _failure(item, after):
                self.tell(item.nodeid)
                if not self.trial.seeks_idle:
                    return

    def import_again(self):
        """Everything of ours is imported once more, and the tests are collected once more, with the change."""
        module = self.trial.modules[self.mutant.file]
        name, path = module.__name__, module.__file__
        for other in [other for other, one in sys.modules.items() if self._is_ours(one)]:
            del sys.modules[other]
        original = importlib.machinery.SourceFileLoader.get_code

        def get_code(loader, fullname):
            changed = fullname == name
            return compile(self.mutant.tree, path, "exec", dont_inherit=True) if changed else original(loader, fullname)

        importlib.machinery.SourceFileLoader.get_code = get_code
        _limit(60)
        # 0: the loop ended by itself. Anything else came before: the tests could not even be collected.
        place = f"--basetemp={self.trial.place}/{os.getpid()}"
        if pytest.main([*self.trial.arguments, place], plugins=[self]):
            self.tell("the import")

    def _is_ours(self, module):
        # A namespace package has no file, and would still know the old modules in it.
        where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
        real = Path(os.path.realpath(where)) if where else None
        return bool(real) and any(real.is_relative_to(place) for place in self.trial.ours)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        if session.testsfailed:
            raise pytest.UsageError("The change breaks the import.")
        self.try_items(session.items)
        return True


def by_test(tests_by_line):
    """The lines that each test runs; no lines for a test that is not among them."""
    found = defaultdict(set)
    for line, tests in tests_by_line.items():
        for test in tests:
            found[test].add(line)
    return defaultdict(frozenset, {test: frozenset(lines) for test, lines in found.items()})


def functions_of(module):
    """Every function and method of a module, as it is behind its decorators."""
    holders = [module, *(each for each in vars(module).values() if inspect.isclass(each))]
    for value in (value for holder in holders for value in vars(holder).values()):
        inner = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", None) or value)
        if inspect.isfunction(inner) and inner.__code__.co_filename == module.__file__:
            yield inner


def codes_in(code):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from codes_in(constant)


def _is_same_place(new, old):
    return (new.co_name, new.co_firstlineno) == (old.co_name, old.co_firstlineno)


def _failure(item, after):
    return next((report for report in runtestprotocol(item, log=False, nextitem=after) if report.failed), None)


def _limit(seconds):
    """End this process when it works, or merely waits, for much longer than without the change."""
    most = PATIENCE + PATIENCE * seconds
    signal.setitimer(signal.ITIMER_PROF, most)
    signal.alarm(int(10 * most))


def _keep_quiet():
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
