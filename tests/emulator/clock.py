# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator's time: real by default, frozen and advanced by hand in unit tests."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone

_FRACTION = re.compile(r"\.(\d+)")


class Clock:
    """The clock of the service. `skew` is how far it is wrong; timers such as lags do not feel it."""

    def __init__(self, frozen_at=None):
        self.skew = 0.0
        self._advanced = 0.0
        self._timers = []
        self._frozen_at = frozen_at.timestamp() if frozen_at else None

    def now(self):
        """The time as the service believes it, in UTC."""
        return datetime.fromtimestamp(self.elapsed() + self.skew, timezone.utc)

    def elapsed(self):
        """Seconds that pass evenly, whatever the skew."""
        started = time.time() if self._frozen_at is None else self._frozen_at
        return started + self._advanced

    def advance(self, seconds):
        self._advanced += seconds

    def freeze(self, at=None):
        """Stop at `at` (or now); from here on time passes only through `advance`."""
        self._frozen_at = (at.timestamp() if at else self.elapsed()) - self._advanced

    def from_now(self, days=0.0, seconds=0.0):
        """A whole second, so many days and seconds from now."""
        return self.now().replace(microsecond=0) + timedelta(days=days, seconds=seconds)

    def later(self, seconds, action):
        """Do something once so many seconds have passed."""
        self._timers.append((self.elapsed() + seconds, action))

    def run_due(self):
        """Do what has become due; called before every request."""
        now = self.elapsed()
        due = [action for when, action in self._timers if when <= now]
        self._timers = [(when, action) for when, action in self._timers if when > now]
        for action in due:
            action()


def format_time(moment):
    """Graph's text form of a time."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text):
    """A time and its digits below the microsecond, which Python cannot hold, as a pair that compares exactly."""
    fraction = _FRACTION.search(text)
    digits = fraction.group(1) if fraction else ""
    if fraction:
        text = text.replace(fraction.group(0), "." + digits[:6].ljust(6, "0"), 1)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment, digits[6:].rstrip("0")
