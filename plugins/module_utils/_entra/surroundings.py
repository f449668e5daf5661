# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands around an application in Graph: its service principal, and the policies on its certificates. Read-only.

All of it is optional: an identity that may not read it goes on without.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.limits import LifetimeLimit, Rule, UnknownRule, parse_duration
from .._core.model import Application, ServicePrincipal
from .._core.times import parse_iso_or_none
from .applications import PAGE_SIZE, ParseCertificate, is_id, parse_credential
from .graph import GraphClient, Json, is_passing

PRINCIPAL_FIELDS = "id,appId,accountEnabled,keyCredentials,tokenEncryptionKeyId"
DEFAULT_POLICY = "/policies/defaultAppManagementPolicy"

EVERYTHING = ("the management policies", "the service principal")

Limits = tuple[Rule, ...]
Answered = tuple[int, Json]


@dataclass(frozen=True)
class Surroundings:
    """None stands for what may not be read, or for a service principal that does not exist.

    `unread` names what could have been read, and was not because of trouble that stayed.
    """

    limits: Limits | None = None
    service_principal: ServicePrincipal | None = None
    unread: tuple[str, ...] = ()


def read_surroundings(graph: GraphClient, application: Application, parse: ParseCertificate) -> Surroundings:
    """Policies and service principal of one application, in one round trip. Raises ServiceError."""
    own, default, (status, principal) = graph.batch(
        [
            f"/applications/{application.object_id}/appManagementPolicies",
            DEFAULT_POLICY,
            f"/servicePrincipals(appId='{application.app_id}')?$select={PRINCIPAL_FIELDS}",
        ]
    )
    limits = _deciding(own, default)
    troubled = (any(is_trouble(rule) for rule in limits or ()), is_passing(status))
    return Surroundings(
        limits,
        parse_service_principal(principal, parse) if status == 200 else None,
        tuple(what for what, is_troubled in zip(EVERYTHING, troubled) if is_troubled),
    )


def read_lifetime_limits(graph: GraphClient, object_id: str) -> Limits | None:
    """The certificate lifetimes that policies allow an application; None when they may not be read."""
    own, default = graph.batch([f"/applications/{object_id}/appManagementPolicies", DEFAULT_POLICY])
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


def _deciding(own: Answered, default: Answered) -> Limits | None:
    """A policy of the application replaces the tenant's default. What could not be read is no policy that is absent."""
    if is_passing(own[0]):
        return (unread(f"Graph answered {own[0]}"),)
    policies = _objects(own[1].get("value")) if own[0] == 200 else []
    if policies:
        return tuple(limit for policy in policies for limit in _limits(policy, policy.get("restrictions")))
    if is_passing(default[0]):
        return (unread(f"Graph answered {default[0]}"),)
    return _limits(*_parts_of_default(default[1])) if default[0] == 200 and default[1] else None


def unread(why: str) -> UnknownRule:
    """What stands for policies that could not be read because of trouble that stayed."""
    return UnknownRule(f"The management policies could not be read just now ({why}).")


def is_trouble(rule: Rule) -> bool:
    """Whether a rule is unknown because of that, and not because Graph has no name for it."""
    return isinstance(rule, UnknownRule) and rule.policy_id is None


def _parts_of_default(policy: Json) -> tuple[Json, object]:
    return policy, policy.get("applicationRestrictions")


def _limits(policy: Json, restrictions: object) -> Limits:
    if not policy.get("isEnabled") or not isinstance(restrictions, dict):
        return ()
    entries = _objects(restrictions.get("keyCredentials"))
    return tuple(_rule(str(policy.get("id")), entry) for entry in entries if entry.get("state") != "disabled")


def _rule(policy_id: str, entry: Json) -> Rule:
    """A lifetime; or a rule that v1.0 shows without its name, as one about trusted authorities, or with odd values."""
    since = parse_iso_or_none(entry.get("restrictForAppsCreatedAfterDateTime"))
    kind, span = entry.get("restrictionType"), parse_duration(str(entry.get("maxLifetime")))
    if kind == "asymmetricKeyLifetime" and span:
        return LifetimeLimit(policy_id, span, since)
    if kind == "asymmetricKeyLifetime":
        why = f"Management policy {policy_id} limits how long certificates live, in words that cannot be read here."
    else:
        why = (
            f"Management policy {policy_id} has a rule for certificates that Graph shows without its name; it may be "
            "one that takes only certificates of trusted authorities."
        )
    return UnknownRule(why, policy_id, since)


def _objects(items: object) -> list[Json]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
