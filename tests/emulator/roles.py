# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application permissions that Microsoft Graph offers, and which operation needs which (facts section 10)."""

from __future__ import annotations

import uuid

from .model import AppRole

KNOWN_IDS = {
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
}
OTHER_ROLES = (
    "Directory.Read.All",
    "Organization.Read.All",
    "Policy.Read.All",
    "Policy.Read.ApplicationConfiguration",
    "User.Read.All",
)

ALL_SCOPES = (
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Directory.Read.All",
    "Policy.Read.All",
    "User.Read",
)

READ_APPLICATIONS = {
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Application.ReadWrite.OwnedBy",
    "Directory.Read.All",
}
READ_ORGANIZATION = {"Organization.Read.All", "Directory.Read.All"}
READ_POLICIES = {"Policy.Read.All", "Policy.Read.ApplicationConfiguration"}
WRITE_ASSIGNMENTS = {"AppRoleAssignment.ReadWrite.All"}
READ_ASSIGNMENTS = READ_APPLICATIONS | {"AppRoleAssignment.ReadWrite.All"}


def graph_roles():
    """The appRoles of the Microsoft Graph service principal; ids that no source names are derived from the name."""
    named = {value: uuid.uuid5(uuid.NAMESPACE_URL, value) for value in OTHER_ROLES}
    return tuple(AppRole(str(role_id), value) for value, role_id in {**KNOWN_IDS, **named}.items())
