# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an application may do in its tenant, and the steps that make it so. Pure: a snapshot in, the steps out."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass

from .errors import InvalidInput
from .model import APPLICATION

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
# The word for it among the options.
GRAPH_WORD = "microsoft_graph"


@dataclass(frozen=True)
class Requested:
    """What a registration asks for: a permission of a resource, by its ID. `Scope` is a delegated one."""

    resource_app_id: str
    permission_id: str
    type: str


@dataclass(frozen=True)
class Registration:
    """The application object, as far as access goes."""

    object_id: str
    app_id: str
    display_name: str
    requested: tuple[Requested, ...] = ()
    is_disabled: bool = False
    disabled_by_microsoft: str | None = None
    kind: str = APPLICATION


@dataclass(frozen=True)
class Principal:
    """The application's service principal in this tenant."""

    object_id: str
    enabled: bool = True
    is_disabled: bool = False
    disabled_by_microsoft: str | None = None


@dataclass(frozen=True)
class Resource:
    """An API that offers application permissions: its service principal here, and role ID by name."""

    object_id: str
    app_id: str
    display_name: str
    roles: t.Mapping[str, str]


@dataclass(frozen=True)
class Assignment:
    """A permission that the service principal has."""

    assignment_id: str
    resource_id: str
    role_id: str
    resource_name: str = ""


@dataclass(frozen=True)
class Permission:
    """One application permission, by name and by ID."""

    resource_id: str
    resource_app_id: str
    resource: str
    role: str
    role_id: str

    def __str__(self) -> str:
        return f"{self.role} of {self.resource}"

    def is_in(self, assignments: t.Iterable[Assignment]) -> Assignment | None:
        """The assignment that grants it, or None."""
        return next(
            (one for one in assignments if (one.resource_id, one.role_id) == (self.resource_id, self.role_id)), None
        )


@dataclass(frozen=True)
class Wish:
    """What the user wants. `permissions` are pairs of a resource's name and role names; None is what is asked for.

    `enabled` None leaves the service principal as it is.
    """

    permissions: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    present: bool = True
    enabled: bool | None = True


@dataclass(frozen=True)
class AccessSnapshot:
    """Everything a decision rests on. `resources` has an entry, or None, for every name and app ID that was asked."""

    registration: Registration
    principal: Principal | None
    assignments: tuple[Assignment, ...]
    resources: t.Mapping[str, Resource | None]


@dataclass(frozen=True)
class AccessStep:
    """One effect: create_service_principal, enable_, disable_service_principal, grant or revoke."""

    name: str
    detail: str
    permission: Permission | None = None

    @property
    def need(self) -> str:
        """The row of the table of privileges that it falls under."""
        if self.permission:
            of_graph = self.permission.resource_app_id == GRAPH_APP_ID
            return "consent_microsoft_graph" if of_graph else "consent_other"
        return "create_service_principal" if self.name.startswith("create") else "enable_service_principal"


@dataclass(frozen=True)
class AccessPlan:
    """The steps, in order, and what is wrong but is not for this collection to change."""

    steps: tuple[AccessStep, ...] = ()
    blocked: tuple[str, ...] = ()
    not_handled: tuple[str, ...] = ()


def named_resources(wish: Wish, registration: Registration) -> list[str]:
    """The resources to look up, each once: as the user names them, else by the app IDs that the registration has."""
    if wish.permissions is not None:
        names = [name for name, _roles in wish.permissions]
    else:
        names = [one.resource_app_id for one in registration.requested if one.type == "Role"]
    return list(dict.fromkeys(names))


def plan_access(snapshot: AccessSnapshot, wish: Wish) -> AccessPlan:
    """The steps from what is to what is wanted. Raises InvalidInput when a permission named does not exist."""
    registration, principal = snapshot.registration, snapshot.principal
    permissions, not_handled = _permissions(snapshot, wish)
    name, steps = registration.display_name, []
    if principal is None and wish.present:
        steps.append(AccessStep("create_service_principal", f"The service principal of {name} is created."))
    exists = principal is not None or wish.present
    is_enabled = principal.enabled if principal else True
    if exists and wish.enabled is not None and wish.enabled != is_enabled:
        verb = "enable" if wish.enabled else "disable"
        steps.append(AccessStep(f"{verb}_service_principal", f"The service principal of {name} is {verb}d."))
    for permission in permissions:
        held = permission.is_in(snapshot.assignments)
        if wish.present and not held:
            steps.append(AccessStep("grant", f"{permission} is granted.", permission))
        elif held and not wish.present:
            steps.append(AccessStep("revoke", f"{permission} is withdrawn.", permission))
    return AccessPlan(tuple(steps), _blocked(registration, principal), not_handled)


def _permissions(snapshot: AccessSnapshot, wish: Wish) -> tuple[list[Permission], tuple[str, ...]]:
    """The permissions meant, and a sentence for each one that is asked for and cannot be handled here."""
    if wish.permissions is None:
        return _requested(snapshot)
    found: dict[str, Permission] = {}
    problems = []
    for name, roles in wish.permissions:
        resource = snapshot.resources[name]
        if resource is None:
            problems.append(f"permissions: {_unknown_resource(name)}")
            continue
        for role in roles:
            if role in resource.roles:
                permission = _permission(resource, role)
                found.setdefault(str((permission.resource_id, permission.role_id)), permission)
            else:
                problems.append(f"permissions: {_unknown_role(resource, role)}")
    if problems:
        raise InvalidInput(problems)
    return list(found.values()), ()


def _requested(snapshot: AccessSnapshot) -> tuple[list[Permission], tuple[str, ...]]:
    """What the registration asks for. What is stale there must not stop a repair: it is reported."""
    found, others = [], []
    for one in dict.fromkeys(snapshot.registration.requested):
        resource = snapshot.resources.get(one.resource_app_id)
        label = resource.display_name if resource else one.resource_app_id
        if one.type != "Role":
            others.append(
                f"The registration asks for delegated permission {one.permission_id} of {label}: delegated permissions "
                "are consented to by users or in the admin center, not here."
            )
        elif resource is None:
            others.append(f"The registration asks for a permission of a resource that is not here: {label}.")
        else:
            role = next((name for name, role_id in resource.roles.items() if role_id == one.permission_id), None)
            if role is None:
                others.append(f"The registration asks for permission {one.permission_id}, which {label} does not have.")
            else:
                found.append(_permission(resource, role))
    return found, tuple(others)


def _permission(resource: Resource, role: str) -> Permission:
    return Permission(resource.object_id, resource.app_id, resource.display_name, role, resource.roles[role])


def _unknown_resource(name: str) -> str:
    return (
        f"resource '{name}' has no service principal in this tenant. Give '{GRAPH_WORD}', the resource's app ID or the "
        "exact display name of its service principal; an administrator adds one that is new to the tenant."
    )


def _unknown_role(resource: Resource, role: str) -> str:
    near = difflib.get_close_matches(role, resource.roles, 3)
    hint = f" Close to it: {', '.join(near)}." if near else ""
    return f"{resource.display_name} has no application permission '{role}'.{hint}"


def _blocked(registration: Registration, principal: Principal | None) -> tuple[str, ...]:
    """States that keep an application from signing in and that nothing here can or should undo."""
    found = []
    for what, state in (("application", registration), ("service principal", principal)):
        if state is None:
            continue
        if state.disabled_by_microsoft not in (None, "NotDisabled"):
            found.append(
                f"The {what} was disabled by Microsoft ({state.disabled_by_microsoft}). Nobody in the tenant can undo "
                "that: ask Microsoft's support."
            )
        if state.is_disabled:
            found.append(
                f"The {what} is deactivated (isDisabled). That was somebody's decision and is left alone: whoever "
                "owns it activates it in the admin center, or sets isDisabled to false."
            )
    return tuple(found)
