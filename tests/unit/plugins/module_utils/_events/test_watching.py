# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of the source, with a clock in the test's hand."""

from __future__ import annotations

import asyncio
import threading

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, NetworkFailure
from ansible_collections.evercert.entra.plugins.module_utils._events.options import Settings
from ansible_collections.evercert.entra.plugins.module_utils._events.polling import Poll
from ansible_collections.evercert.entra.plugins.module_utils._events.schedule import Schedule
from ansible_collections.evercert.entra.plugins.module_utils._events.watching import Clock, run, watch
from ansible_collections.evercert.entra.tests.unit.builders import trouble


def failure(**evidence):
    return NetworkFailure("No answer.", trouble("timeout", **evidence))


def kinds(events):
    return [(event["kind"], event.get("status")) for event in events]


def test_a_finding_raises_one_event_and_its_end_another(watched, seen):
    healthy = Poll([], [seen(status="healthy")])
    events, clock = watched([seen()], [seen(days_left=9)], healthy, healthy, chance=0.5)

    assert kinds(events) == [("finding", "near_expiry"), ("resolved", "healthy")]
    assert clock.slept == [3750.0] * 4


def test_polls_go_on_after_every_kind_of_failure(watched, seen):
    events, _clock = watched(failure(), EvercertError("Odd."), [seen()])

    assert kinds(events) == [("finding", "near_expiry")]


def test_an_outage_is_told_once_and_so_is_its_end(watched):
    events, clock = watched(*[failure()] * 5, [], [], chance=0.0)

    assert kinds(events) == [("unreachable", None), ("reachable", None)]
    assert (events[0]["failures"], events[0]["since"]) == (3, events[1]["since"])
    assert clock.slept == [15, 30, 60, 120, 240, 3600, 3600]


def test_a_failure_in_between_is_forgotten(watched):
    events, clock = watched(failure(), failure(), [], failure(), failure(), [], chance=0.0)

    assert events == [] and clock.slept == [15, 30, 3600, 15, 30, 3600]


def test_a_long_outage_is_told_again(watched):
    """It fails at 0, 30, 90, 210, 450 and 930 seconds."""
    events, _clock = watched(*[failure()] * 6, repeat_after=300, chance=1.0)

    assert [event["failures"] for event in events] == [3, 5, 6]


def test_the_service_s_own_pause_is_kept(watched):
    _events, clock = watched(failure(retry_after="500"), chance=1.0)

    assert clock.slept == [500]


def test_an_outage_says_nothing_on_what_was_found_before(watched, seen):
    events, _clock = watched([seen()], failure(), [seen()])

    assert kinds(events) == [("finding", "near_expiry")]


def test_tenants_do_not_wait_for_each_other(watched, seen):
    events, _clock = watched(*[{"tenant0": [seen()], "tenant1": failure()}] * 4, tenants=2)

    assert sorted((event["tenant_id"], event["kind"]) for event in events) == [
        ("tenant0", "finding"),
        ("tenant1", "unreachable"),
    ]


def test_after_a_restart_a_finding_is_told_once_more(watched, seen):
    assert kinds(watched([seen()])[0]) == kinds(watched([seen()])[0])


def test_the_event_loop_goes_on_while_a_poll_blocks():
    """Other sources and the rules share the loop."""
    ticks, go_on = [], threading.Event()

    def look(options, words, remembered, timing):
        go_on.wait(30)
        return Poll()

    async def main():
        settings = Settings(({"tenant_id": "tenant"},), ("expired",), Schedule())
        source = asyncio.ensure_future(watch(None, settings, Clock(), look))
        for _tick in range(3):
            await asyncio.sleep(0.01)
            ticks.append(source.done())
        go_on.set()
        source.cancel()
        with pytest.raises(asyncio.CancelledError):
            await source

    asyncio.run(main())
    assert ticks == [False] * 3


def test_a_mistake_of_ours_ends_the_source_loudly():
    """Only what a tenant may answer is survived."""

    def look(options, words, remembered, timing):
        raise ZeroDivisionError

    settings = Settings(({"tenant_id": "tenant"},) * 2, ("expired",), Schedule())
    with pytest.raises(ZeroDivisionError):
        asyncio.run(watch(None, settings, Clock(), look))


def test_arguments_are_checked_before_anything_is_polled():
    with pytest.raises(EvercertError, match="interval must be"):
        asyncio.run(run(None, {"interval": 0}))
