# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each step needs, and whether an access token clearly lacks it. Pure; the one table of permissions and roles.

Graph's tokens are opaque by contract, so their claims are a hint: they may stop a run that is bound to fail, and never
allow one. Sources: the permission tables of the Microsoft Graph reference for "Create servicePrincipal", "Update
servicePrincipal", "Update application", "Grant an appRoleAssignment" and "Delete appRoleAssignment"; "Grant tenant-wide
admin consent" for the directory roles; "Access token claims reference" for `roles`, `scp` and `wids`; "Microsoft Entra
built-in roles" for the template IDs.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

CLOUD_APPLICATION_ADMINISTRATOR = "Cloud Application Administrator"
APPLICATION_ADMINISTRATOR = "Application Administrator"
PRIVILEGED_ROLE_ADMINISTRATOR = "Privileged Role Administrator"
GLOBAL_ADMINISTRATOR = "Global Administrator"

# Template ID → name, as far as a step can need the role.
ROLE_NAMES = {
    "158c047a-c907-4556-b7ef-446551a6b5f7": CLOUD_APPLICATION_ADMINISTRATOR,
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": APPLICATION_ADMINISTRATOR,
    "e8611ab8-c189-46e8-94e1-60213ab1f814": PRIVILEGED_ROLE_ADMINISTRATOR,
    "62e90394-69f5-4237-9190-012177145e10": GLOBAL_ADMINISTRATOR,
}
# Built-in roles that suffice for no step. With any other role in a token, such as a custom one, nothing is clear.
ROLES_OF_NO_USE = {
    "b79fbf4d-3ef9-4689-8143-76b194e85509",  # every member of the tenant
    "0997a1d0-0d1d-4acb-b408-d5ca73121e90",  # every service principal
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",  # Directory Readers
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",  # Global Reader
    "5d6b6bb7-de71-4623-b4af-96380a352509",  # Security Reader
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",  # Helpdesk Administrator
    "fe930be7-5e62-47db-91af-98c3a49a38b1",  # User Administrator
    "29232cdf-9323-42fd-ade2-1d097af3e4de",  # Exchange Administrator
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",  # SharePoint Administrator
}

# Of agent identity blueprints, which are listed with applications. Source: the pages on addKey and removeKey of the
# resource type agentIdentityBlueprint.
BLUEPRINT_PERMISSION = "AgentIdentityBlueprint.AddRemoveCreds.All"
BLUEPRINT_ROLES = ("Agent ID Administrator", "Agent ID Developer")
BLUEPRINT_REMEDY = (
    f"Whoever changes its credentials needs the permission {BLUEPRINT_PERMISSION}, or as a person the role "
    f"{' or '.join(BLUEPRINT_ROLES)}: change them there, and leave it out here."
)

_MANAGERS = (CLOUD_APPLICATION_ADMINISTRATOR, APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR)


@dataclass(frozen=True)
class Privilege:
    """What one kind of step needs: each of `permissions` in one of its spellings, the least first, and one role.

    `scopes` are the same for a person who signs in, who needs one of `directory_roles` besides, unless owning the
    application is enough.
    """

    task: str
    permissions: tuple[tuple[str, ...], ...]
    scopes: tuple[tuple[str, ...], ...]
    directory_roles: tuple[str, ...]
    owner_suffices: bool = False


_WRITE = (("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"),)
_WRITE_SCOPES = (("Application.ReadWrite.All", "Directory.ReadWrite.All"),)
_CONSENT = (
    ("AppRoleAssignment.ReadWrite.All",),
    (
        "Application.Read.All",
        "Application.ReadWrite.OwnedBy",
        "Application.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ),
)

PRIVILEGES: dict[str, Privilege] = {
    "create_service_principal": Privilege("create the service principal", _WRITE, _WRITE_SCOPES, _MANAGERS, True),
    "enable_service_principal": Privilege(
        "enable or disable the service principal", _WRITE, _WRITE_SCOPES, _MANAGERS, True
    ),
    "add_certificate": Privilege("add a certificate to the application", _WRITE, _WRITE_SCOPES, _MANAGERS, True),
    "consent_microsoft_graph": Privilege(
        "grant or withdraw application permissions of Microsoft Graph",
        _CONSENT,
        _CONSENT,
        (PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    "consent_other": Privilege(
        "grant or withdraw application permissions of other APIs",
        _CONSENT,
        _CONSENT,
        (*_MANAGERS[:2], PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
}


def needs_sentence(need: str) -> str:
    """What a step needs at least, for whoever was refused it."""
    row = PRIVILEGES[need]
    least = " and ".join(names[0] for names in row.permissions)
    roles = " or ".join(row.directory_roles) + (", or to own the application" if row.owner_suffices else "")
    return f"To {row.task} an application needs {least}; a person needs to be {roles}."


@dataclass(frozen=True)
class Lack:
    """What is missing for a step: a permission (any one of these), or a directory role (any one of these)."""

    need: str
    kind: str
    any_of: tuple[str, ...]

    @property
    def sentence(self) -> str:
        task, names = PRIVILEGES[self.need].task, " or ".join(self.any_of)
        return f"To {task} it needs the {self.kind} {names}."


def are_readable(claims: t.Mapping[str, t.Any]) -> bool:
    """Whether the claims say what the identity may do; those of a token that is none of Graph's do not."""
    return _held(claims) is not None


def find_lacks(claims: t.Mapping[str, t.Any], needs: t.Iterable[str]) -> list[Lack]:
    """Everything that is clearly missing, each step's once. Nothing when the claims cannot be read."""
    held = _held(claims)
    if held is None:
        return []
    return [lack for need in dict.fromkeys(needs) for lack in _lacks(need, *held)]


def _lacks(need: str, permissions: set[str], roles: set[str] | None, is_person: bool) -> list[Lack]:
    """`roles` None: nothing is known of them, as of a custom one."""
    privilege = PRIVILEGES[need]
    has_role = roles is None or not roles.isdisjoint(privilege.directory_roles)
    if not is_person:
        # An application may hold a directory role in place of a permission.
        if has_role:
            return []
        kind, wanted = "application permission", privilege.permissions
        return [Lack(need, kind, names) for names in wanted if permissions.isdisjoint(names)]
    missing = [names for names in privilege.scopes if permissions.isdisjoint(names)]
    found = [Lack(need, "delegated permission", names) for names in missing]
    if not has_role and not privilege.owner_suffices:
        found.append(Lack(need, "directory role", privilege.directory_roles))
    return found


def _held(claims: t.Mapping[str, t.Any]) -> tuple[set[str], set[str] | None, bool] | None:
    """Permissions, directory roles (None: not known), and whether a person signed in; None when that is not said.

    An application without any permission has no `roles` at all, and then only `idtyp` tells what it is.
    """
    scopes, granted = claims.get("scp"), claims.get("roles")
    if isinstance(scopes, str):
        return set(scopes.split()), _roles(claims.get("wids"), otherwise=None), True
    if isinstance(granted, list) or claims.get("idtyp") == "app":
        names = {name for name in granted if isinstance(name, str)} if isinstance(granted, list) else set()
        return names, _roles(claims.get("wids"), otherwise=set()), False
    return None


def _roles(listed: object, otherwise: set[str] | None) -> set[str] | None:
    """The directory roles by name. One that is neither known to help nor known not to makes it unknown."""
    if not isinstance(listed, list) or not listed:
        return otherwise
    ids = {str(one).lower() for one in listed}
    if not ids <= ROLES_OF_NO_USE | ROLE_NAMES.keys():
        return None
    return {ROLE_NAMES[one] for one in ids if one in ROLE_NAMES}
