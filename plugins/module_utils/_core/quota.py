# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose turn it is where many processes share one quota of the service. Pure: moments are seconds of one clock.

Nobody is held back before the service has refused: it knows whether it counts, and who else uses the quota. From its
first refusal on everybody waits as long as it asks for, and after that no more is sent than the quota allows.
"""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass, field

# Requests may overtake each other on their way: so much later the service has certainly forgotten an old one.
MARGIN = 0.25


@dataclass(frozen=True)
class Quota:
    """So many requests in so many seconds; without a limit only refusals count."""

    name: str
    limit: int | None = None
    seconds: float = 60.0


# The documented limit of a tenant, for reads that name keyCredentials in $select.
KEY_READS = Quota("150 reads of key credentials in a minute", 150)
EVERYTHING_ELSE = Quota("requests")


@dataclass(frozen=True)
class Turns:
    """What is known of a quota: turns given, in order, those kept for somebody, and until when nobody may send."""

    given: tuple[float, ...] = ()
    kept: t.Mapping[str, float] = field(default_factory=dict)
    closed_until: float = 0.0
    is_counted: bool = False


def take_turn(turns: Turns, quota: Quota, who: str, now: float) -> tuple[Turns, float]:
    """The seconds that `who` has to wait; 0.0 means now, and then it counts. A turn to come is kept for `who`."""
    mine = turns.kept.get(who)
    if mine is None:
        mine = _next_free(turns, quota, now)
        turns = dataclasses.replace(turns, given=(*turns.given, mine)[-_memory(quota) :])
    # One who never comes back for a turn, such as a process that was killed, is forgotten in time.
    others = {name: moment for name, moment in turns.kept.items() if name != who and moment > now - quota.seconds}
    if mine > now:
        return dataclasses.replace(turns, kept={**others, who: mine}), mine - now
    return dataclasses.replace(turns, kept=others), 0.0


def refuse(turns: Turns, now: float, seconds: float) -> Turns:
    """The service refused a request that was just sent, and asks for a pause. Turns to come are given anew after it."""
    past = tuple(moment for moment in turns.given if moment <= now)
    closed_until = max(turns.closed_until, now + seconds)
    return Turns(given=past[:-1], closed_until=closed_until, is_counted=True)


def _next_free(turns: Turns, quota: Quota, now: float) -> float:
    earliest = max(now, turns.closed_until)
    if turns.is_counted and quota.limit and len(turns.given) >= quota.limit:
        return max(earliest, turns.given[-quota.limit] + quota.seconds + MARGIN)
    return earliest


def _memory(quota: Quota) -> int:
    """As many turns as can matter, and those of refused requests, which are taken back."""
    return 2 * (quota.limit or 1)
