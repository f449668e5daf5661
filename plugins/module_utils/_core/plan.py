# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a renewal will do, step by step. Pure: a snapshot and a finding in, the steps out.

Check mode prints the plan that the real run executes, so every decision about steps is made here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from .model import FROM_OUTSIDE, STAGES, Certificate, StoreContents, Version
from .policy import RenewalPolicy
from .status import Finding, Snapshot
from .times import format_days

# How far each step takes the certificate: `stop_after` cuts the plan behind that stage.
STAGE_OF = {
    "adopt": 0,
    "roll_back": 0,
    "replace_successor": 0,
    "generate": STAGES.index("generated"),
    "register": STAGES.index("registered"),
    "prove": STAGES.index("proven"),
    "promote": STAGES.index("promoted"),
    "retire": STAGES.index("retired"),
}

GENERATED = "(generated)"


@dataclass(frozen=True)
class Step:
    """One effect. `thumbprint` names the version it acts on; None is the one that `generate` will make."""

    name: str
    detail: str
    thumbprint: str | None = None
    key_id: str | None = None
    deletes_key: bool = False


@dataclass(frozen=True)
class Plan:
    """What is done, in order, and what should be done but cannot."""

    finding: Finding | None = None
    steps: tuple[Step, ...] = ()
    not_retirable: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)


def plan_renewal(
    snapshot: Snapshot, policy: RenewalPolicy, finding: Finding | None, provided: Certificate | None = None
) -> Plan:
    """The steps that answer the finding, then the retirements that are due, cut at `stop_after`."""
    steps = _renewal_steps(snapshot, policy, provided) if finding else ()
    outgoing = _outgoing(snapshot, steps) if finding else ()
    retirements, stuck = _retirements(_as_promoted(snapshot, steps), policy, outgoing)
    last = STAGES.index(policy.stop_after)
    cut = tuple(step for step in (*steps, *retirements) if STAGE_OF[step.name] <= last)
    return Plan(finding, cut, stuck if last >= STAGE_OF["retire"] else ())


def is_resumable(snapshot: Snapshot, policy: RenewalPolicy, version: Version, provided: Certificate | None) -> bool:
    """Whether a half-way renewal can go on with this version: not refused, long enough valid, and as requested."""
    certificate, is_it = version.certificate, True
    if provided:
        is_it = certificate.thumbprint_sha256 == provided.thumbprint_sha256
    # What Graph refused when it was sent is sent again only where somebody brings it again.
    is_refused = version.record.refused and not (provided and version.record.refusal)
    if is_refused or certificate.not_after - snapshot.now <= policy.renew_before:
        return False
    if provided or version.record.origin != "generated":
        return is_it
    is_as_asked = certificate.key_size == policy.key_size and _lives_as_asked(snapshot, policy, version)
    return is_as_asked and not _would_be_refused(snapshot, policy, version)


def _lives_as_asked(snapshot: Snapshot, policy: RenewalPolicy, version: Version) -> bool:
    """Whether a successor was made for the validity that is asked for now. One that others registered is theirs."""
    asked, certificate = version.record.validity, version.certificate
    if asked is None or version != snapshot.store.successor or policy.registered_key_id:
        return True
    return format_days(policy.validity) in (asked, format_days(certificate.not_after - certificate.not_before))


def _would_be_refused(snapshot: Snapshot, policy: RenewalPolicy, version: Version) -> bool:
    """Longer than a management policy allows, and not on the application yet: one that is there goes on working."""
    certificate = version.certificate
    if policy.longest is None or certificate.not_after - certificate.not_before <= policy.longest:
        return False
    return not is_known_registered(snapshot, version)


def is_known_registered(snapshot: Snapshot, version: Version) -> bool:
    """By the directory; by a sign-in; or by the record where the directory may not be read."""
    if snapshot.has_registered(version):
        return True
    if snapshot.store.successor == version and snapshot.successor_sign_in:
        return snapshot.successor_sign_in.accepted
    return snapshot.application is None and version.record.registered is not None


def _renewal_steps(snapshot: Snapshot, policy: RenewalPolicy, provided: Certificate | None) -> tuple[Step, ...]:
    store, lead = snapshot.store, _take_over(snapshot)
    reuse = store.successor
    if reuse and not is_resumable(snapshot, policy, reuse, provided):
        lead.append(Step("replace_successor", _replacing(reuse), reuse.thumbprint, _key_id(snapshot, reuse)))
        reuse = None
    elif not reuse and _current_is_gone(snapshot):
        reuse = store.current
        if way_back := _way_back(snapshot):
            back = way_back.thumbprint
            lead.append(Step("roll_back", f"Certificate {back} still signs in and becomes current at once.", back))
        if reuse and not is_resumable(snapshot, policy, reuse, provided):
            reuse = None
    return (*lead, *_forward(snapshot, policy, reuse))


def _take_over(snapshot: Snapshot) -> list[Step]:
    current = snapshot.store.current
    if not current or not snapshot.takes_over:
        return []
    detail = f"Certificate {current.thumbprint}, in use before, is taken over as current."
    return [Step("adopt", detail, current.thumbprint, _key_id(snapshot, current))]


def _way_back(snapshot: Snapshot) -> Version | None:
    """The version that consumers go back to while the current one is not registered."""
    sign_in = snapshot.predecessor_sign_in
    return snapshot.store.predecessor if sign_in and sign_in.accepted else snapshot.still_known


def _forward(snapshot: Snapshot, policy: RenewalPolicy, version: Version | None) -> tuple[Step, ...]:
    """From the certificate that exists, or from a new one, to promotion."""
    name = version.thumbprint if version else None
    label = name or GENERATED
    steps = []
    if not version:
        steps.append(Step("generate", f"RSA {policy.key_size}, valid {format_days(policy.validity)} days."))
    if not version or not is_known_registered(snapshot, version):
        steps.append(Step("register", f"Certificate {label} is added to the application.", name))
    key_id = _key_id(snapshot, version) if version else None
    steps.append(Step("prove", f"Sign-ins with certificate {label}.", name, key_id))
    steps.append(Step("promote", f"Certificate {label} becomes current in the key store.", name, key_id))
    return tuple(steps)


def _current_is_gone(snapshot: Snapshot) -> bool:
    """The `unregistered` case: absent from the application and refused at sign-in."""
    current, sign_in = snapshot.store.current, snapshot.current_sign_in
    if not current or not sign_in or not sign_in.diagnosis or snapshot.has_registered(current):
        return False
    return sign_in.diagnosis.code == "certificate_not_registered"


def _outgoing(snapshot: Snapshot, steps: tuple[Step, ...]) -> tuple[Version, ...]:
    """The versions that stop being current, or successor, by these steps; an unsent successor is deleted instead."""
    store, acts_on = snapshot.store, {step.name: step.thumbprint for step in steps}
    leaving = [store.current] if store.current else []
    if store.successor and _is_known_by_others(snapshot, store.successor):
        leaving.append(store.successor)
    leaving += [version for version in store.others if version.thumbprint == acts_on.get("roll_back")]
    return tuple(version for version in leaving if version.thumbprint != acts_on.get("promote"))


def was_possibly_sent(version: Version) -> bool:
    """Whether others may know this certificate: sent, handed out by a stop, or in use; or found to be known."""
    record = version.record
    return bool(record.intent or record.stop_after or record.promoted or (record.aside and record.registered))


def _is_known_by_others(snapshot: Snapshot, version: Version) -> bool:
    """The same; and one that its record calls unsent, when the directory or a sign-in says otherwise."""
    if was_possibly_sent(version):
        return True
    is_ours = version.record.aside is not None or (
        version == snapshot.store.successor and version.record.origin != FROM_OUTSIDE
    )
    return is_ours and is_known_registered(snapshot, version)


def _as_promoted(snapshot: Snapshot, steps: tuple[Step, ...]) -> Snapshot:
    """Where the current certificate is promoted once more, its overlap begins anew."""
    current = snapshot.store.current
    if not current or not any(step.name == "promote" and step.thumbprint == current.thumbprint for step in steps):
        return snapshot
    again = replace(current, record=replace(current.record, promoted=snapshot.now))
    return replace(snapshot, store=replace(snapshot.store, current=again))


def _retirements(
    snapshot: Snapshot, policy: RenewalPolicy, outgoing: tuple[Version, ...]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The credentials to remove and the private keys to delete, and a sentence for each that cannot be."""
    steps, stuck = [], []
    staying = (version for version in snapshot.store.others if version not in outgoing)
    for version in (*staying, *outgoing):
        came_back = _has_come_back(snapshot, policy, version)
        if _key_is_due_for_deletion(snapshot, policy, version) and not came_back:
            detail = f"The private key of retired certificate {version.thumbprint} is deleted."
            steps.append(Step("retire", detail, version.thumbprint, version.record.key_id, deletes_key=True))
        elif came_back or _is_due_for_retirement(snapshot, policy, version, outgoing):
            reason = _why_not_retirable(snapshot, version)
            if reason:
                stuck.append(reason)
                continue
            key_id = _key_id(snapshot, version)
            detail = f"Certificate {version.thumbprint} is removed from the application (key ID {key_id or 'none'})."
            steps.append(Step("retire", detail, version.thumbprint, key_id))
    return tuple(steps), tuple(stuck)


def _is_due_for_retirement(
    snapshot: Snapshot, policy: RenewalPolicy, version: Version, outgoing: tuple[Version, ...]
) -> bool:
    record = version.record
    if record.retired or not (_is_known_by_others(snapshot, version) or version in outgoing):
        return False
    if record.refused or not (record.promoted or version == snapshot.store.current):
        return True  # never served anybody: no overlap to wait for
    replaced = snapshot.now if version in outgoing else replaced_at(snapshot.store, version)
    if replaced is None:
        return False
    # The service tells whole seconds: a run that follows at once may see an earlier time than the one on record.
    return not policy.overlap or replaced + policy.overlap <= snapshot.now


def _has_come_back(snapshot: Snapshot, policy: RenewalPolicy, version: Version) -> bool:
    """Removed, seen to be gone, and on the application again when no replica lags any more: a removal that was lost."""
    retired = version.record.retired
    if retired is None or retired + policy.propagation >= snapshot.now:
        return False
    return snapshot.application is not None and snapshot.application.find_credential(version.certificate) is not None


def replaced_at(store: StoreContents, version: Version) -> dt.datetime | None:
    """When a version stopped being current: when the one that names it as predecessor was promoted."""
    by_name = (other.record.promoted for other in store.versions if other.record.predecessor == version.thumbprint)
    latest = max((moment for moment in by_name if moment), default=None)
    return latest or (store.current.record.promoted if store.current else None)


def _key_is_due_for_deletion(snapshot: Snapshot, policy: RenewalPolicy, version: Version) -> bool:
    retired = version.record.retired
    return retired is not None and retired + policy.keep_retired <= snapshot.now


def _why_not_retirable(snapshot: Snapshot, version: Version) -> str | None:
    application = snapshot.application
    if not application:
        if version.record.key_id:
            return None
        return (
            f"Certificate {version.thumbprint} cannot be retired: its key ID is not recorded and the directory may "
            "not be read. Run once with an identity that may read the application (Application.Read.All)."
        )
    entry = application.find_credential(version.certificate)
    if not entry:
        entry = next((entry for entry in application.key_credentials if entry.holds(version.certificate)), None)
    protected = application.why_protected(entry) if entry else None
    if protected:
        return f"Certificate {version.thumbprint} is not retired: {protected}."
    if entry and not entry.certificate and entry.key_id != version.record.key_id:
        return (
            f"Certificate {version.thumbprint} is not retired: the directory shows only an identifier for key ID "
            f"{entry.key_id}, which anybody may have set. Remove it by that key ID (application_certificate)."
        )
    return None


def _key_id(snapshot: Snapshot, version: Version) -> str | None:
    if snapshot.application:
        entry = snapshot.application.find_credential(version.certificate)
        return entry.key_id if entry else None
    return version.record.key_id


def _replacing(version: Version) -> str:
    why = "was finally refused" if version.record.refused else "ends too soon or is not as requested now"
    return f"Unfinished certificate {version.thumbprint} {why}: it is replaced."
