# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access as wanted: the service principal exists and is enabled, application permissions are granted or withdrawn.

Every step comes to the same when it is done twice, so a step without an answer is sent again, after reading back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t
from dataclasses import dataclass, field

from .._core.access import (
    AccessPlan,
    AccessSnapshot,
    AccessStep,
    Assignment,
    Permission,
    Registration,
    Wish,
    named_resources,
    plan_access,
)
from .._core.diagnosis import explain
from .._core.errors import (
    ApplicationNotFound,
    EvercertError,
    GraphRefused,
    InvalidInput,
    NetworkFailure,
    NotProven,
    StillWaiting,
)
from .._core.privileges import needs_sentence
from .._entra.patience import LONGEST_RETRY_AFTER
from .._entra.principals import (
    create_principal,
    enable_principal,
    find_deleted_application,
    find_principal,
    find_resource,
    grant_role,
    list_assignments,
    read_registration,
    revoke_role,
)
from .connection import Connection
from .rights import can_tell_rights, refuse_blueprint, refuse_lacks

WRITE_ATTEMPTS = 4
# So long a write without an answer may take to show before it is sent again, in seconds.
SETTLE = 20.0
POLL, LONGEST_POLL = 2.0, 10.0

Json = dict[str, t.Any]


@dataclass
class AccessProgress:
    """How far it is: plain values, public facts only, that survive a pause. Times are of the monotonic clock."""

    prepared: bool = False
    app_id: str = ""
    object_id: str = ""
    display_name: str = ""
    principal_id: str = ""  # empty while there is none
    steps: tuple[AccessStep, ...] = ()
    blocked: tuple[str, ...] = ()
    not_handled: tuple[str, ...] = ()
    before: Json = field(default_factory=dict)
    position: int = 0
    attempts: int = 0
    acknowledged: bool = False
    answer: str = ""  # what the last write met, where it was not acknowledged
    again_at: float = 0.0
    pause: float = 0.0
    deadline: float = 0.0
    looked: dict[str, int] = field(default_factory=dict)

    def to_values(self) -> Json:
        return dataclasses.asdict(self)

    @classmethod
    def from_values(cls, values: t.Mapping[str, t.Any]) -> AccessProgress:
        """The reverse of `to_values`. Raises InvalidInput where the parts are not those of a progress."""
        try:
            known = dict(values)
            known["steps"] = tuple(_step_of(step) for step in known["steps"])
            known["blocked"], known["not_handled"] = tuple(known["blocked"]), tuple(known["not_handled"])
            return cls(**known)
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise InvalidInput(["_waiting holds something else than an earlier call has handed over."]) from error


def _step_of(values: t.Mapping[str, t.Any]) -> AccessStep:
    permission = values.get("permission")
    return AccessStep(**{**values, "permission": Permission(**permission) if permission else None})


class Interrupted(StillWaiting):
    """A wait that a caller outside does, with the progress that the next call goes on from."""

    def __init__(self, pause: StillWaiting, progress: AccessProgress) -> None:
        super().__init__(pause.seconds, pause.what)
        self.carry = {"progress": progress.to_values()}


def keep_access(
    connection: Connection, wish: Wish, timeout: float, *, dry_run: bool, progress: AccessProgress | None = None
) -> AccessProgress:
    """Snapshot → plan → each step in its order, read back. Raises StillWaiting out of any wait."""
    progress = progress or AccessProgress()
    connection.graph.tried = progress.looked
    with _handing_over(progress):
        if not progress.prepared:
            prepare(connection, wish, progress)
        if not dry_run:
            for position in range(progress.position, len(progress.steps)):
                _begin(connection, progress, position, timeout)
                _carry_out(connection, progress, progress.steps[position], timeout)
    return progress


@contextlib.contextmanager
def _handing_over(progress: AccessProgress) -> t.Iterator[None]:
    try:
        yield
    except StillWaiting as pause:
        raise Interrupted(pause, progress) from pause


def prepare(connection: Connection, wish: Wish, progress: AccessProgress) -> None:
    """The plan, and every reason to stop before the first effect."""
    snapshot = _gather(connection, wish)
    plan = plan_access(snapshot, wish)
    registration, principal = snapshot.registration, snapshot.principal
    progress.app_id, progress.object_id = registration.app_id, registration.object_id
    progress.display_name = registration.display_name
    progress.principal_id = principal.object_id if principal else ""
    progress.steps, progress.blocked, progress.not_handled = plan.steps, plan.blocked, plan.not_handled
    progress.before = _state(snapshot)
    refuse_blueprint(registration if plan.steps else None)
    _stop_before_effects(connection, plan)
    progress.prepared = True


def _stop_before_effects(connection: Connection, plan: AccessPlan) -> None:
    for sentence in plan.blocked:
        connection.warn(sentence)
    if not plan.steps:
        return
    connection.refuse_skew()
    refuse_lacks(connection, [step.need for step in plan.steps])
    if not can_tell_rights(connection):
        connection.warn(
            "The access token does not say what its identity may do, so that could not be checked beforehand."
        )


def _gather(connection: Connection, wish: Wish) -> AccessSnapshot:
    graph, registration = connection.graph, _find_registration(connection)
    principal = find_principal(graph, registration.app_id)
    return AccessSnapshot(
        registration=registration,
        principal=principal,
        assignments=_list_assignments(connection, principal.object_id) if principal else (),
        resources={name: find_resource(graph, name) for name in named_resources(wish, registration)},
    )


def _find_registration(connection: Connection) -> Registration:
    try:
        return read_registration(connection.graph, connection.find_application().object_id)
    except ApplicationNotFound as absent:
        hint = _how_to_restore(connection)
        if hint is None:
            raise
        raise ApplicationNotFound(hint, absent.diagnosis) from absent


def _how_to_restore(connection: Connection) -> str | None:
    """What to do about an application that is deleted and can come back; None when it is not that."""
    selector = connection.selector
    try:
        deleted = find_deleted_application(connection.graph, selector.app_id, selector.object_id)
    except EvercertError:
        return None  # a hint that may not be read is no failure of its own
    if deleted is None:
        return None
    object_id, when = deleted
    return (
        f"The application ({selector}) was deleted on {when}. Within 30 days an administrator can restore it with all "
        "its credentials: in the admin center under App registrations, Deleted applications, or with "
        f"POST /directory/deletedItems/{object_id}/restore. Then run again."
    )


def _begin(connection: Connection, progress: AccessProgress, position: int, timeout: float) -> None:
    """Start a step's clock, or leave it alone when the step is under way."""
    if position == progress.position and progress.deadline:
        return
    progress.position, progress.attempts, progress.acknowledged = position, 0, False
    progress.again_at, progress.deadline = 0.0, connection.timing.monotonic() + timeout


def _carry_out(connection: Connection, progress: AccessProgress, step: AccessStep, timeout: float) -> None:
    """Send, then read back until the directory shows it. Only what was not accepted is sent again, after a read."""
    timing = connection.timing
    while True:
        if progress.attempts and _is_shown(connection, progress, step):
            connection.forget_tokens()
            return
        if not progress.acknowledged and timing.monotonic() >= progress.again_at:
            _send(connection, progress, step)
            continue
        left = progress.deadline - timing.monotonic()
        if left <= 0:
            never_shown = explain("not_shown", "", {}) if progress.acknowledged else None
            raise NotProven(_not_shown(progress, step, timeout), never_shown)
        pause, progress.pause = min(progress.pause, left), min(progress.pause * 1.5, LONGEST_POLL)
        timing.wait(pause, f"the directory to show it: {step.detail} ({left:.0f} s left)")


def _send(connection: Connection, progress: AccessProgress, step: AccessStep) -> None:
    """One attempt. A refusal for good is raised unless what it refuses is there already."""
    timing = connection.timing
    progress.attempts += 1
    progress.pause = POLL
    try:
        _write(connection, progress, step)
        progress.acknowledged = True
    except (GraphRefused, NetworkFailure) as failure:
        if _is_there_already(failure, step):
            progress.acknowledged = True
            return
        progress.answer = failure.message
        asked = failure.retry_after if isinstance(failure, GraphRefused) else None
        left = max(0.0, progress.deadline - timing.monotonic())
        longest = min(LONGEST_RETRY_AFTER, left) if _was_refused(failure) else LONGEST_RETRY_AFTER
        is_last = progress.attempts >= WRITE_ATTEMPTS or not left
        too_long = asked is not None and asked > longest
        may_pass = _may_pass(failure, step, progress) and not too_long and not is_last
        if not may_pass and not _is_shown(connection, progress, step):
            if isinstance(failure, GraphRefused) and failure.status == 403:
                raise _explained(failure, step) from failure
            if isinstance(failure, GraphRefused) and too_long:
                raise failure.saying(_put_off(asked or 0.0, longest, step)) from failure
            raise
        if _was_refused(failure):
            progress.pause = POLL * 2 ** (progress.attempts - 1) if asked is None else asked
        progress.again_at = timing.monotonic() + (progress.pause if _was_refused(failure) else SETTLE)


def _explained(failure: GraphRefused, step: AccessStep) -> GraphRefused:
    """A refusal for want of rights says which ones this step needs."""
    message = f"Graph refused it ({failure.code}): {step.detail} {needs_sentence(step.need)}"
    return GraphRefused(message, failure.diagnosis, failure.status, failure.code, failure.retry_after)


def _put_off(asked: float, longest: float, step: AccessStep) -> str:
    return (
        f"It asks to wait {asked:.0f} s, and this run waits for {longest:.0f} s at most (what is left of "
        f"timeout_propagation, and never more than {LONGEST_RETRY_AFTER:.0f} s). It was about: {step.detail} Run again "
        "after that time."
    )


def _was_refused(failure: GraphRefused | NetworkFailure) -> bool:
    """Whether it surely had no effect."""
    return isinstance(failure, GraphRefused) and not failure.may_have_applied


def _may_pass(failure: GraphRefused | NetworkFailure, step: AccessStep, progress: AccessProgress) -> bool:
    """No answer, trouble of the service, a conflict; or a replica that does not know the new service principal yet."""
    if not isinstance(failure, GraphRefused) or failure.may_have_applied or failure.status in (409, 429):
        return True
    created = any(one.name == "create_service_principal" for one in progress.steps)
    return failure.status == 404 and (created or step.name == "revoke")


def _is_there_already(failure: GraphRefused | NetworkFailure, step: AccessStep) -> bool:
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
    held = step.permission.is_in(_list_assignments(connection, progress.principal_id))
    return bool(held) == (step.name == "grant")


def _list_assignments(connection: Connection, principal_id: str) -> tuple[Assignment, ...]:
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


def _state(snapshot: AccessSnapshot) -> Json:
    """What diff shows."""
    known = {
        (resource.object_id, role_id): f"{resource.display_name}: {role}"
        for resource in snapshot.resources.values()
        if resource
        for role, role_id in resource.roles.items()
    }
    held = [
        known.get((one.resource_id, one.role_id), f"{one.resource_name or one.resource_id}: {one.role_id}")
        for one in snapshot.assignments
    ]
    principal = snapshot.principal
    return {"service_principal": {"enabled": principal.enabled} if principal else None, "permissions": sorted(held)}


def state_after(before: Json, steps: t.Iterable[AccessStep]) -> Json:
    """The state that these steps lead to."""
    principal, permissions = before["service_principal"], list(before["permissions"])
    for step in steps:
        if step.permission is None:
            principal = {"enabled": not step.name.startswith("disable")}
            continue
        label = f"{step.permission.resource}: {step.permission.role}"
        if step.name == "grant":
            permissions.append(label)
        else:
            permissions.remove(label)
    return {"service_principal": principal, "permissions": sorted(permissions)}
