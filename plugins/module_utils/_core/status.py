# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a certificate or an application stands, and why a renewal acts. Pure: a snapshot in, a finding out."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass

from .diagnosis import Diagnosis
from .model import FROM_OUTSIDE, Application, Certificate, KeyCredential, StoreContents, Version
from .policy import RenewalPolicy
from .times import format_days

STATUSES = (
    "healthy",
    "near_expiry",
    "rotation_due",
    "expired",
    "not_yet_valid",
    "missing",
    "unregistered",
    "propagating",
    "key_unavailable",
    "rejected",
    "unreachable",
    "unknown",
)


@dataclass(frozen=True)
class Finding:
    """One reason to act: a stable word for machines, a sentence and a remedy for people."""

    reason: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Snapshot:
    """Everything a decision rests on, at one moment of the service's clock.

    `application` is None where the directory may not be read; `unreadable` then says why.
    The sign-ins are None where none was made: they are made only where a decision needs one. `still_known` is another
    version that signs in where neither the current one nor its predecessor does. `takes_over`: the current one is
    still to become that.
    """

    now: dt.datetime
    store: StoreContents
    application: Application | None = None
    unreadable: Diagnosis | None = None
    current_sign_in: SignIn | None = None
    predecessor_sign_in: SignIn | None = None
    successor_sign_in: SignIn | None = None
    still_known: Version | None = None
    takes_over: bool = False

    def has_registered(self, version: Version) -> bool:
        """Whether the application has this certificate, as far as the directory or a sign-in tells."""
        return bool(self.application and self.application.find_credential(version.certificate))


@dataclass(frozen=True)
class SignIn:
    """What one sign-in with a key of the store came to: accepted, or refused with a diagnosis."""

    diagnosis: Diagnosis | None = None

    @property
    def accepted(self) -> bool:
        return self.diagnosis is None


def certificate_status(certificate: Certificate | KeyCredential, now: dt.datetime, renew_before: dt.timedelta) -> str:
    """The status of one certificate by its dates alone."""
    if certificate.not_before and certificate.not_before > now:
        return "not_yet_valid"
    if not certificate.not_after:
        return "unknown"
    if certificate.not_after <= now:
        return "expired"
    return "near_expiry" if certificate.not_after - now <= renew_before else "healthy"


def best_status(application: Application, now: dt.datetime, renew_before: dt.timedelta) -> str:
    """The status of an application without a key store: the best of its sign-in certificates."""
    found = {certificate_status(entry, now, renew_before) for entry in application.sign_in_credentials}
    if not found:
        return "missing"
    return next(word for word in ("healthy", "near_expiry", "not_yet_valid", "expired", "unknown") if word in found)


def is_propagating(version: Version, now: dt.datetime, propagation: dt.timedelta) -> bool:
    """Sent a short while ago, and neither the directory nor a sign-in has shown it since."""
    record = version.record
    if record.seen or record.accepted or not record.intent:
        return False
    return now - record.intent < propagation


# --- Why a renewal acts -------------------------------------------------------------------------------------------


def interrupted(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    successor = snapshot.store.successor
    if not successor:
        return None
    if successor.record.stop_after and not successor.record.refused:
        reason = successor.record.finding or "interrupted"
        return Finding(
            reason,
            f"Goes on with certificate {successor.thumbprint}, which a run with stop_after "
            f"'{successor.record.stop_after}' left.",
        )
    if successor.record.origin == FROM_OUTSIDE and not successor.record.intent and not successor.record.refused:
        return _made_by_the_store(snapshot, successor)
    return Finding(
        "interrupted",
        f"An earlier renewal stopped half-way: its certificate {successor.thumbprint} {_how_far(successor)}.",
        "Run application_certificate_renew again: it goes on where the earlier run stopped.",
    )


def _how_far(version: Version) -> str:
    if version.record.refusal:
        return f"was refused when it was sent ({version.record.refusal})"
    return "was refused at sign-in" if version.record.refused else "is unfinished"


def _made_by_the_store(snapshot: Snapshot, version: Version) -> Finding:
    """A rotation that nobody told Entra about: AutoRenew of a vault makes certificates and registers none."""
    where = version.path or version.thumbprint
    if snapshot.has_registered(version):
        return Finding(
            "interrupted",
            f"Version {where} (certificate {version.thumbprint}) is registered, and no run of this collection has "
            "proven it yet.",
            "Renew: it is proven and becomes current.",
        )
    return Finding(
        "unregistered",
        f"Version {where} (certificate {version.thumbprint}) was made by AutoRenew of the vault or by hand, and nobody "
        "registered it: consumers that read the latest version cannot sign in with it.",
        "Renew: this very certificate is registered, proven and becomes current. Turn AutoRenew off in the "
        "certificate's policy.",
    )


def missing(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    if snapshot.store.current:
        return None
    return Finding(
        "missing",
        "The key store holds no certificate.",
        "Renew to make the first one, or take the key pair in use today with adopt_path.",
    )


def unregistered(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    current, sign_in = snapshot.store.current, snapshot.current_sign_in
    if not current or not sign_in or not sign_in.diagnosis or snapshot.has_registered(current):
        return None
    if sign_in.diagnosis.code != "certificate_not_registered":
        return None
    return Finding(
        "unregistered",
        f"Certificate {current.thumbprint} is current in the key store, but the application does not have it and "
        "Entra refuses it: a renewal was reported and never applied, or the certificate was removed.",
        "Renew: the certificate is registered again, or replaced, and proven.",
    )


def expired(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    current = snapshot.store.current
    if current and current.certificate.not_after <= snapshot.now:
        return Finding(
            "expired",
            f"Certificate {current.thumbprint} expired on {_day(current.certificate.not_after)}.",
            "Renew with an identity that may write the application: the expired key cannot sign in any more.",
        )
    return None


def near_expiry(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    current = snapshot.store.current
    if current and dt.timedelta() < current.certificate.not_after - snapshot.now <= policy.renew_before:
        return Finding(
            "near_expiry",
            f"Certificate {current.thumbprint} expires on {_day(current.certificate.not_after)}, "
            f"within {format_days(policy.renew_before)} days.",
            "Renew it.",
        )
    return None


def rotation_due(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    current, period = snapshot.store.current, policy.rotation_period
    if current and period is not None and snapshot.now - current.certificate.not_before >= period:
        return Finding(
            "rotation_due",
            f"Certificate {current.thumbprint} started on {_day(current.certificate.not_before)}, "
            f"{format_days(period)} days ago or more.",
            "Renew it.",
        )
    return None


def forced(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    return Finding("forced", "A new certificate was asked for (force).") if policy.force else None


Check = t.Callable[[Snapshot, RenewalPolicy], t.Optional[Finding]]

# Read from top to bottom: the first finding is the one we act on and report.
CHECKS: tuple[Check, ...] = (
    interrupted,  # an earlier run stopped before promoting its key: resume or replace it
    missing,  # nothing to renew yet: make the first one
    unregistered,  # reported as renewed, but the application does not have it
    expired,  # sign-in is already broken
    near_expiry,  # the ordinary case
    rotation_due,  # valid for long, but older than the user wants
    forced,  # asked for
)


def assess(snapshot: Snapshot, policy: RenewalPolicy) -> Finding | None:
    """Why a renewal acts, or None when nothing is due, or when all that may be done is to retire."""
    if policy.retires_only:
        return None
    return next((finding for check in CHECKS if (finding := check(snapshot, policy))), None)


def next_renewal(certificate: Certificate, policy: RenewalPolicy) -> dt.datetime:
    """When the next renewal falls due."""
    return due_of(certificate.not_before, certificate.not_after, policy)


def next_renewal_of(application: Application, policy: RenewalPolicy) -> dt.datetime | None:
    """The same without a key store: when the last of its sign-in certificates falls due. None without one."""
    dues = [
        due_of(entry.not_before, entry.not_after, policy)
        for entry in application.sign_in_credentials
        if entry.not_before and entry.not_after
    ]
    return max(dues, default=None)


def due_of(not_before: dt.datetime, not_after: dt.datetime, policy: RenewalPolicy) -> dt.datetime:
    """When a certificate with these dates falls due: near its end, or grown too old."""
    due = not_after - policy.renew_before
    return due if policy.rotation_period is None else min(due, not_before + policy.rotation_period)


def _day(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
