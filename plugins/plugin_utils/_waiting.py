# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in slices, so that a person sees what is waited for. The module decides; this shows and sleeps.

A wait that does not fit in the slice comes back as `_waiting: {seconds, what, carry}` in place of the result. It is
slept here, with a line for every part of it, and the module is called again with that carry.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
import threading
import time
import typing as t
from dataclasses import dataclass, field

from ..module_utils._core.texts import sentence

Result = dict[str, t.Any]
Call = t.Callable[[Result], Result]

# How long one call may wait in silence, in seconds. Short at first, so that a person sees each step; longer later, as
# every call signs in anew to read the directory.
SLICES = (4.0, 4.0, 4.0, 4.0, 8.0, 15.0, 30.0)
# Seconds between two lines. The promise is 15; a call needs a moment to start and to end.
LINE_EVERY = 10.0
# So many hand-overs without any progress, and the module is left to its own deadlines.
PATIENCE = 5

_LEFT = re.compile(r"\((\d+) s left\)")


@dataclass(frozen=True)
class Pause:
    """A wait that a call handed over."""

    seconds: float
    what: str
    carry: Result

    @classmethod
    def of(cls, result: Result) -> Pause | None:
        values = result.get("_waiting")
        return cls(float(values["seconds"]), values["what"], values["carry"]) if values else None


@dataclass
class Narrator:
    """Says how far a task is. Shared with the thread that speaks while a call lasts."""

    say: t.Callable[[str], None]
    subject: t.Callable[[Result], str]
    monotonic: t.Callable[[], float] = time.monotonic
    is_discreet: bool = False
    line_every: float = LINE_EVERY
    _pause: Pause | None = None
    _started: float = field(init=False)
    _heard: float = field(init=False)
    _spoke: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._heard = self._spoke = self.monotonic()

    def hear(self, pause: Pause) -> None:
        self._pause, self._heard = pause, self.monotonic()

    def speak_of_wait(self) -> None:
        """What is waited for, and how long this pause still lasts."""
        seconds = self._pause.seconds - self._age() if self._pause else 0.0
        self._speak(f"waiting {max(1.0, seconds):.0f} s: {self._what()}")

    def speak_of_work(self) -> None:
        """That a call is still under way, and what was waited for last."""
        so_far = f"at work for {self.monotonic() - self._started:.0f} s"
        self._speak(f"{so_far}; last wait: {self._what()}" if self._pause else f"{so_far}, nothing to wait for yet")

    def seconds_to_next_line(self) -> float:
        return self._spoke + self.line_every - self.monotonic()

    def _age(self) -> float:
        return self.monotonic() - self._heard

    def _what(self) -> str:
        if self.is_discreet or not self._pause:
            return "not shown because of no_log"
        return counted_down(self._pause.what, self._age())

    def _speak(self, words: str) -> None:
        self._spoke = self.monotonic()
        line = f"{self.subject(self._pause.carry if self._pause else {})}: {words}"
        self.say(sentence("".join(letter if letter.isprintable() else " " for letter in line)))


def counted_down(what: str, seconds: float) -> str:
    """The same words a while later: the time left in them is less by now."""
    return _LEFT.sub(lambda found: f"({max(0.0, int(found[1]) - seconds):.0f} s left)", what)


def run_in_slices(call: Call, narrator: Narrator, sleep: t.Callable[[float], None] = time.sleep) -> Result:
    """Call until there is a result. `call` is given the hidden option `_waiting`."""
    said: list[Result] = []
    last, idle = Pause(0.0, "", {}), 0
    for turn in itertools.count():
        is_sliced = idle < PATIENCE
        limits = {"slice": SLICES[min(turn, len(SLICES) - 1)]} if is_sliced else {}
        with _speaking(narrator):
            result = call({**limits, "carry": last.carry})
        said.append(result)
        pause = Pause.of(result)
        if pause is None:
            break
        if not is_sliced:
            why = sentence(f"The module did not come to an end, last waiting for: {pause.what}")
            result = {"failed": True, "msg": why}
            break
        idle = idle + 1 if dataclasses.replace(pause, seconds=last.seconds) == last else 0
        last = pause
        _wait(pause, narrator, sleep)
    return _without_traces({**result, **_merged(said)})


def _wait(pause: Pause, narrator: Narrator, sleep: t.Callable[[float], None]) -> None:
    """Sleep in pieces, each with its line."""
    ends = narrator.monotonic() + pause.seconds
    narrator.hear(pause)
    while (left := ends - narrator.monotonic()) > 0:
        narrator.speak_of_wait()
        sleep(min(left, narrator.line_every))


@contextlib.contextmanager
def _speaking(narrator: Narrator) -> t.Iterator[None]:
    """Speak from a thread of its own while a call lasts longer than a line may stay away."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(max(0.0, narrator.seconds_to_next_line())):
            narrator.speak_of_work()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _merged(results: t.Iterable[Result]) -> Result:
    """The warnings and deprecations of all calls, each once."""
    merged: Result = {}
    for name, result in itertools.product(("warnings", "deprecations"), list(results)):
        for message in result.get(name) or ():
            if message not in merged.setdefault(name, []):
                merged[name].append(message)
    return merged


def _without_traces(result: Result) -> Result:
    """The result as a single call would have given it."""
    arguments = (result.get("invocation") or {}).get("module_args") or {}
    arguments.pop("_waiting", None)
    result.pop("_waiting", None)
    return result
