# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One event for a finding, until it changes, ends, or was told long ago."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._events.memory import Memory

DAY = 86400.0


@pytest.fixture
def tell():
    """Tell what is news at a moment; the statuses told."""
    memory = Memory(repeat_after=DAY)

    def at(now, *due, others=()):
        news = memory.news(due, others, now)
        for one in news:
            memory.note(one, one in due, now)
        return [one.status for one in news]

    at.memory = memory
    return at


def test_a_finding_is_told_once(tell, seen):
    assert tell(0, seen()) == ["near_expiry"]
    assert tell(3600, seen()) == []


def test_fewer_days_left_are_no_news(tell, seen):
    tell(0, seen(days_left=10))

    assert tell(3600, seen(days_left=9)) == []


@pytest.mark.parametrize("change", [{"status": "expired"}, {"ends": 20}])
def test_a_changed_finding_is_told_again(tell, seen, change):
    tell(0, seen())

    assert tell(3600, seen(**change)) == [change.get("status", "near_expiry")]


def test_a_finding_that_stays_is_told_again_after_a_while(tell, seen):
    tell(0, seen())

    assert tell(DAY - 1, seen()) == []
    assert tell(DAY, seen()) == ["near_expiry"]
    assert tell(DAY + 1, seen()) == []


def test_without_a_repetition_it_is_told_once_for_ever(tell, seen):
    tell.memory.repeat_after = 0
    tell(0, seen())

    assert tell(1000 * DAY, seen()) == []


def test_what_has_ended_is_told_with_its_new_status_and_once(tell, seen):
    tell(0, seen())
    healthy = seen(status="healthy", ends=170)

    assert tell(1, others=[healthy]) == ["healthy"]
    assert tell(2, others=[healthy]) == []


def test_an_application_that_was_deleted_is_gone(tell, seen):
    tell(0, seen())

    assert tell(1) == ["gone"]


def test_a_finding_that_comes_back_is_told_again(tell, seen):
    tell(0, seen())
    tell(1, others=[seen(status="healthy")])

    assert tell(2, seen()) == ["near_expiry"]


def test_what_was_not_handed_over_is_news_again(tell, seen):
    assert tell.memory.news([seen()], [], 0) == [seen()]
    assert tell.memory.news([seen()], [], 1) == [seen()]
