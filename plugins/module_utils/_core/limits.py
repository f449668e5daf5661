# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long management policies let a certificate live, and where that cannot be told. Pure.

A policy is asked only when a credential is added or changed: certificates that exist go on working.
"""

from __future__ import annotations

import datetime as dt
import re
import typing as t
from dataclasses import dataclass

from .model import Application, Certificate, KeyCredential, Version
from .policy import RenewalPolicy
from .times import UTC, format_days

_N = r"(\d{1,18})"  # more digits are no number of anything
_DURATION = re.compile(f"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?")
# How often what was asked for is halved where a limit is only known by being refused.
MOST_HALVINGS = 4
_ROUNDING = dt.timedelta(hours=1)
# The service counts an object without a createdDateTime as made then ("Create appManagementPolicy", Important).
_WITHOUT_DATE = dt.datetime(2019, 1, 1, tzinfo=UTC)


def _concerns(created_from: dt.datetime | None, application: Application) -> bool:
    """Rules with a date hold for what was created on or after it."""
    return created_from is None or (application.created or _WITHOUT_DATE) >= created_from


@dataclass(frozen=True)
class LifetimeLimit:
    """The longest lifetime that one policy allows; `created_from` spares the applications that are older."""

    policy_id: str
    span: dt.timedelta
    created_from: dt.datetime | None = None

    @property
    def days(self) -> str:
        return format_days(self.span)

    def concerns(self, application: Application) -> bool:
        return _concerns(self.created_from, application)

    def is_exceeded_by(self, certificate: Certificate | KeyCredential) -> bool | None:
        """Whether the service would refuse it today; None where its dates are not known."""
        span = lifetime(certificate)
        return None if span is None else span > self.span


@dataclass(frozen=True)
class UnknownRule:
    """A rule on certificates that holds and that nobody here can name, or that could not be read: not "no limit"."""

    why: str
    policy_id: str | None = None
    created_from: dt.datetime | None = None

    def concerns(self, application: Application) -> bool:
        return _concerns(self.created_from, application)


Rule = t.Union[LifetimeLimit, UnknownRule]


def shortest_limit(rules: t.Iterable[Rule], application: Application) -> LifetimeLimit | None:
    """The limit that decides for this application, or None."""
    limits = (rule for rule in rules if isinstance(rule, LifetimeLimit) and rule.concerns(application))
    return min(limits, key=lambda limit: limit.span, default=None)


def unknown_rule(rules: t.Iterable[Rule], application: Application) -> UnknownRule | None:
    """What may limit this application besides, and cannot be told; None where everything is known."""
    return next((rule for rule in rules if isinstance(rule, UnknownRule) and rule.concerns(application)), None)


def lifetime(certificate: Certificate | KeyCredential) -> dt.timedelta | None:
    if not certificate.not_before or not certificate.not_after:
        return None
    return certificate.not_after - certificate.not_before


def shorter_life(version: Version, policy: RenewalPolicy) -> dt.timedelta | None:
    """Half of what a refused certificate lives, or None when what was asked for has been halved often enough."""
    asked = _days(version.record.validity) or policy.validity
    half = (lifetime(version.certificate) or dt.timedelta()) / 2
    return half if half * 2**MOST_HALVINGS >= asked - _ROUNDING else None


def _days(text: str | None) -> dt.timedelta | None:
    try:
        return dt.timedelta(days=float(text or ""))
    except (ValueError, OverflowError):
        return None


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
