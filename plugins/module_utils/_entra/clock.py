# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service's clock: decisions use the time in its latest `Date` header, carried forward by the monotonic clock."""

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
    """The time at the service. Until an answer was seen it is the local time; `now` (for what-if) overrides both."""

    def __init__(self, timing: Timing, now: dt.datetime | None = None) -> None:
        self._timing = timing
        self._fixed = now
        self._seen: tuple[dt.datetime, float] | None = None
        self.skew = dt.timedelta()

    def observe(self, date_header: str | None) -> None:
        """Take the time from an answer. Called for every answer of the service, errors included."""
        moment = parse_http_date(date_header)
        if moment:
            self._seen = (moment, self._timing.monotonic())
            self.skew = self._timing.wall() - moment

    @property
    def offset_seconds(self) -> int | None:
        """How far this host's clock is ahead of the service's; None while no answer has told the service's time."""
        return round(self.skew.total_seconds()) if self._seen else None

    def now(self) -> dt.datetime:
        """The time that decisions use."""
        return self._fixed or self.service_time()

    def service_time(self) -> dt.datetime:
        """The time that signatures use: never overridden, since the service checks them."""
        if not self._seen:
            return self._timing.wall()
        moment, at = self._seen
        return moment + dt.timedelta(seconds=self._timing.monotonic() - at)
