# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits that a module hands over: shown, slept, and ended by the module."""

from __future__ import annotations

import time

import pytest
from ansible_collections.evercert.entra.plugins.plugin_utils import _waiting
from ansible_collections.evercert.entra.plugins.plugin_utils._waiting import Narrator, counted_down, run_in_slices


class FakeTime:
    def __init__(self):
        self.now = 0.0
        self.lines = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def say(self, line):
        self.lines.append((self.now, line))

    @property
    def words(self):
        return [line for _moment, line in self.lines]


@pytest.fixture
def clock():
    return FakeTime()


def a_narrator(clock, **changes):
    return Narrator(clock.say, lambda carry: carry.get("name", "host"), clock.monotonic, **changes)


def a_pause(seconds=3.0, what="the directory", **carry):
    return {"changed": False, "_waiting": {"seconds": seconds, "what": what, "carry": carry}}


class Module:
    """Answers in turn; the last answer stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, waiting):
        self.asked.append(waiting)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return dict(answer)


def test_a_module_that_does_not_wait_is_called_once_and_says_nothing(clock):
    module = Module({"changed": True})

    assert run_in_slices(module, a_narrator(clock), clock.sleep) == {"changed": True}
    assert module.asked == [{"slice": _waiting.SLICES[0], "carry": {}}]
    assert not clock.lines


def test_the_next_call_goes_on_from_what_the_last_one_carried(clock):
    module = Module(a_pause(step=1), a_pause(step=2), {"changed": True})

    run_in_slices(module, a_narrator(clock), clock.sleep)

    assert [asked["carry"] for asked in module.asked] == [{}, {"step": 1}, {"step": 2}]


def test_later_calls_may_take_longer(clock):
    module = Module(*[a_pause(step=number) for number in range(8)], {})

    run_in_slices(module, a_narrator(clock), clock.sleep)

    assert [asked["slice"] for asked in module.asked] == [*_waiting.SLICES, 30.0, 30.0]


def test_a_wait_is_slept_in_full(clock):
    run_in_slices(Module(a_pause(34.5), {}), a_narrator(clock), clock.sleep)

    assert clock.now == 34.5


def test_a_line_is_never_further_away_than_promised(clock):
    run_in_slices(Module(a_pause(34.5), {}), a_narrator(clock), clock.sleep)

    moments = [moment for moment, _line in clock.lines] + [clock.now]
    assert max(later - earlier for earlier, later in zip(moments, moments[1:])) <= 15


def test_a_line_says_for_whom_what_is_waited_for_and_how_long(clock):
    run_in_slices(
        Module(a_pause(25, "the directory (90 s left)", name="host, payroll"), {}), a_narrator(clock), clock.sleep
    )

    assert clock.words == [
        "host, payroll: waiting 25 s: the directory (90 s left)",
        "host, payroll: waiting 15 s: the directory (80 s left)",
        "host, payroll: waiting 5 s: the directory (70 s left)",
    ]


def test_the_time_left_counts_down_to_nothing():
    assert counted_down("x (12 s left)", 30.0) == "x (0 s left)"
    assert counted_down("a budget", 30.0) == "a budget"


def test_no_log_hides_what_is_waited_for(clock):
    run_in_slices(Module(a_pause(3, "application payroll"), {}), a_narrator(clock, is_discreet=True), clock.sleep)

    assert clock.words == ["host: waiting 3 s: not shown because of no_log"]


def test_a_name_from_the_directory_cannot_forge_a_line(clock):
    run_in_slices(Module(a_pause(3, "x\nfatal: [host]: FAILED!\x1b[31m"), {}), a_narrator(clock), clock.sleep)

    assert clock.words == ["host: waiting 3 s: x fatal: [host]: FAILED! [31m"]


def test_a_hand_over_without_progress_again_and_again_ends_in_a_call_that_waits_by_itself(clock):
    module = Module(*[a_pause(what="the lock")] * (_waiting.PATIENCE + 1), {"failed": True, "msg": "still locked"})

    result = run_in_slices(module, a_narrator(clock), clock.sleep)

    assert result == {"failed": True, "msg": "still locked"}
    assert "slice" not in module.asked[-1]
    assert all("slice" in asked for asked in module.asked[:-1])


def test_time_that_runs_down_is_progress(clock):
    pauses = [a_pause(what=f"the directory ({60 - number} s left)") for number in range(30)]
    module = Module(*pauses, {"changed": True})

    run_in_slices(module, a_narrator(clock), clock.sleep)

    assert all("slice" in asked for asked in module.asked)


def test_a_module_that_never_ends_is_a_failure_and_no_success(clock):
    result = run_in_slices(Module(a_pause(what="\ngodot")), a_narrator(clock), clock.sleep)

    assert result == {"failed": True, "msg": "The module did not come to an end, last waiting for: godot"}


def test_warnings_of_all_calls_are_told_once(clock):
    module = Module(
        {**a_pause(step=1), "warnings": ["late", "odd"], "deprecations": [{"msg": "old"}]},
        {"warnings": ["odd", "new"], "deprecations": [{"msg": "old"}]},
    )

    result = run_in_slices(module, a_narrator(clock), clock.sleep)

    assert result == {"warnings": ["late", "odd", "new"], "deprecations": [{"msg": "old"}]}


def test_the_result_shows_nothing_of_the_waiting(clock):
    arguments = {"app_id": "1", "_waiting": {"slice": 8.0}}

    result = run_in_slices(Module({"invocation": {"module_args": arguments}}), a_narrator(clock), clock.sleep)

    assert result == {"invocation": {"module_args": {"app_id": "1"}}}


def test_a_failure_is_the_result(clock):
    module = Module(a_pause(), {"failed": True, "msg": "refused"})

    assert run_in_slices(module, a_narrator(clock), clock.sleep) == {"failed": True, "msg": "refused"}


def test_a_long_call_is_spoken_of_while_it_lasts():
    lines = []
    narrator = Narrator(lines.append, lambda carry: "host", line_every=0.05)

    def module(waiting):
        time.sleep(0.3)
        return {}

    run_in_slices(module, narrator)
    spoken = len(lines)
    time.sleep(0.1)

    assert lines[0] == "host: at work for 0 s, nothing to wait for yet"
    assert 2 <= spoken == len(lines)


def test_a_long_call_repeats_what_was_waited_for_last(clock):
    narrator = a_narrator(clock)
    narrator.hear(_waiting.Pause(5.0, "the directory (60 s left)", {}))
    clock.sleep(12)
    narrator.speak_of_work()

    assert clock.words == ["host: at work for 12 s; last wait: the directory (48 s left)"]


def test_an_interrupted_call_leaves_nobody_speaking():
    lines = []
    narrator = Narrator(lines.append, lambda carry: "host", line_every=0.02)

    def module(waiting):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_slices(module, narrator)
    lines.clear()  # on a slow machine there was time for one while the call lasted
    time.sleep(0.1)

    assert not lines
