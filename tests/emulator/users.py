# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""People: their directory roles, and what those leave of the permissions that a client asks for (facts section 10)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

# Template ids: "Microsoft Entra built-in roles" (V).
DIRECTORY_ROLES = {
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Application Developer": "cf1c38e5-3621-4004-a7cb-879624dced7c",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
}
# Every member carries this one in `wids`.
MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"

WRITES_APPLICATIONS = {"Application Administrator", "Cloud Application Administrator", "Global Administrator"}
GRANTS_GRAPH_PERMISSIONS = {"Privileged Role Administrator", "Global Administrator"}
GRANTS_PERMISSIONS = WRITES_APPLICATIONS | GRANTS_GRAPH_PERMISSIONS
READS_POLICIES = WRITES_APPLICATIONS | {"Global Reader", "Security Administrator"}  # 10 U
READS = {"Application.Read.All", "Directory.Read.All"}


@dataclass(frozen=True)
class User:
    """A member of the tenant who can sign in."""

    object_id: str
    name: str
    directory_roles: frozenset

    @classmethod
    def named(cls, name, directory_roles=()):
        unknown = sorted(set(directory_roles) - set(DIRECTORY_ROLES))
        if unknown:
            raise ValueError(f"Unknown directory roles: {', '.join(unknown)}. Known: {', '.join(DIRECTORY_ROLES)}.")
        return cls(str(uuid.uuid4()), name, frozenset(directory_roles))

    @property
    def wids(self):
        return [*(DIRECTORY_ROLES[role] for role in sorted(self.directory_roles)), MEMBER]

    def has_any(self, roles):
        return bool(self.directory_roles & roles)


def permissions(user, scopes):
    """What a delegated token may do: what the client asked for, as far as the person may do it, by our role names."""
    granted = set(scopes)
    allowed = granted & READS  # 10: any member reads registrations
    if "Application.ReadWrite.All" in granted:
        # Who is no administrator may still write what they own: the service principal rule of OwnedBy, for a person.
        allowed.add(
            "Application.ReadWrite.All" if user.has_any(WRITES_APPLICATIONS) else "Application.ReadWrite.OwnedBy"
        )
    if "AppRoleAssignment.ReadWrite.All" in granted and user.has_any(GRANTS_PERMISSIONS):
        allowed.add("AppRoleAssignment.ReadWrite.All")
    if "User.Read" in granted:
        allowed.add("Organization.Read.All")  # 10 U
    if granted & {"Policy.Read.All", "Policy.Read.ApplicationConfiguration"} and user.has_any(READS_POLICIES):
        allowed.add("Policy.Read.All")
    return allowed
