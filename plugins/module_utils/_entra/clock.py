# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service's clock: decisions use the time of its first answer, carried forward by the monotonic clock.

One answer is no clock: any of them may be wrong. One that departs from the run's time is a skew for the whole run, and
no later answer takes that back, since what it told may have been used.
"""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.times import parse_http_date


class Timing(t.Protocol):
    """The clocks of this host, and the only way to wait."""

    def wall(self) -> dt.datetime: ...

    def monotonic(self) -> float: ...

    def wait(self, seconds: float, what: str) -> None:
        """Wait visibly: `what` says what is waited for. May raise to let a caller outside do the waiting."""


class ServiceClock:
    """The time at the service. Until an answer was seen it is the local time; `now` (for what-if) decides what is due,
    and nothing else."""

    def __init__(self, timing: Timing, now: dt.datetime | None = None) -> None:
        self._timing = timing
        self._fixed = now
        self._first: tuple[dt.datetime, float] | None = None
        self.offset = dt.timedelta()  # of this host's clock: how far it is ahead of the first answer
        self.departure = dt.timedelta()  # of the answer that was farthest from the run's time: how far it was ahead

    def observe(self, date_header: str | None) -> None:
        """Look at the time of an answer. Called for every answer of the service, errors included."""
        moment = parse_http_date(date_header)
        if not moment:
            return
        if not self._first:
            self._first = (moment, self._timing.monotonic())
            self.offset = self._timing.wall() - moment
        self.departure = max(self.departure, moment - self.service_time(), key=abs)

    @property
    def offset_seconds(self) -> int | None:
        """How far this host's clock is ahead of the service's; None while no answer has told the service's time."""
        return round(self.offset.total_seconds()) if self._first else None

    def now(self) -> dt.datetime:
        """The time that decides what is due."""
        return self._fixed or self.service_time()

    def service_time(self) -> dt.datetime:
        """The time of signatures, notes and deadlines: never overridden."""
        if not self._first:
            return self._timing.wall()
        moment, at = self._first
        return moment + dt.timedelta(seconds=self._timing.monotonic() - at)
