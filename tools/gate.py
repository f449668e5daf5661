# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One gate with a log, a result and an end when it hangs: make runs gates side by side, and remembers none of these.

    gate.py [OPTION ...] NAME ENVIRONMENT COMMAND    runs it as the shell does, in that environment
    gate.py --table NAME ...                         what became of these; fails when one of them did

A command that ends with 77 could not run here, and its last line says why. It is skipped as well with `--needs GATE`
when that one has not passed, with `--optional` when its environment cannot be had, and with `--unlike ENVIRONMENT` when
both have the same ansible-core. With `--patient` it may be silent for as long as it likes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import checkout
import environment

TAIL = 25  # lines from the end of a failed gate's log that are shown, after the errors in it
ERROR = re.compile(r"ERROR|FATAL|FAILED|fatal: |failed: |error: ")
SILENCE = 600  # seconds without a word of a command: it hangs, however slow the machine is
CANNOT_RUN = 77  # as automake has it
# The last of these in a log is where it hangs: a stack as pytest shows it, a target of ansible-test, a task of Ansible.
PLACE = re.compile(
    r'File "[^"]*/tests/[^"]*", line \d+ in test_\w+|^Running \S+ integration test .*|^TASK \[.*', re.MULTILINE
)


@dataclass
class Result:
    outcome: str
    seconds: float
    cpu: float
    note: str


def log_of(name: str) -> Path:
    return checkout.LOGS / f"{name}.log"


def result_of(name: str) -> Result | None:
    path = checkout.LOGS / f"{name}.json"
    return Result(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def run(options: argparse.Namespace) -> Result:
    """The gate from its first to its last word."""
    name = options.name
    (checkout.LOGS / f"{name}.json").unlink(missing_ok=True)
    for needed in options.needs:
        if (result := result_of(needed)) is None or result.outcome != "passed":
            return Result("skipped", 0, 0, f"{needed}, whose results it reads, has not passed")
    try:
        programs = environment.programs(options.environment)
        core = environment.core(options.environment)
        if options.unlike and environment.core(options.unlike) == core:
            return Result("skipped", 0, 0, f"the other gates have ansible-core {core} too: no newer Python was found")
    except environment.NotAvailable as problem:
        return Result("skipped" if options.optional else "FAILED", 0, 0, str(problem).rstrip("."))
    print(f"[{elapsed()}] {name:<24} started", flush=True)
    started, cpu = time.monotonic(), _cpu()
    with checkout.locked(f"gate-{name}"), checkout.quick_temporary() as temporary:
        silence = SILENCE if not options.patient else sys.maxsize
        code, hangs = _call(options.command, log_of(name), checkout.surroundings(programs) | temporary, silence)
    outcome = {0: "passed", CANNOT_RUN: "skipped"}.get(code, "FAILED")
    note = hangs or _note(log_of(name), options.environment, outcome)
    return Result(outcome, time.monotonic() - started, _cpu() - cpu, note)


def _call(command: str, log: Path, variables: dict[str, str], silence: int) -> tuple[int, str]:
    """The exit code, and where it hung when it had to be ended."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", f"set -e; {command}"],
            cwd=checkout.ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return _waited_for(process, log, silence)
        finally:
            _end(process)


def _waited_for(process: subprocess.Popen[bytes], log: Path, silence: int) -> tuple[int, str]:
    size, since = -1, time.monotonic()
    while True:
        try:
            return process.wait(timeout=2), ""
        except subprocess.TimeoutExpired:
            if size != log.stat().st_size:
                size, since = log.stat().st_size, time.monotonic()
            elif time.monotonic() - since > silence:
                places = PLACE.findall(log.read_text(encoding="utf-8", errors="replace"))
                return 1, f"no progress for {silence // 60} minutes: {(places or ['see the end of its log'])[-1]}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """What is left of the command's process group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _note(log: Path, name: str, outcome: str) -> str:
    """What the table says: pytest's count, on what it ran, and what it wants to be noted; or the last line."""
    text = log.read_text(encoding="utf-8", errors="replace")
    counts = re.findall(r"^(?:=+ )?(\d+ (?:passed|failed|skipped|error).*?) in [\d.]+s", text, re.MULTILINE)
    last = (text.strip().splitlines() or [""])[-1]
    if outcome == "FAILED":
        return f"{counts[-1] if counts else last[:100]}; see {log.relative_to(checkout.ROOT)}"
    said = "".join(f", {note}" for note in re.findall(r"^NOTE: (.*)", text, re.MULTILINE))
    core = environment.core(name)
    on = f"Python {environment.version(name)}" + (f", ansible-core {core}" if core else "")
    return f"{counts[-1]} on {on}{said}" if counts else last[:160]


def excerpt(log: Path) -> str:
    """What a person looks for in a log: its errors, then its end."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines[:-TAIL] if ERROR.search(line)]
    return "\n".join(f"    | {line[:300]}" for line in [*errors[:TAIL], "...", *lines[-TAIL:]])


def failures(log: Path) -> list[str]:
    """The tests that failed, as pytest's summary names them, so that the table tells what to run again."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return [line[:200] for line in re.findall(r"^(?:FAILED|ERROR) \S+::.*", text, re.MULTILINE)][:TAIL]


def table(names: list[str]) -> str:
    """The closing table, and the line that counts. A gate without a result was not reached."""
    width = max(map(len, names))
    lines = ["", f"{'gate':<{width}}  {'result':<8} {'time':>7} {'cpu':>7}  note"]
    outcomes = []
    for name in names:
        result = result_of(name) or Result("FAILED", 0, 0, "did not end")
        outcomes.append(result.outcome)
        times = f"{_duration(result.seconds):>7} {_duration(result.cpu):>7}"
        lines.append(f"{name:<{width}}  {result.outcome:<8} {times}  {result.note}".rstrip())
        lines += [f"    {line}" for line in failures(log_of(name))] if result.outcome == "FAILED" else []
    counted = {word: outcomes.count(word) for word in ("passed", "FAILED", "skipped")}
    counts = f"{counted['passed']} passed, {counted['FAILED']} failed, {counted['skipped']} skipped"
    lines += ["", f"That took {elapsed()}; the logs are in {checkout.LOGS.relative_to(checkout.ROOT)}.", counts]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def elapsed() -> str:
    return _duration(time.time() - float(os.environ.get("GATES_STARTED") or time.time()))


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):  # whoever stops us so means the same as Ctrl-C
        signal.signal(number, signal.default_int_handler)
    if sys.argv[1:2] == ["--table"]:
        print(table(sys.argv[2:]))
        return any((result := result_of(name)) is None or result.outcome == "FAILED" for name in sys.argv[2:])
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--needs", action="append", default=[])
    parser.add_argument("--unlike")
    for name in ("--optional", "--patient"):
        parser.add_argument(name, action="store_true")
    for name in ("name", "environment", "command"):
        parser.add_argument(name)
    options = parser.parse_args()
    try:
        result = run(options)
    except KeyboardInterrupt:
        return 130
    (checkout.LOGS / f"{options.name}.json").write_text(json.dumps(asdict(result)), encoding="utf-8")
    told = f"\n{excerpt(log_of(options.name))}" if result.outcome == "FAILED" else ""
    times = f"{_duration(result.seconds):>7}"
    print(f"[{elapsed()}] {options.name:<24} {result.outcome:<8} {times}   {result.note}{told}", flush=True)
    return 0  # so that make goes on with the others; the table says how it ended


if __name__ == "__main__":
    sys.exit(main())
