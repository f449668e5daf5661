# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshot, plan and evidence → return values and diff. Times are ISO 8601 in UTC, nothing here is secret."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.access import AccessStep
from .._core.model import Certificate, KeyCredential, ServicePrincipal, StoreContents, Version
from .._core.plan import GENERATED, Step
from .._core.policy import RenewalPolicy
from .._core.status import STATUSES, certificate_status, next_renewal
from .._core.texts import sentence, shown
from .._core.times import format_iso
from .._core.verdict import Facts
from .._keys.pem import format_certificates
from .._steps.access import AccessProgress, state_after
from .._steps.certificate import Change
from .._steps.connection import Connection
from .._steps.prove import as_values
from .._steps.renew import Renewal
from .._steps.report import Report
from .._steps.run import Progress, Run
from .._steps.verify import Verification
from .run import of_diagnosis

Values = dict[str, t.Any]


def with_auth(connection: Connection, values: Values) -> Values:
    """The return values, with the way to sign in where auth_source auto chose it."""
    choice = connection.choice
    if not choice or not choice.is_automatic:
        return values
    skipped = [{"source": source, "why": why} for source, why in choice.skipped]
    return {**values, "auth": {"source": choice.source, "skipped": skipped}}


def of_renewal(renewal: Renewal, policy: RenewalPolicy) -> Values:
    """The return values of application_certificate_renew."""
    run, progress = renewal.run, renewal.run.progress
    contents = run.contents
    shown = contents.find(progress.made) if progress.made else None
    if shown is None:
        acts_on = next(
            (step.thumbprint for step in progress.steps if step.name in ("register", "prove", "promote")), None
        )
        # A stop may leave no step for it: what the finding is about is then the successor of an earlier run.
        under_way = contents.successor if progress.finding else None
        shown = contents.find(acts_on) if acts_on else under_way or contents.current
    adopted = run.provided if renewal.dry_run and any(step.name == "adopt" for step in progress.steps) else None
    planned = renewal.dry_run and any(step.name == "generate" for step in progress.steps)
    will_promote = renewal.dry_run and any(step.name == "promote" for step in progress.steps)
    before = contents.current if will_promote else contents.predecessor
    certificate = _of_version(contents, shown) if shown else None
    if planned or adopted:
        certificate = _planned_certificate(run)
    known = adopted or (None if planned else shown)
    due = next_renewal(known.certificate, policy) if known else None
    return {
        "changed": bool(progress.done or renewal.access_changes),
        "finding": progress.finding.reason if progress.finding else None,
        "message": _message(progress),
        "steps": [_of_step(step, progress) for step in progress.done],
        "certificate": certificate,
        "predecessor": _of_version(contents, before) if before and before != shown else None,
        "retired": _retired(renewal),
        "vanished": progress.vanished,
        "sign_ins": as_values(progress.proof, run.connection),
        "proof": "directory+sign_in" if progress.readable else "sign_in",
        "next_renewal": GENERATED if planned else format_iso(due),
        "diff": _diff(renewal),
    }


def _message(progress: Progress) -> str:
    """Why something was done; without a finding, what was done."""
    if progress.finding:
        return sentence(progress.finding.message)
    return sentence(" ".join(step.detail for step in progress.done) or "Nothing is due.")


def _of_step(step: Step, progress: Progress) -> Values:
    made = progress.made
    detail = step.detail.replace(GENERATED, made) if made else step.detail
    return {"step": step.name, "detail": sentence(detail)}


def _of_version(contents: StoreContents, version: Version) -> Values:
    return {
        **_of_certificate(version.certificate),
        "key_id": version.record.key_id,
        "stage": _stage_of(contents, version),
        "path": version.path,
    }


def _stage_of(contents: StoreContents, version: Version) -> str:
    is_current = contents.current is not None and contents.current.thumbprint == version.thumbprint
    is_successor = contents.successor is not None and contents.successor.thumbprint == version.thumbprint
    others = "retired" if version.record.retired else "predecessor"
    return "current" if is_current else "successor" if is_successor else others


def _of_certificate(certificate: Certificate) -> Values:
    return {
        "thumbprint": certificate.thumbprint,
        "thumbprint_sha256": certificate.thumbprint_sha256,
        "not_before": format_iso(certificate.not_before),
        "not_after": format_iso(certificate.not_after),
        "content": pem(certificate),
    }


def pem(certificate: Certificate) -> str:
    """The public certificate as PEM."""
    return format_certificates([certificate.der]).decode()


def _planned_certificate(run: Run) -> Values:
    """A certificate that a run would make: known values as they will be, the rest by a word."""
    if run.provided:
        known = _of_certificate(run.provided.certificate)
    else:
        names = ("thumbprint", "thumbprint_sha256", "not_before", "not_after", "content")
        known = dict.fromkeys(names, GENERATED)
    held = run.latest.find_credential(run.provided.certificate) if run.provided and run.latest else None
    return {**known, "key_id": held.key_id if held else GENERATED, "stage": "planned", "path": GENERATED}


def _retired(renewal: Renewal) -> list[Values]:
    progress = renewal.run.progress
    if not renewal.dry_run:
        return progress.retired
    return [
        {"key_id": step.key_id, "thumbprint": step.thumbprint}
        for step in progress.steps
        if step.name == "retire" and not step.deletes_key
    ]


def _diff(renewal: Renewal) -> Values:
    """Credentials before and after, by thumbprint, name and dates."""
    progress = renewal.run.progress
    before, after = progress.before, progress.after
    if renewal.dry_run and before is not None:
        gone = {step.key_id for step in progress.steps if step.name == "retire"}
        after = [entry for entry in before if entry["key_id"] not in gone]
        if any(step.name == "register" for step in progress.steps):
            names = ("key_id", "display_name", "thumbprint", "not_before", "not_after")
            after.append(dict.fromkeys(names, GENERATED))
    diff: Values = {"before": {"key_credentials": before}, "after": {"key_credentials": after}}
    if renewal.access_changes:
        for when, shown in diff.items():
            shown["file_access"] = {entry["path"]: entry[when] for entry in renewal.access_changes}
    return diff


def of_change(change: Change, dry_run: bool, added: Certificate | None) -> Values:
    """The return values of application_certificate."""
    progress = change.run.progress
    before, after = progress.before or [], progress.after or []
    if dry_run and change.changed:
        after = [entry for entry in before if entry["key_id"] != change.key_id]
        if added and change.key_id is None:
            after.append(
                {
                    "key_id": GENERATED,
                    "display_name": GENERATED,
                    "thumbprint": added.thumbprint,
                    "not_before": format_iso(added.not_before),
                    "not_after": format_iso(added.not_after),
                }
            )
    return {
        "changed": change.changed,
        "app_id": progress.app_id,
        "object_id": progress.object_id,
        "key_id": GENERATED if dry_run and change.changed and added and change.key_id is None else change.key_id,
        "diff": {"before": {"key_credentials": before}, "after": {"key_credentials": after}},
    }


def of_access(progress: AccessProgress, dry_run: bool) -> Values:
    """The return values of application_access."""
    steps, before = progress.steps, progress.before
    after = state_after(before, steps)
    created = any(step.name == "create_service_principal" for step in steps)
    return {
        "changed": bool(steps),
        "app_id": progress.app_id,
        "object_id": progress.object_id,
        "display_name": progress.display_name,
        "service_principal_id": GENERATED if created and dry_run else progress.principal_id or None,
        "enabled": after["service_principal"]["enabled"] if after["service_principal"] else None,
        "steps": [{"step": step.name, "detail": sentence(step.detail)} for step in steps],
        "missing": _permissions_of(steps, "grant"),
        "granted": [] if dry_run else _permissions_of(steps, "grant"),
        "revoked": [] if dry_run else _permissions_of(steps, "revoke"),
        "blocked": shown(progress.blocked),
        "not_handled": shown(progress.not_handled),
        "diff": {"before": before, "after": after},
    }


def _permissions_of(steps: t.Iterable[AccessStep], name: str) -> list[Values]:
    return [
        {
            "resource": step.permission.resource,
            "resource_app_id": step.permission.resource_app_id,
            "role": step.permission.role,
            "role_id": step.permission.role_id,
        }
        for step in steps
        if step.permission and step.name == name
    ]


def of_reports(reports: t.Iterable[Report], policy: RenewalPolicy, wanted: str) -> Values:
    """The return values of application_certificate_info: one pass, counting all and keeping what was asked for."""
    counts = dict.fromkeys(STATUSES, 0)
    kept, total = [], 0
    for report in reports:
        total += 1
        counts[report.verdict.status] += 1
        if wanted == "all" or (wanted == "attention" and report.verdict.findings):
            kept.append(of_report(report, policy))
    return {
        "changed": False,
        "applications": kept,
        "summary": {"total": total, **{word: count for word, count in counts.items() if count}},
    }


def of_report(report: Report, policy: RenewalPolicy) -> Values:
    """One of the `applications` of application_certificate_info."""
    facts, verdict = report.facts, report.verdict
    application = facts.application
    values: Values = {
        "app_id": application.app_id if application else facts.app_id or None,
        "object_id": application.object_id if application else facts.object_id or None,
        "display_name": application.display_name if application else None,
        "kind": application.kind if application else None,
        "status": verdict.status,
        "directory": facts.directory,
        "diagnosis": of_diagnosis(facts.trouble) if facts.trouble else None,
        "findings": [shown(dataclasses.asdict(finding)) for finding in verdict.findings],
        "certificates": _certificates(report, policy),
        "next_renewal": format_iso(verdict.next_renewal),
        "history": shown(report.history),
    }
    if facts.service_principal:
        values["service_principal"] = _of_service_principal(facts.service_principal, report, policy)
    return values


def _of_service_principal(principal: ServicePrincipal, report: Report, policy: RenewalPolicy) -> Values:
    """What is on the other object of the application, each entry with its purpose. None of it counts for the status."""
    versions = report.facts.store.versions if report.facts.store else ()
    return {
        "object_id": principal.object_id,
        "enabled": principal.enabled,
        "certificates": [
            {
                **_identity_of(entry, versions, report.facts.keyless),
                **_dates(entry, report, policy),
                "purpose": principal.purpose_of(entry),
            }
            for entry in principal.key_credentials
        ],
    }


def _certificates(report: Report, policy: RenewalPolicy) -> list[Values]:
    """The credentials on the application, then those that only the key store has."""
    facts = report.facts
    versions = facts.store.versions if facts.store else ()
    entries = facts.application.sign_in_credentials if facts.application else ()
    listed = [_of_credential(entry, versions, report, policy) for entry in entries]
    unlisted = [
        version
        for version in versions
        if not version.record.retired and not any(entry.holds(version.certificate) for entry in entries)
    ]
    return listed + [_of_unlisted(version, report, policy) for version in unlisted]


def _of_credential(
    entry: KeyCredential, versions: t.Sequence[Version], report: Report, policy: RenewalPolicy
) -> Values:
    return {
        **_identity_of(entry, versions, report.facts.keyless),
        **_dates(entry, report, policy),
        "managed": _held(entry, versions) is not None,
        "stage": _stage_in_store(_held(entry, versions), report.facts),
        **_policy_of(entry, report.facts),
    }


def _identity_of(entry: KeyCredential, versions: t.Sequence[Version], keyless: t.Container[str]) -> Values:
    """Which entry it is, and whether its key is in the key store."""
    held = _held(entry, versions)
    certificate = entry.certificate or (held.certificate if held else None)
    return {
        "key_id": entry.key_id,
        "display_name": entry.display_name,
        "thumbprint": entry.thumbprint,
        "thumbprint_sha256": certificate.thumbprint_sha256 if certificate else None,
        "in_key_store": held is not None and held.thumbprint not in keyless,
    }


def _held(entry: KeyCredential, versions: t.Sequence[Version]) -> Version | None:
    return next((version for version in versions if entry.holds(version.certificate)), None)


def _stage_in_store(version: Version | None, facts: Facts) -> str | None:
    """How far a certificate of the key store is; nothing for one that is in none."""
    return _stage_of(facts.store, version) if facts.store and version else None


def _policy_of(entry: KeyCredential, facts: Facts) -> Values:
    """What management policies say of its lifetime; nothing where they were not read."""
    if facts.limits is None:
        return {}
    limit, unknown = facts.limit, facts.unknown_rule
    exceeded = limit.is_exceeded_by(entry) if limit else False
    decides = limit or unknown
    return {
        "policy": {
            "limit_days": limit.span.total_seconds() / 86400 if limit else None,
            "policy_id": decides.policy_id if decides else None,
            "state": "exceeds" if exceeded else "unknown" if exceeded is None or unknown else "ok",
        }
    }


def _of_unlisted(version: Version, report: Report, policy: RenewalPolicy) -> Values:
    dates = _dates(version.certificate, report, policy)
    if report.facts.application is not None and dates["status"] in ("healthy", "near_expiry"):
        dates["status"] = report.verdict.status if report.verdict.status == "propagating" else "unregistered"
    return {
        "key_id": None,
        "display_name": None,
        "thumbprint": version.thumbprint,
        "thumbprint_sha256": version.certificate.thumbprint_sha256,
        **dates,
        "in_key_store": version.thumbprint not in report.facts.keyless,
        "managed": True,
        "stage": _stage_in_store(version, report.facts),
    }


def _dates(certificate: Certificate | KeyCredential, report: Report, policy: RenewalPolicy) -> Values:
    now = report.facts.now
    left = (certificate.not_after - now).total_seconds() // 86400 if certificate.not_after else None
    return {
        "not_before": format_iso(certificate.not_before),
        "not_after": format_iso(certificate.not_after),
        "days_left": int(left) if left is not None else None,
        "status": certificate_status(certificate, now, policy.renew_before),
    }


def of_verification(found: Verification, run_elapsed: Values) -> Values:
    """The return values of application_certificate_verify; `_failed` carries the sentence of a failure."""
    values: Values = {
        "changed": False,
        "verified": found.verified,
        "checks": [shown(dataclasses.asdict(check)) for check in found.checks],
        "sign_ins": run_elapsed,
        "evidence": found.evidence,
    }
    if not found.verified:
        values["_failed"] = found.message or "Not verified."
        if found.diagnosis:
            values["diagnosis"] = of_diagnosis(found.diagnosis)
    return values
