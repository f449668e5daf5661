# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access as wanted: the service principal exists and is enabled, application permissions are granted or withdrawn."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t
from dataclasses import dataclass, field

from .._core.access import (
    AccessPlan,
    AccessSnapshot,
    AccessStep,
    Permission,
    Registration,
    Wish,
    named_resources,
    plan_access,
)
from .._core.errors import ApplicationNotFound, EvercertError, InvalidInput, StillWaiting
from .._entra.principals import find_deleted_application, find_principal, find_resource, read_registration
from .access_writes import begin, list_held, take_step
from .connection import Connection
from .rights import can_tell_rights, refuse_blueprint, refuse_lacks

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
                begin(connection, progress, position, timeout)
                take_step(connection, progress, progress.steps[position], timeout)
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
        assignments=list_held(connection, principal.object_id) if principal else (),
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
