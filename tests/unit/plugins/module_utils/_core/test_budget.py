# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.budget import pause_after_refusal, wait_for_budget
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import (
    BUDGET_WINDOW,
    SIGN_IN_PAUSE,
    ProofPolicy,
)
from ansible_collections.evercert.entra.tests.unit.builders import NOW
from hypothesis import given
from hypothesis import strategies as st

WINDOW = BUDGET_WINDOW.total_seconds()
AGES = st.lists(st.floats(0, 600), max_size=20)
POLICIES = st.builds(
    ProofPolicy,
    sign_ins=st.integers(1, 5),
    interval=st.floats(0, 60),
    budget=st.integers(5, 15),
    timeout=st.floats(1, 1800),
)


def ago(*seconds):
    return [NOW - dt.timedelta(seconds=each) for each in seconds]


def most_in_a_window(moments):
    """The largest number of sign-ins in any five minutes."""
    ordered = sorted(moments)
    return max((sum(1 for each in ordered if first <= each < first + BUDGET_WINDOW) for first in ordered), default=0)


@pytest.mark.parametrize(
    "made, expected",
    [
        ([], 0),
        (ago(10), 0),
        (ago(10, 20, 30), 270),
        (ago(10, 20, 300), 0),
        (ago(10, 20, 299), 1),
        (ago(10, 20, 299.5), 0.5),
        (ago(1, 2, 3, 100), 297),
        (ago(200, 10, 100), 100),
    ],
)
def test_a_sign_in_waits_until_one_of_the_last_five_minutes_drops_out(made, expected):
    assert wait_for_budget(ProofPolicy(budget=3), made, NOW) == expected


def test_without_a_budget_nothing_waits():
    policy = ProofPolicy(budget=0, interval=5)

    assert wait_for_budget(policy, ago(*range(100)), NOW) == 0
    assert pause_after_refusal(policy, ago(*range(100)), NOW, 600) == 5


def test_what_a_wrong_clock_noted_for_the_future_does_not_block_for_days():
    made = [NOW + dt.timedelta(days=365)] * 20

    assert wait_for_budget(ProofPolicy(), made, NOW) == 0


def test_what_was_noted_up_to_five_minutes_ahead_counts_as_made():
    """As far ahead as a clock may be by which something is written."""
    assert wait_for_budget(ProofPolicy(budget=1), ago(-WINDOW), NOW) == 2 * WINDOW


@pytest.mark.parametrize(
    "made, remaining, attempts",
    [
        ([], 300, 12),  # 14 are free, and 2 are kept back for the successes after the first one
        ([], 600, 26),  # the second five minutes have a budget of their own
        (ago(*[200] * 14), 300, 12),  # all of them drop out before the deadline
        (ago(*[0] * 14), 300, 12),  # or just then
        (ago(*[100] * 14), 100, 1),  # or after it
        (ago(*[100] * 10), 100, 2),
    ],
)
def test_after_a_refusal_the_attempts_that_the_budget_has_left_are_spread_to_the_deadline(made, remaining, attempts):
    policy = ProofPolicy(sign_ins=3, interval=1, budget=14)

    assert pause_after_refusal(policy, made, NOW, remaining) == remaining / attempts


@given(POLICIES, AGES)
def test_after_the_wait_one_sign_in_is_free_and_never_before(policy, ages):
    made = ago(*ages)

    wait = wait_for_budget(policy, made, NOW)

    assert 0 <= wait <= WINDOW
    assert wait_for_budget(policy, made, NOW + dt.timedelta(seconds=wait + 1e-6)) == 0
    if wait > 0.001:
        assert wait_for_budget(policy, made, NOW + dt.timedelta(seconds=wait - 0.001)) > 0


def run_of_refusals(policy, made):
    """Attempts from NOW to the deadline, each refused; the moments, the seconds waited for the budget, the deadline."""
    moments, elapsed, waited, deadline = list(made), 0.0, 0.0, policy.timeout
    while elapsed <= deadline:
        now = NOW + dt.timedelta(seconds=elapsed)
        pause = wait_for_budget(policy, moments, now)
        if pause:
            elapsed, waited, deadline = elapsed + pause + 1e-6, waited + pause, deadline + pause
            continue
        moments.append(now)
        elapsed += max(0.01, pause_after_refusal(policy, moments, now, deadline - elapsed))
    return moments, waited, NOW + dt.timedelta(seconds=deadline)


@given(POLICIES, AGES)
def test_no_five_minutes_ever_hold_more_sign_ins_than_the_budget(policy, ages):
    earlier = sorted(ago(*ages))[-policy.budget :]

    moments, _pauses, _end = run_of_refusals(policy, earlier)

    made_by_us = [moment for moment in moments if moment >= NOW]
    assert most_in_a_window(made_by_us) <= policy.budget
    assert all(
        sum(1 for other in moments if other > moment - BUDGET_WINDOW and other <= moment) <= policy.budget
        for moment in made_by_us
    )


@given(POLICIES)
def test_after_refusals_the_budget_lasts_to_the_deadline(policy):
    moments, waited, deadline = run_of_refusals(policy, [])

    assert waited == 0
    recent = [moment for moment in moments if moment > deadline - BUDGET_WINDOW]
    assert policy.budget - len(recent) >= policy.sign_ins - 2


@given(POLICIES, AGES, st.floats(0, 1800))
def test_the_pause_after_a_refusal_is_at_least_the_interval(policy, ages, remaining):
    pause = pause_after_refusal(policy, ago(*ages), NOW, remaining)

    assert max(policy.interval, SIGN_IN_PAUSE) <= pause <= max(policy.interval, remaining, SIGN_IN_PAUSE)


@pytest.mark.parametrize("budget", [0, 14])
def test_a_refused_sign_in_is_never_repeated_at_once(budget):
    policy = ProofPolicy(interval=0, budget=budget)

    assert pause_after_refusal(policy, [], NOW, 1.0) == SIGN_IN_PAUSE
