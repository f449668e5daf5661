# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of an application and of each of its certificates, with findings. Pure: facts in, a verdict out."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass, field, replace

from .diagnosis import Diagnosis
from .limits import LifetimeLimit, Rule, UnknownRule, lifetime, shortest_limit, unknown_rule
from .model import BLUEPRINT, Application, Certificate, KeyCredential, ServicePrincipal, StoreContents, Version
from .policy import RenewalPolicy
from .privileges import BLUEPRINT_REMEDY
from .status import (
    CHECKS,
    Finding,
    SignIn,
    Snapshot,
    best_status,
    certificate_status,
    is_propagating,
    next_renewal,
    next_renewal_of,
)
from .take_over import in_use
from .times import format_days


@dataclass(frozen=True)
class Facts:
    """What was read. `trouble` says why the application could not be read or signed in to.

    `limits` is None where management policies were not, or may not be, read. `keyless` are versions of the key store
    whose private key is not there, by thumbprint, each with the reason. `directory` says whether the application itself
    was read: `read`, `refused` (asked for in vain, and `trouble` says why) or `not_asked`.
    """

    now: dt.datetime
    application: Application | None
    store: StoreContents | None
    trouble: Diagnosis | None = None
    reads_as_itself: bool = False
    sign_in: SignIn | None = None
    claim: str | None = None
    app_id: str = ""
    object_id: str = ""
    limits: tuple[Rule, ...] | None = None
    service_principal: ServicePrincipal | None = None
    keyless: t.Mapping[str, str] = field(default_factory=dict)
    directory: str = "read"

    @property
    def limit(self) -> LifetimeLimit | None:
        """The lifetime limit that decides for this application."""
        return shortest_limit(self.limits or (), self.application) if self.application else None

    @property
    def unknown_rule(self) -> UnknownRule | None:
        """A rule of a policy for this application that cannot be told."""
        return unknown_rule(self.limits or (), self.application) if self.application else None

    @property
    def current(self) -> Version | None:
        return self.store.current if self.store else None

    @property
    def is_cut_off(self) -> bool:
        """Whether consumers find no key, or an old one, by the link `current` of the key store."""
        return any(link.name == "current" for link in (self.store.wrong_links if self.store else ()))


@dataclass(frozen=True)
class Verdict:
    """One word for the application, every finding, and when the next renewal falls due."""

    status: str
    findings: tuple[Finding, ...] = ()
    next_renewal: dt.datetime | None = None


# What a status means and what to do, for those that no renewal check words better.
SENTENCES: dict[str, tuple[str, str]] = {
    "near_expiry": ("The last valid certificate ends within renew_before.", "Renew it."),
    "rotation_due": ("Every valid certificate is older than rotation_period.", "Renew it."),
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


# What says that a certificate is in order: not so without its private key.
_NEEDS_KEY = ("healthy", "near_expiry", "rotation_due", "propagating")


def judge(facts: Facts, policy: RenewalPolicy) -> Verdict:
    """The verdict on one application."""
    facts = _with_what_is_in_use(facts, policy)
    status = _status(facts, policy)
    findings = _findings(facts, policy, status)
    if facts.application and facts.application.kind == BLUEPRINT:
        findings = tuple(_of_a_blueprint(finding) for finding in findings)
    return Verdict(status, findings, _next_renewal(facts, policy))


def _of_a_blueprint(finding: Finding) -> Finding:
    """Nobody reads it as work for a renewal: reports and events show findings, and no kind."""
    message = f"{finding.message} This is an agent identity blueprint, which this collection leaves alone."
    return replace(finding, message=message, remedy=BLUEPRINT_REMEDY)


def _next_renewal(facts: Facts, policy: RenewalPolicy) -> dt.datetime | None:
    """The one rule of listings, reports, inventories and events: the key store's current certificate decides, and
    without one the certificate of the application that falls due last."""
    if facts.current:
        return next_renewal(facts.current.certificate, policy)
    return next_renewal_of(facts.application, policy) if facts.application else None


def _with_what_is_in_use(facts: Facts, policy: RenewalPolicy) -> Facts:
    """What a renewal would take over as current is reported like a current certificate."""
    found = in_use(facts.store, facts.application, facts.now, policy) if facts.store and facts.application else None
    if not facts.store or not found:
        return facts
    return replace(facts, store=replace(facts.store, current=found, successor=None))


def _status(facts: Facts, policy: RenewalPolicy) -> str:
    if facts.application and facts.claim and not _has(facts.application, facts.claim):
        return "unregistered"
    if facts.current:
        found = _status_of_current(facts, policy, facts.current)
        is_at_hand = not _is_keyless(facts) and not facts.is_cut_off
        return found if is_at_hand or found not in _NEEDS_KEY else "key_unavailable"
    if facts.application is None:
        empty = "key_unavailable" if facts.is_cut_off else "missing"
        return _status_of_trouble(facts, empty if facts.store is not None else "unknown")
    best = best_status(facts.application, facts.now, policy.renew_before)
    if facts.store is not None and best in ("healthy", "near_expiry"):
        held = not facts.is_cut_off and any(
            entry.holds(version.certificate)
            for entry in facts.application.sign_in_credentials
            for version in facts.store.versions
            if version.thumbprint not in facts.keyless
        )
        return best if held else "key_unavailable"
    return "rotation_due" if best == "healthy" and _is_too_old(facts.application, facts.now, policy) else best


def _is_too_old(application: Application, now: dt.datetime, policy: RenewalPolicy) -> bool:
    """Whether none of its certificates, however long it is valid, is younger than the rotation period."""
    due = next_renewal_of(application, policy) if policy.rotation_period is not None else None
    return due is not None and due <= now


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
    found = [
        *_claim_findings(facts),
        *_link_findings(facts),
        *_renewal_findings(facts, policy),
        *_wrong_object_findings(facts),
        *_policy_findings(facts),
    ]
    named = {finding.reason for finding in found}
    is_told = status == "key_unavailable" and facts.is_cut_off and not _is_keyless(facts)
    if status not in ("healthy", *named) and not is_told:
        found.insert(0, _finding_of_status(facts, status))
    return tuple(found)


def _is_keyless(facts: Facts) -> bool:
    return facts.current is not None and facts.current.thumbprint in facts.keyless


def _link_findings(facts: Facts) -> list[Finding]:
    """Links of the key store that are missing or wrong: every key is there, and consumers do not find the right one."""
    links = facts.store.wrong_links if facts.store else ()
    return [Finding("wrong_link", link.problem, link.remedy) for link in links]


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
        if status == "key_unavailable" and facts.current:
            message = f"The current certificate has no private key here. {facts.keyless[facts.current.thumbprint]}"
            remedy = "Restore the file, or renew by an identity that may write the application: a new key pair is made."
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


def _wrong_object_findings(facts: Facts) -> list[Finding]:
    """Certificates of the key store, or the one claimed to be in use, on the service principal alone."""
    application, principal = facts.application, facts.service_principal
    if not application or not principal:
        return []
    versions = facts.store.versions if facts.store else ()
    wanted = [version.certificate for version in versions if not version.record.retired]
    found = [misplaced(application, principal, certificate) for certificate in wanted]
    if facts.claim and not _has(application, facts.claim):
        claim = facts.claim
        found += [
            _on_the_wrong_object(principal, entry)
            for entry in principal.key_credentials
            if _holds(entry, claim) and not any(entry.holds(certificate) for certificate in wanted)
        ]
    return [finding for finding in found if finding]


def misplaced(application: Application, principal: ServicePrincipal, certificate: Certificate) -> Finding | None:
    """The finding on a certificate that the service principal has and the application has not."""
    entry = principal.find_credential(certificate)
    return _on_the_wrong_object(principal, entry) if entry and not application.find_credential(certificate) else None


def _on_the_wrong_object(principal: ServicePrincipal, entry: KeyCredential) -> Finding:
    return Finding(
        "wrong_object",
        f"Certificate {entry.thumbprint or 'without a thumbprint'} is not on the application but on its enterprise "
        f"application (service principal), object ID {principal.object_id}, key ID {entry.key_id}: it was written to "
        "the wrong object, and works in this tenant at most.",
        "Register it on the application as well (application_certificate), or renew with force; then have the entry on "
        "the service principal removed by its key ID. This collection never writes there.",
    )


def _policy_findings(facts: Facts) -> list[Finding]:
    """Certificates in use that the service would not take any more."""
    limit, application = facts.limit, facts.application
    if not limit or not application:
        return []
    valid = (entry for entry in application.sign_in_credentials if entry.not_after and entry.not_after > facts.now)
    return [
        Finding(
            "policy_exceeded",
            f"Certificate {entry.thumbprint or entry.key_id} lives {format_days(span)} days, and management policy "
            f"{limit.policy_id} allows {limit.days}. It goes on working; another one as long would be refused.",
            f"Renew with a validity of {limit.days} days at most, or with on_policy_limit 'clamp'.",
        )
        for entry in valid
        if limit.is_exceeded_by(entry) and (span := lifetime(entry))
    ]


def normal_thumbprint(text: str) -> str:
    """A thumbprint as upper-case hex, however it was written."""
    return text.replace(":", "").replace(" ", "").upper()


def _has(application: Application, claim: str) -> bool:
    return any(_holds(entry, claim) for entry in application.sign_in_credentials)


def _holds(entry: KeyCredential, claim: str) -> bool:
    return _is(entry.certificate, claim) if entry.certificate else entry.thumbprint == claim


def _is(certificate: Certificate, claim: str) -> bool:
    return claim in (certificate.thumbprint, certificate.thumbprint_sha256)
