# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifetimes that management policies allow, read before anything is made or sent."""

from __future__ import annotations

import dataclasses
import datetime as dt

from .._core.diagnosis import explain
from .._core.errors import GraphRefused, ServiceError, Unsafe
from .._core.limits import LifetimeLimit, lifetime, shortest_limit, unknown_rule
from .._core.model import Application, Certificate
from .._core.policy import RenewalPolicy
from .._core.times import format_days
from .._entra.graph import is_passing
from .._entra.surroundings import Limits, read_lifetime_limits, unread
from .connection import Connection

# The service compares whole lifetimes; a minute less is never too much.
SLACK = dt.timedelta(minutes=1)


def find_limit(connection: Connection, application: Application) -> LifetimeLimit | None:
    """The limit that decides for this application. Callers that may not read policies go on without.

    Where a rule holds that cannot be told, that is said: it is not "no limit".
    """
    rules = _read_rules(connection, application) or ()
    unknown = unknown_rule(rules, application)
    if unknown:
        connection.warn(f"{unknown.why} Whether it allows this certificate is not known before it is sent.")
    return shortest_limit(rules, application)


def _read_rules(connection: Connection, application: Application) -> Limits | None:
    try:
        return read_lifetime_limits(connection.graph, application.object_id)
    except GraphRefused as refusal:
        return (unread(refusal.diagnosis.code),) if is_passing(refusal.status) else None
    except ServiceError as failure:
        return (unread(failure.diagnosis.code),)


def fit_to_limit(
    connection: Connection, application: Application, policy: RenewalPolicy, limit: LifetimeLimit
) -> RenewalPolicy:
    """The policy for a new certificate, with its validity lowered where that is wanted. Raises Unsafe."""
    if policy.validity <= limit.span:
        return policy
    early = format_days(policy.renew_before)
    remedy = f"Lower validity (and renew_before, which is {early}), or set on_policy_limit to 'clamp'."
    if policy.on_policy_limit == "clamp":
        shortest = connection.store.shortest_life(limit.span - SLACK)
        if policy.renew_before < shortest:
            connection.warn(
                f"validity is lowered to {limit.days} days, the limit of management policy {limit.policy_id}."
            )
            return dataclasses.replace(policy, validity=limit.span - SLACK)
        remedy = (
            f"One that the key store makes within that may live no longer than {format_days(shortest)} days: lower "
            f"renew_before, which is {early}, below them, else every run would renew again."
        )
    raise _refused(
        f"validity is {format_days(policy.validity)} days, but {_allows(limit, application)} Nothing was changed. "
        + remedy,
        limit,
    )


def refuse_longer(application: Application, certificate: Certificate, limit: LifetimeLimit | None) -> None:
    """A certificate that was brought, or made before the policy was. Raises Unsafe."""
    if limit is None or not limit.is_exceeded_by(certificate):
        return
    raise _refused(
        f"Certificate {certificate.thumbprint} lives {format_days(lifetime(certificate) or dt.timedelta())} days "
        f"(until {certificate.not_after:%Y-%m-%d}), but {_allows(limit, application)} Nothing was changed. Have one "
        "issued that is short enough (certificate_content or certificate_path), or have the policy changed.",
        limit,
    )


def _allows(limit: LifetimeLimit, application: Application) -> str:
    return (
        f"management policy {limit.policy_id} allows certificates of application {application.display_name} to live "
        f"{limit.days} days at most."
    )


def _refused(message: str, limit: LifetimeLimit) -> Unsafe:
    evidence = {"policy_id": limit.policy_id, "limit_days": limit.days}
    return Unsafe(message, explain("policy_refused", "", evidence))
