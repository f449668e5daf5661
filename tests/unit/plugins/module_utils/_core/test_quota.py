# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns at a quota that many processes share: tables, and a simulated fleet against a service that counts."""

from __future__ import annotations

import heapq

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.quota import (
    EVERYTHING_ELSE,
    KEY_READS,
    MARGIN,
    Quota,
    Turns,
    refuse,
    take_turn,
)
from hypothesis import given
from hypothesis import strategies as st

SMALL = Quota("small", 3, 10.0)


def taken(turns, quota, *moments):
    """The pauses of one process after the other, each at its moment."""
    pauses = []
    for number, now in enumerate(moments):
        turns, pause = take_turn(turns, quota, f"p{number}", now)
        pauses.append(pause)
    return turns, pauses


def test_nobody_waits_before_the_service_refuses():
    turns, pauses = taken(Turns(), SMALL, *range(20))

    assert pauses == [0.0] * 20
    assert turns.kept == {}


def test_after_a_refusal_everybody_waits_as_long_as_the_service_asks():
    turns = refuse(Turns(given=(1.0,)), 1.0, 5.0)

    assert taken(turns, EVERYTHING_ELSE, 2.0, 5.5, 6.0, 7.0)[1] == [4.0, 0.5, 0.0, 0.0]


def test_a_shorter_pause_does_not_open_what_a_longer_one_closed():
    turns = refuse(refuse(Turns(), 1.0, 9.0), 2.0, 1.0)

    assert turns.closed_until == 10.0


def test_then_no_more_is_sent_than_the_quota_allows():
    turns, _pauses = taken(Turns(), SMALL, 0.0, 1.0, 2.0, 3.0)
    turns = refuse(turns, 3.0, 1.0)  # the fourth was one too many, and does not count

    assert turns.given == (0.0, 1.0, 2.0)
    assert taken(turns, SMALL, 4.0, 4.0, 4.0, 4.0)[1] == [
        6.0 + MARGIN,
        7.0 + MARGIN,
        8.0 + MARGIN,
        16.0 + 2 * MARGIN,  # ten seconds after the first of these
    ]


def test_a_turn_to_come_is_kept_for_who_asked():
    turns = refuse(Turns(), 0.0, 5.0)
    turns, first = take_turn(turns, SMALL, "p1", 1.0)
    turns, again = take_turn(turns, SMALL, "p1", 3.0)
    turns, due = take_turn(turns, SMALL, "p1", 5.0)

    assert (first, again, due) == (4.0, 2.0, 0.0)
    assert turns.kept == {} and turns.given == (5.0,)


def test_a_refusal_gives_turns_to_come_anew():
    turns = refuse(Turns(), 0.0, 5.0)
    turns, _pause = take_turn(turns, SMALL, "p1", 1.0)
    turns = refuse(turns, 2.0, 8.0)

    assert turns.given == () and turns.kept == {}
    assert take_turn(turns, SMALL, "p1", 3.0)[1] == 7.0


def test_who_never_comes_back_is_forgotten():
    turns = refuse(Turns(), 0.0, 5.0)
    turns, _pause = take_turn(turns, SMALL, "killed", 1.0)
    turns, _pause = take_turn(turns, SMALL, "p1", 15.0)
    assert turns.kept == {}

    turns = refuse(turns, 15.0, 1.0)
    turns, _pause = take_turn(turns, SMALL, "p2", 15.5)
    assert list(turns.kept) == ["p2"]


def test_what_is_remembered_is_bounded():
    turns, _pauses = taken(Turns(), SMALL, *range(1000))

    assert turns.given == tuple(range(994, 1000))


def test_the_documented_limit():
    assert (KEY_READS.limit, KEY_READS.seconds) == (150, 60.0)
    assert str(KEY_READS.limit) in KEY_READS.name


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 30), st.booleans()), max_size=60))
def test_a_pause_is_never_negative_and_turns_stay_in_order(events):
    turns, now = Turns(), 0.0
    for who, later, is_refused in events:
        now += later
        turns, pause = take_turn(turns, SMALL, who, now)
        assert pause >= 0.0
        assert list(turns.given) == sorted(turns.given)
        if is_refused and not pause:
            turns = refuse(turns, now, 4.0)


class CountingService:
    """Refuses what is more than the quota in any of its windows, which is the strictest way to count."""

    def __init__(self, quota):
        self.quota, self.taken, self.refused = quota, [], 0

    def asks(self, now):
        """The pause that it asks for, or 0.0 where it serves."""
        inside = [moment for moment in self.taken if moment > now - self.quota.seconds]
        if len(inside) < self.quota.limit:
            self.taken.append(now)
            return 0.0
        self.refused += 1
        return max(1.0, inside[0] + self.quota.seconds - now)


def run_fleet(quota, reads, forks):
    """When the last read was served, and how many were refused: each fork reads 50 ms after it was served."""
    service, turns, left, ends = CountingService(quota), Turns(), reads, 0.0
    waiting = [(0.001 * fork, f"fork {fork}") for fork in range(forks)]
    heapq.heapify(waiting)
    while waiting:
        now, who = heapq.heappop(waiting)
        turns, pause = take_turn(turns, quota, who, now)
        if pause:
            heapq.heappush(waiting, (now + min(pause, 10.0), who))
            continue
        asked = service.asks(now + 0.005)
        if asked:
            turns = refuse(turns, now + 0.01, asked)
            heapq.heappush(waiting, (now + 0.01, who))
            continue
        left, ends = left - 1, now
        if left >= forks:
            heapq.heappush(waiting, (now + 0.05, who))
    return ends, service.refused


@pytest.mark.parametrize("reads", [200, 450, 3000])
def test_a_fleet_takes_little_longer_than_the_quota_needs(reads):
    ends, refused = run_fleet(KEY_READS, reads, 50)

    assert ends <= 1.15 * KEY_READS.seconds * ((reads - 1) // KEY_READS.limit)
    assert refused <= 50  # each fork at most once


def test_turns_to_come_are_given_anew_after_a_refusal():
    turns = refuse(Turns(given=(0.0, 1.0, 8.0, 9.0), kept={"p1": 9.0}), 2.0, 5.0)

    assert turns == Turns(given=(0.0,), kept={}, closed_until=7.0, is_counted=True)
