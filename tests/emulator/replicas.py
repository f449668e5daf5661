# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replicas that lag behind the primary (facts section 6).

Every object keeps its history. A write goes to the primary, which is the end of the history; a replica shows the newest
version that its own lag lets it see. Directory reads and the token service have separate sets of replicas.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Lag:
    """How far one replica is behind: in seconds, or until an object was read so many times since the write."""

    seconds: float = 0.0
    reads: int = 0


@dataclass
class Version:
    """One state of an object, since when, and how often each service had read the object by then."""

    state: object
    written: float = float("-inf")
    reads_before: dict | None = None

    def is_seen(self, service, lag, now, reads):
        """Whether a replica with this lag has it. The first version of a fixture is everywhere from the start."""
        if self.reads_before is None:
            return True
        return self.written + lag.seconds <= now and reads - self.reads_before.get(service, 0) >= lag.reads


class History:
    """One object's versions, oldest first."""

    def __init__(self):
        self.versions = []
        self.reads = {}

    @classmethod
    def settled(cls, state):
        """The history of an object that every replica has known for long."""
        history = cls()
        history.versions.append(Version(state))
        return history

    @property
    def primary(self):
        return self.versions[-1].state if self.versions else None

    def write(self, state, written):
        self.versions.append(Version(state, written, dict(self.reads)))

    def forget(self, state):
        """Drop a version, as if it had never been written."""
        self.versions = [version for version in self.versions if version.state is not state]

    def seen_by(self, service, lag, now):
        """The state that a replica of this service shows; None while it has not seen the object at all."""
        reads = self.reads.get(service, 0)
        seen = (version.state for version in reversed(self.versions) if version.is_seen(service, lag, now, reads))
        return next(seen, None)


class Replicas:
    """The copies of the directory that answer for one service."""

    def __init__(self, service, clock, seed=0):
        self.service = service
        self.order = "round_robin"
        self._clock = clock
        self._random = random.Random(seed)
        self._turn = -1
        self._answering, self._until = Lag(), float("-inf")
        self.stick = 0.0
        self.lags = (Lag(),)

    def lag(self, seconds=0.0, after_reads=0, order="round_robin", stick=0.0):
        """Lag by seconds (one number, or a list with one for each replica) or until after so many reads.

        Requests are answered in turn, or in random order; one replica may then answer all requests of `stick` seconds.
        """
        each = seconds if isinstance(seconds, (list, tuple)) else [seconds]
        self.lags = tuple(Lag(float(one), int(after_reads)) for one in each)
        self.order, self.stick = order, stick
        self._turn, self._until = -1, float("-inf")

    def reset(self):
        self.lag()

    def next(self):
        """A view through the replica that answers this request."""
        if self.order == "random":
            return View(self, self._draw(), self._clock)
        self._turn = (self._turn + 1) % len(self.lags)
        return View(self, self.lags[self._turn], self._clock)

    def _draw(self):
        now = self._clock.elapsed()
        if now >= self._until:
            self._answering, self._until = self._random.choice(self.lags), now + self.stick
        return self._answering

    def each(self):
        """A view through every replica, for the oracle: looking does not count as a read."""
        return [View(self, lag, self._clock, counts=False) for lag in self.lags]


@dataclass
class View:
    """The directory as one replica shows it during one request."""

    replicas: Replicas
    lag: Lag
    clock: object
    counts: bool = True

    def of(self, history):
        """What this replica shows of an object."""
        if self.lag == Lag():
            return history.primary
        state = history.seen_by(self.replicas.service, self.lag, self.clock.elapsed())
        if self.counts:
            history.reads[self.replicas.service] = history.reads.get(self.replicas.service, 0) + 1
        return state


class Primary:
    """The directory as it truly is."""

    @staticmethod
    def of(history):
        return history.primary
