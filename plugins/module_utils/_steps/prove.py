# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove that a certificate signs in: consecutive fresh sign-ins, spaced in time, within a deadline."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.budget import pause_after_refusal
from .._core.diagnosis import Diagnosis
from .._core.errors import NetworkFailure, NotProven, SignInRefused, StillWaiting
from .._core.policy import BUDGET_WINDOW, SIGN_IN_PAUSE
from .._core.strength import would_detect
from .._entra.assertion import Signer
from .._entra.patience import seconds_asked
from .._entra.tokens import AccessToken
from .connection import Connection
from .run import ProofProgress

# As many as a proof of the longest patience needs; a support engineer asks for the latest.
MOST_CORRELATION_IDS = 50


def begin(progress: ProofProgress, connection: Connection, required: int, pause: float) -> None:
    """Start the clock of a proof, or leave it alone when it runs already."""
    if progress.required:
        return
    now = connection.timing.monotonic()
    progress.required = required
    progress.started = now
    progress.deadline = now + connection.proof.timeout
    progress.next_at = now + pause


def prove(connection: Connection, progress: ProofProgress, client_id: str, signer: Signer) -> AccessToken | None:
    """Sign in until the required number of consecutive attempts succeeded.

    A refusal resets the count; passing trouble does not. Raises SignInRefused when a refusal is final, NotProven at
    the deadline. Each attempt is a new connection, a new assertion and an empty token cache. Returns the last token
    got by this call.
    """
    token: AccessToken | None = None
    while progress.consecutive < progress.required:
        wait_for_turn(connection, progress)
        progress.attempts += 1
        try:
            token = connection.sign_in_once(client_id, signer, "prove")
        except (SignInRefused, NetworkFailure) as failure:
            note_trouble(progress, failure.diagnosis)
            if failure.diagnosis.retry == "no" and not connection.may_be_late(failure.diagnosis):
                raise
            _after_trouble(connection, progress, failure)
        else:
            progress.consecutive += 1
            note_answer(progress, token.correlation_id)
            progress.next_at = connection.timing.monotonic() + connection.proof.interval
    return token


def note_answer(progress: ProofProgress, correlation_id: str | None) -> None:
    """What support finds an attempt by, accepted or refused; the latest ones are enough."""
    if correlation_id:
        progress.correlation_ids = [*progress.correlation_ids, correlation_id][-MOST_CORRELATION_IDS:]


def note_trouble(progress: ProofProgress, diagnosis: Diagnosis) -> None:
    """What stood in the way last: should the time be over, it is the diagnosis, also of a later call."""
    progress.trouble = dataclasses.asdict(diagnosis)
    note_answer(progress, diagnosis.evidence.get("correlation_id"))


def _after_trouble(connection: Connection, progress: ProofProgress, failure: SignInRefused | NetworkFailure) -> None:
    monotonic, clock = connection.timing.monotonic(), connection.clock
    remaining = progress.deadline - monotonic
    if failure.diagnosis.retry == "later":
        # Sooner than usual would be without end, as the budget's waits move the deadline.
        progress.next_at = monotonic + max(seconds_asked(failure) or 0.0, connection.proof.interval, SIGN_IN_PAUSE)
        return
    start_again(progress)
    now = clock.service_time()
    made = connection.store.sign_ins_since(now - BUDGET_WINDOW) if connection.key_store else []
    progress.next_at = monotonic + pause_after_refusal(connection.proof, made, now, remaining)


def start_again(progress: ProofProgress) -> None:
    """An answer to the contrary: what was counted before it proves nothing any more."""
    progress.consecutive = 0
    progress.restarts += 1


def wait_for_turn(connection: Connection, progress: ProofProgress, wanted: str = "accepted") -> None:
    """Wait for the next attempt; the deadline moves by what the budget costs."""
    timing = connection.timing
    pause = progress.next_at - timing.monotonic()
    left = progress.deadline - timing.monotonic()
    if pause > left or left <= 0:
        raise _too_late(connection, progress, wanted)
    if pause > 0:
        timing.wait(pause, _waiting_for(progress, left, wanted))
    try:
        progress.deadline += connection.wait_for_budget()
    except StillWaiting as pause_outside:
        progress.deadline += pause_outside.seconds
        raise


def _waiting_for(progress: ProofProgress, left: float, wanted: str) -> str:
    if progress.attempts == 0:
        return f"the token service to see the latest changes before the first sign-in ({left:.0f} s left)"
    return (
        f"the next sign-in: {progress.consecutive} of {progress.required} consecutive sign-ins {wanted}, "
        f"{progress.attempts} made ({left:.0f} s left)"
    )


def _too_late(connection: Connection, progress: ProofProgress, wanted: str) -> NotProven:
    trouble = Diagnosis(**progress.trouble) if progress.trouble else None
    last = "Last other answer" if progress.consecutive else "Last answer"
    why = f" {last}: {trouble.sentence}" if trouble else ""
    return NotProven(
        f"Not proven: {progress.consecutive} of {progress.required} consecutive sign-ins were {wanted} in "
        f"{progress.attempts} attempts within {connection.proof.timeout:.0f} s.{why}",
        trouble,
    )


def as_values(progress: ProofProgress, connection: Connection) -> dict[str, t.Any]:
    """What results report about the sign-ins."""
    values = dataclasses.asdict(progress)
    elapsed = connection.timing.monotonic() - progress.started if progress.required else 0.0
    return {
        **{name: values[name] for name in ("required", "consecutive", "attempts", "restarts")},
        "elapsed": round(elapsed, 1),
        "would_detect": would_detect(progress.consecutive, progress.restarts),
    }
