# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs gates side by side, each with a log of its own, and ends with a table."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import checkout

TAIL = 25  # lines from the end of a failed gate's log that are shown, after the errors in it
ERROR = re.compile(r"ERROR|FATAL|FAILED|fatal: |failed: |error: ")
PATIENCE = 30 * 60  # seconds that one command may take: nothing but a hang takes so long, on a loaded machine too


class Failed(Exception):
    """A gate did not pass; the message is one sentence. `told` is what the failed command printed."""

    def __init__(self, message: str, told: str = "") -> None:
        super().__init__(message)
        self.told = told


class Skipped(Exception):
    """A gate cannot run on this machine; the message is one sentence."""


@dataclass
class Job:
    """What a gate gets to work with: commands that are logged."""

    name: str

    @property
    def log(self) -> Path:
        return checkout.LOGS / f"{self.name}.log"

    def run(
        self,
        *command: str | Path,
        programs: Path,
        cwd: Path = checkout.ROOT,
        variables: dict[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> str:
        """Run a command of an environment and return what it printed; any exit code but 0 fails the gate."""
        words = [str(word) for word in command]
        words[0] = str(programs / words[0]) if (programs / words[0]).exists() else words[0]
        start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a", encoding="utf-8") as output:
            output.write(f"$ {shlex.join(words)}\n")
            output.flush()
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env=checkout.surroundings(programs) | (variables or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            code = _wait(process, patience)
        told = self.log.read_bytes()[start:].decode("utf-8", "replace")
        if code != 0:
            ended = f"took longer than {patience // 60:.0f} minutes" if code is None else f"ended with {code}"
            raise Failed(f"{_program(words)} {ended}", told)
        return told

    def note(self, text: str) -> None:
        """Write something of the gate's own into its log."""
        with self.log.open("a", encoding="utf-8") as output:
            output.write(text.rstrip("\n") + "\n")


def _program(words: list[str]) -> str:
    """The name under which a person knows a command: python itself is never it."""
    names = [Path(word).name for word in words]
    if names[0].startswith("python"):
        return names[2] if names[1] == "-m" else names[1]
    return names[0]


@dataclass(frozen=True)
class Gate:
    """One thing that must hold. `check` returns a note for the table, or raises Failed or Skipped."""

    name: str
    check: Callable[[Job], str]
    environments: tuple[str, ...] = ()
    after: tuple[str, ...] = ()  # gates whose results this one reads


@dataclass
class Result:
    outcome: str
    seconds: float
    note: str


@dataclass
class Run:
    """Starts each gate as soon as the ones it comes after are done, a few at a time, in the order of the list."""

    gates: Sequence[Gate]
    at_once: int
    results: dict[str, Result] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._changed = threading.Condition()
        self._speaking = threading.Lock()
        self._waiting = list(self.gates)

    def run(self) -> dict[str, Result]:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops us so means the same as Ctrl-C
        workers = [
            threading.Thread(target=self._work, name=f"gates-{number}", daemon=True) for number in range(self.at_once)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(timeout=1)  # a join without limit would not see Ctrl-C
        return {gate.name: self.results[gate.name] for gate in self.gates}

    def _work(self) -> None:
        while gate := self._next():
            self.say(f"{gate.name:<24} started")
            result = _result_of(gate)
            with self._changed:
                self.results[gate.name] = result
                self._changed.notify_all()
            told = f"\n{_excerpt(Job(gate.name).log)}" if result.outcome == "FAILED" else ""
            self.say(f"{gate.name:<24} {result.outcome:<8} {_duration(result.seconds):>7}   {result.note}{told}")

    def _next(self) -> Gate | None:
        with self._changed:
            while self._waiting:
                for gate in self._waiting:
                    if not self._outstanding(gate):
                        self._waiting.remove(gate)
                        return gate
                self._changed.wait()
            return None

    def _outstanding(self, gate: Gate) -> list[str]:
        chosen = {other.name for other in self.gates}
        return [name for name in gate.after if name in chosen and name not in self.results]

    def say(self, text: str) -> None:
        """One line, whole, whoever else is speaking."""
        with self._speaking:
            print(f"[{_duration(time.monotonic() - self._started):>7}] {text}", flush=True)


def _result_of(gate: Gate) -> Result:
    job = Job(gate.name)
    with checkout.locked(f"gate-{gate.name}"):
        started = time.monotonic()
        job.log.write_bytes(b"")
        outcome, note = _outcome_of(gate, job)
        return Result(outcome, time.monotonic() - started, note)


def _outcome_of(gate: Gate, job: Job) -> tuple[str, str]:
    try:
        return "passed", gate.check(job)
    except Skipped as reason:
        return "skipped", str(reason)
    except Failed as problem:
        return "FAILED", f"{problem}; see {job.log.relative_to(checkout.ROOT)}"
    except Exception as error:  # a bug in a gate is a failed gate, and the others go on
        job.note(traceback.format_exc())
        return "FAILED", f"{type(error).__name__}: {error}"


_running: set[subprocess.Popen[bytes]] = set()


def _wait(process: subprocess.Popen[bytes], patience: float) -> int | None:
    """The exit code, or None when the command took too long; what it started goes with it."""
    _running.add(process)
    try:
        return process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        return None
    finally:
        stop(process)
        _running.discard(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a command's process group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return


def stop_all() -> None:
    """For Ctrl-C: leave nothing running."""
    for process in list(_running):
        stop(process)


def table(results: dict[str, Result]) -> str:
    """The closing table, and the line that counts."""
    width = max(len(name) for name in results)
    lines = ["", f"{'gate':<{width}}  {'result':<8} {'time':>7}  note"]
    for name, result in results.items():
        lines.append(f"{name:<{width}}  {result.outcome:<8} {_duration(result.seconds):>7}  {result.note}".rstrip())
    outcomes = [result.outcome for result in results.values()]
    counted = {word: outcomes.count(word) for word in ("passed", "FAILED", "skipped")}
    lines += ["", f"{counted['passed']} passed, {counted['FAILED']} failed, {counted['skipped']} skipped"]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _excerpt(log: Path) -> str:
    """What a person looks for in a log: its errors, then its end."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines[:-TAIL] if ERROR.search(line)]
    return "\n".join(f"    | {line[:300]}" for line in [*errors[:TAIL], "...", *lines[-TAIL:]])
