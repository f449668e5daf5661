# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passing trouble is waited out: one policy for the token endpoint, Graph's reads and a vault.

Passing are 429, 5xx and the network; neither success nor refusal. Writes are not sent again here, since whether they
were applied has to be known first; only a vault's 429 says that nothing was begun.
"""

from __future__ import annotations

import math
import random
import typing as t
from dataclasses import dataclass, replace

from .._core.errors import EvercertError, NetworkFailure, ServiceError, SignInRefused, StillWaiting
from .._core.policy import SIGN_IN_PAUSE
from .clock import Timing
from .transport import Response

# A longer Retry-After ends the run instead: whoever runs it knows better whether to wait that long.
LONGEST_RETRY_AFTER = 120.0
SHORTEST_RETRY_AFTER = 1.0
BACKOFF_CAP = 16.0
_RANDOM = random.SystemRandom()

Answer = t.TypeVar("Answer")


@dataclass(frozen=True)
class Kind:
    """One kind of request: who is asked, how a person is told of it, how often, and at least how far apart."""

    name: str
    peer: str
    again: str
    attempts: int = 5
    apart: float = SHORTEST_RETRY_AFTER
    is_spread: bool = True  # many hosts that were put off at once shall not come back at once

    def pause(self, attempt: int, asked: float | None) -> float:
        if asked is not None:
            return max(asked, self.apart)
        return min(2.0**attempt, BACKOFF_CAP) * (_RANDOM.uniform(0.5, 1.0) if self.is_spread else 1.0)


READS = Kind("read", "Graph", "reading again")
# One of a batch: a caller whose waits end the call asks for the whole batch again, which must not clear its count.
ITEMS = replace(READS, name="item")
# Fewer, as each may count against the application's budget, and never faster than the service's loop rule bears.
SIGN_INS = Kind("sign_in", "the token service", "signing in again", attempts=4, apart=SIGN_IN_PAUSE, is_spread=False)
# Counted apart: in a later call what had succeeded before succeeds again, and must not clear the count of what did not.
TOKENS = replace(SIGN_INS, name="token")
VAULT_TOKENS = replace(SIGN_INS, name="vault token")
DISCOVERY = replace(SIGN_INS, name="discovery", again="asking again")
VAULT = Kind("vault", "Key Vault", "asking again")
# Counted apart: looking whether a write was begun succeeds, and must not clear the count of that write.
VAULT_LOOKS = replace(VAULT, name="vault look")


@dataclass(frozen=True)
class Trouble:
    """Passing trouble: the status that came in place of an answer, and the pause that the service asks for."""

    status: int | None
    asked: float | None = None

    @property
    def what(self) -> str:
        return f"answered {self.status}" if self.status else "did not answer"


def trouble_in(outcome: object) -> Trouble | None:
    """What passes; None for an answer that counts, and for what asking again would not change."""
    if isinstance(outcome, Response):
        passes = outcome.status == 429 or outcome.status >= 500
        return Trouble(outcome.status, retry_after(outcome)) if passes else None
    if isinstance(outcome, (NetworkFailure, SignInRefused)) and outcome.diagnosis.retry == "later":
        return Trouble(outcome.diagnosis.evidence.get("http_status"), seconds_asked(outcome))
    return None


def put_off(outcome: object) -> Trouble | None:
    """The same for a write: only an answer that says that it was not begun."""
    return trouble_in(outcome) if isinstance(outcome, Response) and outcome.status == 429 else None


class Patience:
    """Counts the attempts of what is under way. A caller whose waits end the call carries the counts over."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.tried: dict[str, int] = {}

    def repeat(
        self,
        kind: Kind,
        send: t.Callable[[], Answer],
        passing: t.Callable[[object], Trouble | None] = trouble_in,
        take_over: t.Callable[[Trouble, float], bool] = lambda trouble, pause: False,
    ) -> Answer:
        """The answer, or the last one when patience has ended. Raises what the last attempt raised.

        `take_over` may see to it itself that the next attempt is not made before the pause is over.
        """
        while True:
            attempt, outcome = self._attempt(kind, send)
            trouble = passing(outcome)
            is_over = attempt >= kind.attempts or (trouble and (trouble.asked or 0.0) > LONGEST_RETRY_AFTER)
            if trouble is None or is_over:
                self.tried.pop(kind.name, None)
                if isinstance(outcome, ServiceError):
                    raise outcome
                return outcome
            pause = kind.pause(attempt, trouble.asked)
            if not take_over(trouble, pause):
                counted = f"attempt {attempt + 1} of {kind.attempts}"
                self.timing.wait(pause, f"{kind.peer} {trouble.what}; {kind.again} ({counted})")

    def _attempt(self, kind: Kind, send: t.Callable[[], Answer]) -> tuple[int, Answer | ServiceError]:
        """Its number, and what it came to. One that waits before it is made has not been made."""
        attempt = self.tried[kind.name] = self.tried.get(kind.name, 0) + 1
        try:
            return attempt, send()
        except (NetworkFailure, SignInRefused) as failure:
            return attempt, failure
        except StillWaiting:
            self.tried[kind.name] = attempt - 1
            raise
        except BaseException:
            self.tried.pop(kind.name, None)
            raise


def seconds_asked(failure: EvercertError) -> float | None:
    """The Retry-After of an answer that came as an error, or None."""
    return parse_seconds(failure.diagnosis.evidence.get("retry_after")) if failure.diagnosis else None


def retry_after(answer: Response) -> float | None:
    """The seconds that a `Retry-After` header asks for, or None."""
    return parse_seconds(answer.headers.get("retry-after"))


def parse_seconds(text: object) -> float | None:
    """A number of seconds as headers have it; a peer may send anything. No pause at all would be asked without end."""
    try:
        seconds = float(str(text))
    except ValueError:
        return None
    return max(SHORTEST_RETRY_AFTER, seconds) if math.isfinite(seconds) else None
