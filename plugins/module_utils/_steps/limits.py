# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifetimes that management policies allow, read before a certificate is made."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

from .._core.diagnosis import explain
from .._core.errors import ServiceError, Unsafe
from .._core.model import Application
from .._core.policy import RenewalPolicy
from .._entra.applications import read_lifetime_limits
from .connection import Connection

_N = r"(\d{1,18})"  # more digits are no number of anything
_DURATION = re.compile(f"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?")
# The service compares whole lifetimes; a minute less is never too much.
SLACK = dt.timedelta(minutes=1)


def fit_to_limits(connection: Connection, application: Application, policy: RenewalPolicy) -> RenewalPolicy:
    """The policy, with its validity lowered where that is wanted. Callers that may not read policies go on."""
    try:
        found = read_lifetime_limits(connection.graph, application.object_id)
    except ServiceError:
        return policy
    limits = [(policy_id, span) for policy_id, text in found if (span := parse_duration(text))]
    if not limits:
        return policy
    policy_id, shortest = min(limits, key=lambda limit: limit[1])
    if policy.validity <= shortest:
        return policy
    if policy.on_policy_limit == "clamp" and policy.renew_before < shortest - SLACK:
        connection.warn(f"validity is lowered to {_days(shortest)} days, the limit of management policy {policy_id}.")
        return dataclasses.replace(policy, validity=shortest - SLACK)
    diagnosis = explain("policy_refused", "", {"policy_id": policy_id, "limit_days": _days(shortest)})
    raise Unsafe(
        f"validity is {_days(policy.validity)} days, but management policy {policy_id} allows certificates of "
        f"application {application.display_name} to live {_days(shortest)} days at most. Nothing was changed. "
        f"Lower validity (and renew_before, which is {_days(policy.renew_before)}), or set on_policy_limit to 'clamp'.",
        diagnosis,
    )


def parse_duration(text: str) -> dt.timedelta | None:
    """An ISO 8601 duration such as P180D or P4DT12H30M5S; a year counts 365 days, a month 30."""
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return dt.timedelta(
            days=years * 365 + months * 30 + weeks * 7 + days, hours=hours, minutes=minutes, seconds=seconds
        )
    except OverflowError:
        return None  # longer than any certificate lives


def _days(span: dt.timedelta) -> str:
    return f"{span.total_seconds() / 86400:g}"
