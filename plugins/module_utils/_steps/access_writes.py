# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step of access at a time: sent, and read back until the directory shows it.

Every step comes to the same when it is done twice, so a step without an answer is sent again, after reading back.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.access import AccessStep, Assignment
from .._core.errors import GraphRefused, NetworkFailure, NotProven
from .._core.privileges import needs_sentence
from .._entra.patience import LONGEST_RETRY_AFTER
from .._entra.principals import (
    create_principal,
    enable_principal,
    find_principal,
    grant_role,
    list_assignments,
    revoke_role,
)
from .connection import Connection
from .settling import POLL, Failure, Way, Write, Writing, carry_out, never_shown

if t.TYPE_CHECKING:
    from .access import AccessProgress

# So long a write without an answer may take to show before it is sent again, in seconds.
SETTLE = 20.0
LONGEST_POLL = 10.0


def begin(connection: Connection, progress: AccessProgress, position: int, timeout: float) -> None:
    """Start a step's clock, or leave it alone when the step is under way."""
    if position == progress.position and progress.deadline:
        return
    progress.position, progress.attempts, progress.acknowledged = position, 0, False
    progress.again_at, progress.deadline = 0.0, connection.timing.monotonic() + timeout


@dataclass(frozen=True)
class Taking:
    """One step being taken. What a wait must not lose stands in the progress."""

    connection: Connection
    progress: AccessProgress
    step: AccessStep
    timeout: float

    @property
    def now(self) -> float:
        return self.connection.timing.monotonic()

    @property
    def left(self) -> float:
        return max(0.0, self.progress.deadline - self.now)

    def ready(self) -> Write:
        return self.write

    def write(self) -> None:
        """Once, with what it met kept for the sentence at the end."""
        self.progress.attempts += 1
        self.progress.pause = POLL
        try:
            _write(self.connection, self.progress, self.step)
        except (GraphRefused, NetworkFailure) as failure:
            self.progress.answer = failure.message
            raise

    def acknowledge(self, _key_id: str | None = None) -> None:
        self.progress.acknowledged = True

    def wait(self, seconds: float, _what: str) -> None:
        """Notes when it may be sent again: `shows_in_time` waits until then, and looks."""
        self.progress.pause, self.progress.again_at = seconds, self.now + seconds

    def shows_in_time(self) -> bool:
        """Look for it ever more rarely. False when what was not acknowledged may be sent again."""
        progress = self.progress
        while not _is_shown(self.connection, progress, self.step):
            if not progress.acknowledged and self.now >= progress.again_at:
                return False
            left = self.left
            if not left:
                message = _not_shown(progress, self.step, self.timeout)
                raise never_shown(message) if progress.acknowledged else NotProven(message)
            pause, progress.pause = min(progress.pause, left), min(progress.pause * 1.5, LONGEST_POLL)
            self.connection.timing.wait(pause, f"the directory to show it: {self.step.detail} ({left:.0f} s left)")
        return True

    def settle(self, failure: Failure, _attempt: int) -> bool:
        if _is_there_already(failure, self.step):
            self.acknowledge()
        elif not self.left or _asks_too_long(failure, LONGEST_RETRY_AFTER):
            return self.give_up(failure)
        self.progress.again_at = self.now + SETTLE
        return self.shows_in_time()

    def give_up(self, failure: Failure) -> bool:
        """A refusal for good is raised unless what it refuses is there already."""
        if not _is_shown(self.connection, self.progress, self.step):
            raise _explained(failure, self.step, min(LONGEST_RETRY_AFTER, self.left))
        self.acknowledge()
        return True


def take_step(connection: Connection, progress: AccessProgress, step: AccessStep, timeout: float) -> None:
    """Send it until it shows. Entering again after a wait first looks for what an earlier call has sent."""
    taking = Taking(connection, progress, step, timeout)
    writing = Writing(
        step.detail,
        (Way(taking.ready, is_hint=lambda refusal: _is_there_already(refusal, step)),),
        wait=taking.wait,
        settle=taking.settle,
        is_there=taking.shows_in_time,
        acknowledged=taking.acknowledge,
        may_pass=lambda refusal: _may_pass(refusal, step, progress),
        give_up=taking.give_up,
        left=lambda: taking.left,
    )
    was_seen = progress.attempts > 0 and taking.shows_in_time()
    if not was_seen and not carry_out(writing, progress.attempts):
        taking.shows_in_time()  # acknowledged, so until the deadline
    connection.forget_tokens()


def _explained(failure: Failure, step: AccessStep, longest: float) -> Failure:
    """A refusal for want of rights says which ones this step needs, and one for later how long this run waits."""
    if not isinstance(failure, GraphRefused):
        return failure
    if failure.status == 403:
        message = f"Graph refused it ({failure.code}): {step.detail} {needs_sentence(step.need)}"
        return GraphRefused(message, failure.diagnosis, failure.status, failure.code, failure.retry_after)
    if _asks_too_long(failure, longest):
        return failure.saying(_put_off(failure.retry_after or 0.0, longest, step))
    return failure


def _asks_too_long(failure: Failure, longest: float) -> bool:
    return isinstance(failure, GraphRefused) and (failure.retry_after or 0.0) > longest


def _put_off(asked: float, longest: float, step: AccessStep) -> str:
    return (
        f"It asks to wait {asked:.0f} s, and this run waits for {longest:.0f} s at most (what is left of "
        f"timeout_propagation, and never more than {LONGEST_RETRY_AFTER:.0f} s). It was about: {step.detail} Run again "
        "after that time."
    )


def _may_pass(refusal: GraphRefused, step: AccessStep, progress: AccessProgress) -> bool:
    """A conflict, too many requests; or a replica that does not know the new service principal yet."""
    if refusal.status in (409, 429):
        return True
    created = any(one.name == "create_service_principal" for one in progress.steps)
    return refusal.status == 404 and (created or step.name == "revoke")


def _is_there_already(failure: Failure, step: AccessStep) -> bool:
    """A refusal that is as good as an acknowledgement: it has to show, too (facts page, 10 and 13)."""
    if not isinstance(failure, GraphRefused):
        return False
    if step.name == "create_service_principal":
        return failure.status == 409 and failure.code == "Request_MultipleObjectsWithSameKeyValue"
    says_so = "already exists" in str(failure.diagnosis.evidence.get("message"))
    return step.name == "grant" and failure.status == 400 and says_so


def _write(connection: Connection, progress: AccessProgress, step: AccessStep) -> None:
    graph, principal_id = connection.graph, progress.principal_id
    if step.name == "create_service_principal":
        create_principal(graph, progress.app_id)
    elif step.permission is None:
        enable_principal(graph, principal_id, step.name.startswith("enable"))
    elif step.name == "grant":
        grant_role(graph, principal_id, step.permission.resource_id, step.permission.role_id)
    else:
        held = step.permission.is_in(list_assignments(graph, principal_id))
        if held:
            revoke_role(graph, principal_id, held.assignment_id)


def _is_shown(connection: Connection, progress: AccessProgress, step: AccessStep) -> bool:
    """Whether the directory shows the step's effect."""
    graph = connection.graph
    if step.permission is None:
        principal = find_principal(graph, progress.app_id, new_connection=progress.attempts > 1)
        if principal is None:
            return False
        progress.principal_id = principal.object_id
        return step.name.startswith("create") or principal.enabled == step.name.startswith("enable")
    held = step.permission.is_in(list_held(connection, progress.principal_id))
    return bool(held) == (step.name == "grant")


def list_held(connection: Connection, principal_id: str) -> tuple[Assignment, ...]:
    """Empty where a replica answers that does not know a new service principal yet."""
    try:
        return list_assignments(connection.graph, principal_id)
    except GraphRefused as refusal:
        if refusal.status != 404:
            raise
        return ()


def _not_shown(progress: AccessProgress, step: AccessStep, timeout: float) -> str:
    done = ", ".join(one.detail for one in progress.steps[: progress.position]) or "Nothing before it."
    if progress.acknowledged:
        how, why = "acknowledged it", "The write was not applied."
    else:
        how, why = "did not acknowledge it", f"The last answer: {progress.answer}"
    return (
        f"Graph {how}, and the directory does not show it after {timeout:.0f} s: {step.detail} {why} Done before it: "
        f"{done} Run again."
    )
