# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of a directory, each immutable: a write replaces one by its successor."""

from __future__ import annotations

from dataclasses import dataclass, replace

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


@dataclass(frozen=True)
class Application:
    """An application object, the registration."""

    object_id: str
    app_id: str
    display_name: str
    created: str
    key_credentials: tuple = ()
    password_credentials: tuple = ()
    owners: tuple = ()  # object ids of service principals
    token_encryption_key_id: str | None = None
    required_resource_access: tuple = ()
    sign_in_audience: str = "AzureADMyOrg"
    identifier_uris: tuple = ()
    tags: tuple = ()
    notes: str | None = None
    deleted: str | None = None
    policy: Policy | None = None
    public_client: bool = False  # "allow public client flows"
    federated_credentials: tuple = ()
    is_disabled: bool | None = None
    disabled_by_microsoft: str | None = None
    is_blueprint: bool = False  # of agent identities (facts section 12 V)
    publisher_domain: str | None = None

    def with_keys(self, credentials):
        return replace(self, key_credentials=tuple(credentials))

    def key(self, key_id):
        """The entry of this keyId, or None. GUIDs compare in any case."""
        wanted = str(key_id).lower()
        return next((entry for entry in self.key_credentials if entry.key_id.lower() == wanted), None)

    def without_the_change(self, before, after):
        """This state with one earlier change of its key credentials undone: what it added goes, the rest returns.

        What it removed may be there already, as when the change never reached the directory.
        """
        old, new, now = ({entry.key_id: entry for entry in state.key_credentials} for state in (before, after, self))
        kept = [entry for key_id, entry in now.items() if key_id in old or key_id not in new]
        return self.with_keys([*kept, *(entry for key_id, entry in old.items() if key_id not in {**new, **now})])


@dataclass(frozen=True)
class FederatedCredential:
    """Whose tokens sign the application in (facts section 12)."""

    issuer: str
    subject: str
    audiences: tuple = ("api://AzureADTokenExchange",)


@dataclass(frozen=True)
class ServicePrincipal:
    """An application's identity in the tenant: what is enabled, and what holds permissions."""

    object_id: str
    app_id: str
    display_name: str
    enabled: bool = True
    assignments: tuple = ()
    key_credentials: tuple = ()
    app_roles: tuple = ()
    tags: tuple = ()
    deleted: str | None = None
    is_disabled: bool | None = None
    disabled_by_microsoft: str | None = None

    def without_the_change(self, before, after):
        """The state before a change; one that was just made stays."""
        return before or self

    def role_id(self, value):
        return next((role.id for role in self.app_roles if role.value == value), None)

    def role_value(self, role_id):
        return next((role.value for role in self.app_roles if role.id == role_id), None)


@dataclass(frozen=True)
class AppRole:
    """An application permission that a resource offers."""

    id: str
    value: str


@dataclass(frozen=True)
class Assignment:
    """A granted application permission."""

    id: str
    principal_id: str
    resource_id: str
    app_role_id: str
    created: str


@dataclass(frozen=True)
class Policy:
    """An app management policy that limits the lifetime of certificates (facts section 11)."""

    id: str = "00000000-0000-0000-0000-000000000000"
    display_name: str = "Default app management tenant policy"
    enabled: bool = False
    max_lifetime: str | None = None
    created_after: str | None = None


class Directory:
    """Every object's history, by its id, with the indexes that a tenant of 10,000 applications needs."""

    def __init__(self):
        self.applications = {}
        self.service_principals = {}
        self._object_ids = {}
        self._principal_ids = {}

    def add_application(self, application, history):
        self.applications[application.object_id] = history
        self._object_ids[application.app_id.lower()] = application.object_id

    def add_service_principal(self, principal, history):
        self.service_principals[principal.object_id] = history
        self._principal_ids[principal.app_id.lower()] = principal.object_id

    def find(self, reference):
        """An application's history by object id, app id or display name, or None."""
        reference = str(reference)
        object_id = self._object_ids.get(reference.lower(), reference.lower())
        if object_id in self.applications:
            return self.applications[object_id]
        named = (one for one in self.applications.values() if one.primary and one.primary.display_name == reference)
        return next(named, None)

    def by_app_id(self, app_id):
        """An application's history by its app id alone, or None."""
        return self.applications.get(self._object_ids.get(app_id.lower()))

    def principal_of(self, app_id):
        """The history of an application's service principal, or None."""
        return self.service_principals.get(self._principal_ids.get(app_id.lower()))
