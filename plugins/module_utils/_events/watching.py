# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source's life: every tenant is polled on its own, and nothing that a tenant answers ends the source."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import logging
import os
import random
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .._ansible.libraries import missing_libraries
from .._core.errors import EvercertError
from .._core.texts import sentence
from .._core.times import UTC
from .memory import Memory
from .observation import Event, of_application, of_outage, of_return
from .options import Settings, Watched, read_settings
from .polling import Look, Poll, StoppableTiming, asked_pause, look
from .schedule import Outage, Schedule

# Polls that run at the same time. Each waits for the network most of the time.
AT_ONCE = 8

Put = t.Callable[[Event], t.Awaitable[None]]
logger = logging.getLogger("evercert.entra.certificate_expiry")


class Clock:
    """Both clocks of this host, chance, and the way to wait without holding up the event loop."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> dt.datetime:
        return dt.datetime.now(UTC)

    def chance(self) -> float:
        return random.SystemRandom().random()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def run(put: Put, args: t.Mapping[str, t.Any]) -> None:
    """What ansible-rulebook calls: check the arguments, then watch until the task is cancelled."""
    missing = missing_libraries()
    if missing:
        raise EvercertError(missing)
    await watch(put, read_settings(args, os.environ))


async def watch(put: Put, settings: Settings, clock: Clock | None = None, look: Look = look) -> None:
    """Watch every tenant until the task is cancelled."""
    stopped = threading.Event()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="certificate_expiry")
    timing = StoppableTiming(stopped)

    def poll_in_thread(one: TenantWatch) -> t.Awaitable[Poll]:
        work = functools.partial(look, one.tenant, settings.statuses, frozenset(one.memory.told), timing)
        return asyncio.get_running_loop().run_in_executor(pool, work)

    watches = [
        TenantWatch(tenant, settings.schedule, put, clock or Clock(), poll_in_thread) for tenant in settings.tenants
    ]
    tasks = [asyncio.ensure_future(one.run()) for one in watches]
    try:
        await asyncio.gather(*tasks)
    finally:
        stopped.set()
        for task in tasks:
            task.cancel()
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass
class TenantWatch:
    """One tenant: what was told of it, and how its polls go."""

    tenant: Watched
    schedule: Schedule
    put: Put
    clock: Clock
    poll: t.Callable[[TenantWatch], t.Awaitable[Poll]]
    outage: Outage = field(default_factory=Outage)

    def __post_init__(self) -> None:
        self.memory = Memory(self.schedule.repeat_after)

    @property
    def tenant_id(self) -> str | None:
        return self.tenant.options.get("tenant_id")

    async def run(self) -> None:
        """Poll, tell, wait; for ever."""
        while True:
            await self.clock.sleep(await self.turn())

    async def turn(self) -> float:
        """One poll with what it has to tell; the pause until the next one."""
        try:
            seen = await self.poll(self)
        except EvercertError as error:
            return await self._failed(error)
        await self._answered()
        await self._tell(seen)
        return self.schedule.after_success(self.clock.chance())

    async def _tell(self, seen: Poll) -> None:
        now = self.clock.monotonic()
        due = {one.object_id for one in seen.due}
        for one in self.memory.news(seen.due, seen.others, now):
            is_due = one.object_id in due
            await self.put(of_application("finding" if is_due else "resolved", self.tenant_id, one))
            self.memory.note(one, is_due, now)

    async def _failed(self, error: EvercertError) -> float:
        outage = self.outage
        outage.fail(self.clock.wall())
        now = self.clock.monotonic()
        pause = self.schedule.after_failure(outage.failures, asked_pause(error), self.clock.chance())
        logger.warning(
            "Tenant %s: poll %d in a row failed. %s", self.tenant_id, outage.failures, sentence(error.message)
        )
        if outage.since and outage.must_be_told(self.schedule, now):
            await self.put(of_outage(self.tenant_id, error, outage.failures, outage.since))
            outage.told_at = now
        return pause

    async def _answered(self) -> None:
        outage = self.outage
        if outage.told_at is not None and outage.since:
            await self.put(of_return(self.tenant_id, outage.since))
        self.outage = Outage()
