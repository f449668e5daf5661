# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands around an application in Graph: its service principal, and the policies on its certificates. Read-only.

All of it is optional: an identity that may not read it goes on without.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.limits import LifetimeLimit, parse_duration
from .._core.model import Application, ServicePrincipal
from .._core.times import parse_iso_or_none
from .applications import PAGE_SIZE, ParseCertificate, is_id, parse_credential
from .graph import GraphClient, Json

PRINCIPAL_FIELDS = "id,appId,accountEnabled,keyCredentials,tokenEncryptionKeyId"
DEFAULT_POLICY = "/policies/defaultAppManagementPolicy"

Limits = tuple[LifetimeLimit, ...]


@dataclass(frozen=True)
class Surroundings:
    """None stands for what may not be read, or for a service principal that does not exist."""

    limits: Limits | None = None
    service_principal: ServicePrincipal | None = None


def read_surroundings(graph: GraphClient, application: Application, parse: ParseCertificate) -> Surroundings:
    """Policies and service principal of one application, in one round trip. Raises ServiceError."""
    (own_status, own), (default_status, default), (status, principal) = graph.batch(
        [
            f"/applications/{application.object_id}/appManagementPolicies",
            DEFAULT_POLICY,
            f"/servicePrincipals(appId='{application.app_id}')?$select={PRINCIPAL_FIELDS}",
        ]
    )
    return Surroundings(
        _deciding(own if own_status == 200 else None, default if default_status == 200 else None),
        parse_service_principal(principal, parse) if status == 200 else None,
    )


def read_lifetime_limits(graph: GraphClient, object_id: str) -> Limits | None:
    """The certificate lifetimes that policies allow an application; None when they may not be read."""
    answers = graph.batch([f"/applications/{object_id}/appManagementPolicies", DEFAULT_POLICY])
    own, default = (body if status == 200 else None for status, body in answers)
    return _deciding(own, default)


def read_default_limits(graph: GraphClient) -> Limits:
    """Those of the tenant's default policy: what holds for every application that has no policy of its own."""
    return _limits(*_parts_of_default(graph.get(DEFAULT_POLICY)))


def read_service_principal(graph: GraphClient, app_id: str, parse: ParseCertificate) -> ServicePrincipal | None:
    """The application's service principal in this tenant. Raises ServiceError, also when there is none."""
    return parse_service_principal(graph.get(f"/servicePrincipals(appId='{app_id}')?$select={PRINCIPAL_FIELDS}"), parse)


def list_service_principals(graph: GraphClient, parse: ParseCertificate) -> t.Iterator[ServicePrincipal]:
    """Every service principal of the tenant, page by page: fewer requests than one for each application."""
    for page in graph.pages(f"/servicePrincipals?$select={PRINCIPAL_FIELDS}&$top={PAGE_SIZE}"):
        for item in page:
            found = parse_service_principal(item, parse)
            if found:
                yield found


def parse_service_principal(body: Json, parse: ParseCertificate) -> ServicePrincipal | None:
    """Graph's object in our words, or None where it is none: nothing is ever written that rests on it."""
    object_id, app_id, enabled = body.get("id"), body.get("appId"), body.get("accountEnabled")
    if not is_id(object_id) or not is_id(app_id):
        return None
    encryption = body.get("tokenEncryptionKeyId")
    return ServicePrincipal(
        object_id=str(object_id),
        app_id=str(app_id),
        enabled=enabled if isinstance(enabled, bool) else None,
        key_credentials=tuple(
            parse_credential(entry, parse) for entry in _objects(body.get("keyCredentials")) if entry.get("keyId")
        ),
        token_encryption_key_id=encryption if isinstance(encryption, str) else None,
    )


def _deciding(own: Json | None, default: Json | None) -> Limits | None:
    """A policy of the application replaces the tenant's default."""
    policies = _objects(own.get("value")) if own else []
    if policies:
        return tuple(limit for policy in policies for limit in _limits(policy, policy.get("restrictions")))
    return _limits(*_parts_of_default(default)) if default else None


def _parts_of_default(policy: Json) -> tuple[Json, object]:
    return policy, policy.get("applicationRestrictions")


def _limits(policy: Json, restrictions: object) -> Limits:
    if not policy.get("isEnabled") or not isinstance(restrictions, dict):
        return ()
    return tuple(
        LifetimeLimit(str(policy.get("id")), span, parse_iso_or_none(entry.get("restrictForAppsCreatedAfterDateTime")))
        for entry in _objects(restrictions.get("keyCredentials"))
        if entry.get("restrictionType") == "asymmetricKeyLifetime" and entry.get("state") != "disabled"
        if (span := parse_duration(str(entry.get("maxLifetime"))))
    )


def _objects(items: object) -> list[Json]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
