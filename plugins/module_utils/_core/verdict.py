# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of an application and of each of its certificates, with findings. Pure: facts in, a verdict out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from .diagnosis import Diagnosis
from .model import Application, Certificate, StoreContents, Version
from .policy import RenewalPolicy
from .status import (
    CHECKS,
    Finding,
    SignIn,
    Snapshot,
    best_status,
    certificate_status,
    is_propagating,
    next_renewal,
)


@dataclass(frozen=True)
class Facts:
    """What was read. `trouble` says why the application could not be read or signed in to."""

    now: dt.datetime
    application: Application | None
    store: StoreContents | None
    trouble: Diagnosis | None = None
    reads_as_itself: bool = False
    sign_in: SignIn | None = None
    claim: str | None = None
    app_id: str = ""
    object_id: str = ""

    @property
    def current(self) -> Version | None:
        return self.store.current if self.store else None


@dataclass(frozen=True)
class Verdict:
    """One word for the application, every finding, and when the next renewal falls due."""

    status: str
    findings: tuple[Finding, ...] = ()
    next_renewal: dt.datetime | None = None


# What a status means and what to do, for those that no renewal check words better.
SENTENCES: dict[str, tuple[str, str]] = {
    "near_expiry": ("The last valid certificate ends within renew_before.", "Renew it."),
    "expired": (
        "Every certificate for sign-in has expired.",
        "Renew with an identity that may write the application (role recover in an emergency).",
    ),
    "not_yet_valid": ("The only certificates left start later.", "Check their dates, or renew."),
    "missing": ("The application has no certificate for sign-in.", "Renew to make the first one, if it needs one."),
    "key_unavailable": (
        "A certificate is registered and valid, but its private key is not in this key store.",
        "Take the key pair over with adopt_path, or renew to make a new one.",
    ),
    "propagating": ("The certificate was sent a short while ago and is not visible yet.", "Ask again in some minutes."),
    "unregistered": (
        "Three reads do not show the current certificate: a renewal was reported and never applied.",
        "Renew: the certificate is registered again, or replaced, and proven.",
    ),
}


def judge(facts: Facts, policy: RenewalPolicy) -> Verdict:
    """The verdict on one application."""
    status = _status(facts, policy)
    findings = _findings(facts, policy, status)
    current = facts.current
    return Verdict(status, findings, next_renewal(current.certificate, policy) if current else None)


def _status(facts: Facts, policy: RenewalPolicy) -> str:
    if facts.application and facts.claim and not _has(facts.application, facts.claim):
        return "unregistered"
    if facts.current:
        return _status_of_current(facts, policy, facts.current)
    if facts.application is None:
        return _status_of_trouble(facts, "missing" if facts.store is not None else "unknown")
    best = best_status(facts.application, facts.now, policy.renew_before)
    if facts.store is not None and best in ("healthy", "near_expiry"):
        return "key_unavailable"
    return best


def _status_of_current(facts: Facts, policy: RenewalPolicy, current: Version) -> str:
    by_date = _status_by_dates(facts, policy, current)
    if facts.sign_in and facts.sign_in.diagnosis:
        return _status_of_refusal(facts, policy, current, facts.sign_in.diagnosis)
    if facts.application is None:
        if by_date == "expired":
            return "expired"
        # Signed in as itself and refused only the read: the sign-in itself is the evidence.
        may_not_read = facts.reads_as_itself and facts.trouble and facts.trouble.code == "permission_denied"
        return (
            by_date
            if may_not_read or (facts.sign_in and facts.sign_in.accepted)
            else _status_of_trouble(facts, by_date)
        )
    if facts.application.find_credential(current.certificate):
        return "unreachable" if _is_network(facts.trouble) and by_date != "expired" else by_date
    if facts.sign_in and facts.sign_in.accepted:
        return by_date
    return "propagating" if is_propagating(current, facts.now, policy.propagation) else "unregistered"


def _status_of_refusal(facts: Facts, policy: RenewalPolicy, current: Version, refusal: Diagnosis) -> str:
    """The current key was refused just now: not visible yet, not there, too old, or there and refused."""
    shown = facts.application and facts.application.find_credential(current.certificate)
    may_be_under_way = refusal.code == "certificate_not_registered" and not shown
    if may_be_under_way and is_propagating(current, facts.now, policy.propagation):
        return "propagating"
    if facts.application and not shown:
        return "unregistered"
    return "expired" if _status_by_dates(facts, policy, current) == "expired" else "rejected"


def _status_by_dates(facts: Facts, policy: RenewalPolicy, current: Version) -> str:
    found = certificate_status(current.certificate, facts.now, policy.renew_before)
    period = policy.rotation_period
    if found == "healthy" and period is not None and facts.now - current.certificate.not_before >= period:
        return "rotation_due"
    return found


def _status_of_trouble(facts: Facts, otherwise: str) -> str:
    """Nothing could be read: was it the network, the key, or the permission?"""
    trouble = facts.trouble
    if trouble is None:
        return otherwise
    if _is_network(trouble):
        return "unreachable"
    if facts.reads_as_itself and trouble.blames_key:
        return "expired" if trouble.code == "certificate_expired" else "rejected"
    return "unknown"


def _is_network(trouble: Diagnosis | None) -> bool:
    return trouble is not None and trouble.code in (
        "network_refused",
        "dns",
        "tls",
        "proxy",
        "timeout",
        "service_unavailable",
        "throttled",
    )


def _findings(facts: Facts, policy: RenewalPolicy, status: str) -> tuple[Finding, ...]:
    found = [*_claim_findings(facts), *_renewal_findings(facts, policy)]
    named = {finding.reason for finding in found}
    if status not in ("healthy", *named):
        found.insert(0, _finding_of_status(facts, status))
    return tuple(found)


def _renewal_findings(facts: Facts, policy: RenewalPolicy) -> list[Finding]:
    """What the renewal checks say about the key store, in their order."""
    if not facts.store:
        return []
    snapshot = Snapshot(facts.now, facts.store, facts.application)
    found: dict[str, Finding] = {}
    for finding in (check(snapshot, policy) for check in CHECKS):
        if finding and finding.reason not in ("missing", "forced"):
            found.setdefault(finding.reason, finding)
    return list(found.values())


def _finding_of_status(facts: Facts, status: str) -> Finding:
    refusal = facts.sign_in.diagnosis if facts.sign_in else None
    diagnosis = refusal or facts.trouble
    if status in SENTENCES:
        message, remedy = SENTENCES[status]
        if status == "unregistered":
            signed_in = f"A sign-in with it was refused: {refusal.cause}" if refusal else "No sign-in was made."
            message = f"{message} {signed_in}"
        return Finding(status, message, remedy)
    if diagnosis:
        return Finding(status, f"{diagnosis.cause} ({diagnosis.code})", diagnosis.remedy)
    return Finding(status, f"The status could not be determined: {status}.", "See the other findings.")


def _claim_findings(facts: Facts) -> list[Finding]:
    """What another system claims is in use, compared with what is."""
    if not facts.claim or not facts.application:
        return []
    if not _has(facts.application, facts.claim):
        return [
            Finding(
                "unregistered",
                f"Certificate {facts.claim} is claimed to be in use (expected_thumbprint), but the application "
                "does not have it: its renewal was reported and never applied, or it was removed.",
                "Renew, and correct the system that reported it.",
            )
        ]
    current = facts.current
    if current and not _is(current.certificate, facts.claim):
        return [
            Finding(
                "claim_differs",
                f"Certificate {facts.claim} is registered, but the key store's current one is {current.thumbprint}.",
                "Point the consumers at the key store's current certificate.",
            )
        ]
    return []


def normal_thumbprint(text: str) -> str:
    """A thumbprint as upper-case hex, however it was written."""
    return text.replace(":", "").replace(" ", "").upper()


def _has(application: Application, claim: str) -> bool:
    return any(
        _is(entry.certificate, claim) if entry.certificate else entry.thumbprint == claim
        for entry in application.sign_in_credentials
    )


def _is(certificate: Certificate, claim: str) -> bool:
    return claim in (certificate.thumbprint, certificate.thumbprint_sha256)
