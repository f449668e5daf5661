# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove a certificate by signing in, then confirm health with the new token. Read-only."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t
from dataclasses import dataclass, field

from .._core.diagnosis import Diagnosis, diagnosis_of, explain
from .._core.errors import KeyStoreError, NetworkFailure, NotProven, ServiceError, SignInRefused, StillWaiting
from .._core.model import Version
from .._core.policy import SIGN_IN_PAUSE
from .._core.times import UTC, format_iso
from .._entra.assertion import Signer
from .._entra.patience import seconds_asked
from .._entra.tokens import AccessToken
from . import prove as proofs
from .connection import Connection, identity_of, refuse_other_application
from .history import note_check
from .run import ProofProgress


@dataclass(frozen=True)
class Probe:
    """A relative Graph path to read with the new token, and the status that means health."""

    url: str
    status: int = 200


@dataclass(frozen=True)
class Expectation:
    """What has to hold: the sign-ins, then the roles in the token, then the probes."""

    accepted: bool = True
    required_roles: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Check:
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str
    elapsed: float


@dataclass
class Verification:
    """Every check in order, the evidence, and the diagnosis of the first that failed."""

    progress: ProofProgress
    checks: list[Check] = field(default_factory=list)
    evidence: dict[str, t.Any] = field(default_factory=dict)
    diagnosis: Diagnosis | None = None
    message: str = ""

    @property
    def verified(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)


@dataclass(frozen=True)
class Subject:
    """The key pair on trial and the application it belongs to."""

    app_id: str
    signer: Signer
    key_id: str | None


def find_subject(connection: Connection, stage: str, load: t.Callable[[], Signer] | None) -> Subject:
    """The key store's current or successor, or a key pair from a file."""
    version: Version | None = None
    if connection.key_store is not None:
        contents = connection.key_store.read()
        version = contents.current if stage == "current" else contents.successor
        if version is None:
            raise KeyStoreError(connection.key_store.look().why_no(stage, connection.key_store.location))
        refuse_other_application(connection, contents)
        signer: Signer = connection.key_store.signer(version.thumbprint)
    elif load is not None:
        signer = load()
    else:
        raise KeyStoreError("Nothing to verify: give key_store or client_certificate_path.")
    app_id, _object_id = identity_of(connection, None, version)
    if not app_id:
        app_id = connection.find_application().app_id
    return Subject(app_id, signer, version.record.key_id if version else None)


def verify(
    connection: Connection, subject: Subject, expected: Expectation, progress: ProofProgress | None = None
) -> Verification:
    """Run every check that still makes sense; what fails is in the result, not raised."""
    found = Verification(progress or ProofProgress())
    proofs.begin(found.progress, connection, connection.proof.sign_ins, connection.proof.initial_pause)
    try:
        return _verify(connection, subject, expected, found)
    except StillWaiting as pause:
        raise Interrupted(pause, found.progress) from pause


def _verify(connection: Connection, subject: Subject, expected: Expectation, found: Verification) -> Verification:
    try:
        connection.discover()
        token = None
        if expected.accepted:
            token = _accepted(connection, found, subject, expected.required_roles)
        else:
            _refused(connection, found, subject)
    except (ServiceError, NotProven) as failure:
        found.diagnosis, found.message = diagnosis_of(failure), failure.message
        elapsed = _seconds_since(connection, found.progress.started)
        found.checks.append(Check("sign_in", False, failure.message, elapsed))
        token = None
    found.evidence = _evidence(connection, subject, token, found.progress)
    if token:
        _check_roles(found, token, expected.required_roles)
        for probe in expected.probes:
            _check_probe(connection, found, token, probe)
    _remember(connection, found, subject)
    return found


def _remember(connection: Connection, found: Verification, subject: Subject) -> None:
    """A line in the key store's history, where there is one."""
    note_check(
        connection,
        subject.signer.certificate.thumbprint,
        verified=found.verified,
        reason=found.diagnosis.code if found.diagnosis and not found.verified else None,
        key_id=subject.key_id,
        sign_ins=found.progress.consecutive,
        attempts=found.progress.attempts,
        failed_checks=[check.name for check in found.checks if not check.ok],
    )


class Interrupted(StillWaiting):
    """A wait that a caller outside does, with the progress of the proof."""

    def __init__(self, pause: StillWaiting, progress: ProofProgress) -> None:
        super().__init__(pause.seconds, pause.what)
        self.carry = {"progress": dataclasses.asdict(progress)}


def _accepted(
    connection: Connection, found: Verification, subject: Subject, roles: tuple[str, ...]
) -> AccessToken | None:
    token = proofs.prove(connection, found.progress, subject.app_id, subject.signer)
    token = token or _sign_in_again(connection, found.progress, subject)
    token = _wait_for_roles(connection, found.progress, subject, token, roles)
    done = found.progress
    elapsed = _seconds_since(connection, done.started)
    detail = f"{done.consecutive} consecutive sign-ins accepted in {done.attempts} attempts."
    found.checks.append(Check("sign_in", True, detail, elapsed))
    return token


def _wait_for_roles(
    connection: Connection, progress: ProofProgress, subject: Subject, token: AccessToken, roles: tuple[str, ...]
) -> AccessToken:
    """Tokens may lag behind a grant that was made a moment ago: newer ones are asked for until the deadline."""
    timing = connection.timing
    granted = tuple(role for role in roles if role in connection.repairs)
    while missing := _missing_roles(token, granted):
        left, pause = progress.deadline - timing.monotonic(), max(connection.proof.interval, SIGN_IN_PAUSE)
        if pause > left:
            break
        timing.wait(pause, f"new tokens to carry {', '.join(missing)}, granted just now ({left:.0f} s left)")
        token = _sign_in_again(connection, progress, subject)
    return token


def _missing_roles(token: AccessToken, required: tuple[str, ...]) -> list[str]:
    """The application permissions that a token does not carry; its claims are a hint that Graph gives."""
    listed = token.claims().get("roles")
    granted = {role for role in listed if isinstance(role, str)} if isinstance(listed, list) else set()
    return [role for role in required if role not in granted]


def _sign_in_again(connection: Connection, progress: ProofProgress, subject: Subject) -> AccessToken:
    """The proof was complete when a wait ended the earlier call: the checks after it need a token."""
    if connection.timing.monotonic() > progress.deadline:
        raise NotProven("The sign-ins were accepted, but the checks after them could not be finished in time.")
    return connection.sign_in_patiently_with(subject.app_id, subject.signer, "verify")


def _refused(connection: Connection, found: Verification, subject: Subject) -> None:
    """Every one of the consecutive sign-ins is refused because of the key; an acceptance starts the count again."""
    progress, timing = found.progress, connection.timing
    while progress.consecutive < progress.required:
        proofs.wait_for_turn(connection, progress, "refused")
        progress.attempts += 1
        pause = _ask_for_refusal(connection, found, subject)
        progress.next_at = timing.monotonic() + pause
    elapsed = _seconds_since(connection, progress.started)
    why = found.diagnosis.code if found.diagnosis else ""
    found.checks.append(Check("sign_in_refused", True, f"{progress.consecutive} sign-ins refused ({why}).", elapsed))


def _ask_for_refusal(connection: Connection, found: Verification, subject: Subject) -> float:
    """One sign-in that should be refused, and the pause to the next one. Raises a refusal that has another reason."""
    progress, pause = found.progress, max(connection.proof.interval, SIGN_IN_PAUSE)
    try:
        connection.sign_in_once(subject.app_id, subject.signer, "verify")
    except (SignInRefused, NetworkFailure) as failure:
        found.diagnosis = failure.diagnosis
        if failure.diagnosis.blames_key:
            progress.consecutive += 1
            proofs.note_answer(progress, failure.diagnosis.evidence.get("correlation_id"))
            return connection.proof.interval
        proofs.note_trouble(progress, failure.diagnosis)
        if failure.diagnosis.retry != "later":
            raise
        return max(pause, seconds_asked(failure) or 0.0)
    proofs.start_again(progress)
    proofs.note_trouble(progress, explain("still_accepted", "", {"message": None}))
    return pause


def _check_roles(found: Verification, token: AccessToken, required: tuple[str, ...]) -> None:
    """The application permissions in the token: missing ones cannot work."""
    if not required:
        return
    missing = _missing_roles(token, required)
    detail = f"Not granted: {', '.join(missing)}." if missing else f"Granted: {', '.join(required)}."
    found.checks.append(Check("required_roles", not missing, detail, 0.0))
    if missing:
        found.diagnosis = explain("consent_missing", "", {"message": detail})
        found.message = f"The sign-in works, but permissions are missing. {detail}"


def _check_probe(connection: Connection, found: Verification, token: AccessToken, probe: Probe) -> None:
    started = connection.timing.monotonic()
    try:
        status, refusal = connection.graph_as(token).probe(probe.url)
    except ServiceError as failure:
        elapsed = _seconds_since(connection, started)
        found.checks.append(Check(f"probe {probe.url}", False, failure.message, elapsed))
        found.diagnosis, found.message = found.diagnosis or failure.diagnosis, found.message or failure.message
        return
    elapsed = _seconds_since(connection, started)
    ok = status == probe.status
    detail = f"Status {status}." if ok else f"Status {status} instead of {probe.status}."
    found.checks.append(Check(f"probe {probe.url}", ok, detail, elapsed))
    if not ok:
        diagnosis = refusal.diagnosis if refusal else explain("unknown", "", {"message": detail, "http_status": status})
        found.diagnosis = found.diagnosis or diagnosis
        found.message = found.message or f"The sign-in works, but the probe {probe.url} does not. {detail}"


def _seconds_since(connection: Connection, moment: float) -> float:
    return round(connection.timing.monotonic() - moment, 1)


def _evidence(
    connection: Connection, subject: Subject, token: AccessToken | None, progress: ProofProgress
) -> dict[str, t.Any]:
    issued = token.claims().get("iat") if token else None
    return {
        "app_id": subject.app_id,
        "thumbprint": subject.signer.certificate.thumbprint,
        "thumbprint_sha256": subject.signer.certificate.thumbprint_sha256,
        "key_id": subject.key_id,
        "assertion_alg": connection.service.algorithm.name,
        "token_issued_at": _moment(issued),
        "correlation_ids": list(progress.correlation_ids),
        "clock_offset_seconds": connection.clock.offset_seconds,
    }


def _moment(issued: object) -> str | None:
    try:
        return format_iso(dt.datetime.fromtimestamp(float(t.cast(float, issued)), UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        return None
