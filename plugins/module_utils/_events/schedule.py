# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to poll next, and when an outage is told. Pure: time and chance come in as arguments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

FIRST_RETRY = 30.0
LONGEST_PAUSE = 3600.0
LONGEST_JITTER = 300.0
TOLD_AFTER = 3  # failed polls in a row
# A Retry-After beyond this would silence a tenant for as long as somebody pleases to write.
LONGEST_RETRY_AFTER = 86400.0


@dataclass(frozen=True)
class Schedule:
    """The options on time, in seconds."""

    interval: float = 3600.0
    repeat_after: float = 86400.0

    def after_success(self, chance: float) -> float:
        """The interval and up to a twelfth of it, so that many sources do not ask in step."""
        return self.interval + min(self.interval / 12, LONGEST_JITTER) * chance

    def after_failure(self, failures: int, asked: float | None, chance: float) -> float:
        """Twice as long after each failure up to the cap, never less than the service asks for."""
        doubled = min(FIRST_RETRY, self.interval) * 2.0 ** min(failures - 1, 32)
        pause = min(doubled, LONGEST_PAUSE) * (0.5 + chance / 2)
        return max(pause, min(asked or 0.0, LONGEST_RETRY_AFTER))


@dataclass
class Outage:
    """The failures in a row of one tenant."""

    failures: int = 0
    since: dt.datetime | None = None
    told_at: float | None = None

    def fail(self, wall: dt.datetime) -> None:
        self.failures += 1
        self.since = self.since or wall

    def must_be_told(self, schedule: Schedule, now: float) -> bool:
        """Once, when enough polls have failed; again after `repeat_after`."""
        if self.failures < TOLD_AFTER:
            return False
        if self.told_at is None:
            return True
        return bool(schedule.repeat_after) and now - self.told_at >= schedule.repeat_after
