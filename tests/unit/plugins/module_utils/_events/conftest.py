# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clock that runs as fast as it is told to, and tenants that answer what a test says."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.status import Finding
from ansible_collections.evercert.entra.plugins.module_utils._events.observation import Observation
from ansible_collections.evercert.entra.plugins.module_utils._events.options import Settings, Watched
from ansible_collections.evercert.entra.plugins.module_utils._events.polling import Poll
from ansible_collections.evercert.entra.plugins.module_utils._events.schedule import Schedule
from ansible_collections.evercert.entra.plugins.module_utils._events.watching import watch

START = dt.datetime(2026, 11, 22, 10, tzinfo=dt.timezone.utc)


class FakeClock:
    """Sleeping moves it. The source is cancelled after so many turns, as ansible-rulebook does at its end.

    Each tenant has as many, and sleeps on after them: their polls are threads, and one may be slow.
    """

    def __init__(self, turns, chance=0.0, tenants=1):
        self.the_chance, self.now, self.slept = chance, 0.0, []
        self.left, self.tasks = [turns] * tenants, []

    def monotonic(self):
        return self.now

    def wall(self):
        return START + dt.timedelta(seconds=self.now)

    def chance(self):
        return self.the_chance

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        task = asyncio.current_task()
        if task not in self.tasks:
            self.tasks.append(task)
        self.left[self.tasks.index(task)] -= 1
        if not any(self.left):
            raise asyncio.CancelledError
        if not self.left[self.tasks.index(task)]:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


@pytest.fixture
def seen():
    """An application as a poll saw it."""

    def make(name="payroll", status="near_expiry", ends=10, **given):
        finding = Finding(status, f"It is {status}.", "Renew it.")
        return Observation(
            **{
                "app_id": f"{name}-app",
                "object_id": f"{name}-object",
                "display_name": name,
                "status": status,
                "findings": () if status == "healthy" else (finding,),
                "not_after": START + dt.timedelta(days=ends),
                "days_left": ends,
                **given,
            }
        )

    return make


@pytest.fixture
def watched():
    """Watch one tenant, or several, with a poll per turn; the events, and the clock with its pauses.

    What a turn answers is a list of findings, an exception, or a `Poll`; or a dictionary of these by tenant, always.
    """

    def run(*answers, tenants=1, chance=0.0, put=None, **schedule):
        clock, events, waiting = FakeClock(len(answers), chance, tenants), [], list(answers)
        settings = Settings(
            tuple(Watched({"tenant_id": f"tenant{number}"}) for number in range(tenants)),
            ("near_expiry", "expired"),
            Schedule(**schedule),
        )

        async def keep(event):
            events.append(event)

        def look(tenant, words, remembered, timing):
            answer = waiting[0] if isinstance(waiting[0], dict) else waiting.pop(0)
            answer = answer[tenant.options["tenant_id"]] if isinstance(answer, dict) else answer
            if isinstance(answer, BaseException):
                raise answer
            return answer if isinstance(answer, Poll) else Poll(list(answer))

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(watch(put or keep, settings, clock, look))
        return events, clock

    return run
