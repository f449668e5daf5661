# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One write to Graph from being made ready to its end: the loop that everything that writes there goes through.

Graph acknowledges what it does not apply, applies what it does not acknowledge, and a proxy may answer in its place. So
nothing is sent a second time but what surely had no effect, or had its time to show one.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from .._core.diagnosis import explain
from .._core.errors import GraphRefused, NetworkFailure, NotProven
from .._entra.patience import LONGEST_RETRY_AFTER

# Seconds before a write that was put off is sent again, where Graph names none: so many more each time.
POLL = 2.0
# Seconds before dates that were refused are sent once more.
DATES_PAUSE = 5.0
# How often a write is sent that only its number of attempts ends.
ATTEMPTS = 4
WAITING_FOR_KEY = "the new key to be good for proofs; it signs in already"

# Sends one write, once; what it returns is the key ID where the answer names one.
Write = t.Callable[[], t.Optional[str]]
Failure = t.Union[GraphRefused, NetworkFailure]


def _never(refusal: GraphRefused) -> bool:
    return False


def _no() -> bool:
    return False


def _nothing_noted() -> t.Callable[[], object]:
    return _no


def _ignore(key_id: str | None) -> None:
    pass


def _is_put_off(refusal: GraphRefused) -> bool:
    return refusal.is_put_off


def _raise(failure: Failure) -> bool:
    raise failure


@dataclass(frozen=True)
class Way:
    """One way to send it, and which of its refusals are more than a no."""

    # From a fresh read; None when there is nothing to send any more.
    ready: t.Callable[[], Write | None]
    # "Not there", "exists already": it may mean the effect of an earlier request, so looking decides.
    is_hint: t.Callable[[GraphRefused], bool] = _never
    gives_way: t.Callable[[GraphRefused], bool] = _never


@dataclass(frozen=True)
class Writing:
    """What one writer knows of its write; `carry_out` does the rest."""

    what: str
    ways: tuple[Way, ...]  # the best first
    wait: t.Callable[[float, str], None]
    # Of what may have been applied: whether it shows. False when its time is over and it may be sent again.
    settle: t.Callable[[Failure, int], bool]
    # One look after a wait: a refusal may come from somebody who did not hear of the effect. A way that reads when it
    # is made ready needs none.
    is_there: t.Callable[[], bool] = _no
    # Notes durably that it may be sent; what it returns takes that back.
    intend: t.Callable[[], t.Callable[[], object]] = _nothing_noted
    acknowledged: t.Callable[[str | None], object] = _ignore
    may_pass: t.Callable[[GraphRefused], bool] = _is_put_off
    sends_dates_again: t.Callable[[GraphRefused], bool] = _never
    # Raises, unless it shows all the same.
    give_up: t.Callable[[Failure], bool] = _raise
    left: t.Callable[[], float] = lambda: math.inf
    longest_pause: float = LONGEST_RETRY_AFTER
    attempts: float = ATTEMPTS


def carry_out(writing: Writing, made: int = 0) -> bool:
    """Send it until there is nothing left to send; `made` counts the attempts of earlier calls.

    Whether its effect was seen: what is only acknowledged has to be read back.
    """
    ways, attempt = list(writing.ways), made
    while write := ways[0].ready():
        attempt += 1
        failure = _send(writing, write)
        if failure is None:
            return False
        if isinstance(failure, GraphRefused) and len(ways) > 1 and ways[0].gives_way(failure):
            del ways[0]
            is_there = writing.is_there()
        else:
            is_there = _after(writing, ways[0], failure, attempt)
        if is_there:
            return True
    return False


def _send(writing: Writing, write: Write) -> Failure | None:
    """Intent first; a failure that surely had no effect takes it back, as if nothing had been tried."""
    take_back = writing.intend()
    try:
        key_id = write()
    except (GraphRefused, NetworkFailure) as failure:
        if not failure.may_have_applied:
            take_back()
        return failure
    writing.acknowledged(key_id)
    return None


def _after(writing: Writing, way: Way, failure: Failure, attempt: int) -> bool:
    """Whether it shows its effect; else it may be sent again. Raises where neither helps."""
    if isinstance(failure, NetworkFailure):
        if not failure.was_sent:
            raise failure  # nobody has heard of it, so there is nothing to settle, and whoever waits learns nothing
        return writing.give_up(failure) if attempt >= writing.attempts else writing.settle(failure, attempt)
    if way.is_hint(failure):
        return writing.settle(failure, attempt)
    # A proof is refused as long as its key is young, and no key stays so: that has an end of its own.
    if attempt >= writing.attempts and not failure.refuses_proof:
        return writing.give_up(failure)
    return writing.settle(failure, attempt) if failure.may_have_applied else _after_refusal(writing, failure, attempt)


def _after_refusal(writing: Writing, refusal: GraphRefused, attempt: int) -> bool:
    """It surely had no effect. Wait where that helps, and look, since somebody else may have written meanwhile."""
    left = writing.left()
    if left > DATES_PAUSE and writing.sends_dates_again(refusal):
        writing.wait(DATES_PAUSE, "Graph refused the dates; sending them once more")
        return writing.is_there()
    pause = POLL * attempt if refusal.retry_after is None else refusal.retry_after
    if not writing.may_pass(refusal) or pause > writing.longest_pause or pause >= left:
        return writing.give_up(refusal)
    put_off = f"Graph answered {refusal.status} to {writing.what}; sending it again"
    writing.wait(pause, WAITING_FOR_KEY if refusal.refuses_proof else put_off)
    return writing.is_there()


def never_shown(message: str) -> NotProven:
    """Acknowledged and not applied: what this collection exists to notice."""
    return NotProven(message, explain("not_shown", "", {}))
