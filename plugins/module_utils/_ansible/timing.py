# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clocks of this host, and how a module waits: in place, or by handing the wait to the action plugin."""

from __future__ import annotations

import datetime as dt
import time
import typing as t

from .._core.errors import StillWaiting
from .._core.times import UTC


class PlainTiming:
    """Waits in place: a module that runs by itself says nothing until it ends."""

    def wall(self) -> dt.datetime:
        return dt.datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, what: str) -> None:
        time.sleep(max(0.0, seconds))


class SpokenTiming(PlainTiming):
    """Waits in place, and tells a person what for."""

    def __init__(self, say: t.Callable[[str], None]) -> None:
        self._say = say

    def wait(self, seconds: float, what: str) -> None:
        self._say(f"{what}; waiting {seconds:.0f} s")
        super().wait(seconds, what)


class SlicedTiming(PlainTiming):
    """Waits in place only as long as this call may take; a longer wait is left to the caller, who shows it."""

    def __init__(self, slice_seconds: float) -> None:
        self._ends = time.monotonic() + slice_seconds

    def wait(self, seconds: float, what: str) -> None:
        if self.monotonic() + seconds > self._ends:
            raise StillWaiting(seconds, what)
        super().wait(seconds, what)
