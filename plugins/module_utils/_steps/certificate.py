# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One public certificate present or absent on an application, nothing else touched."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import ApplicationNotFound, GraphRefused, NetworkFailure, NotProven, Unsafe
from .._core.model import Application, Certificate, KeyCredential
from .._core.policy import RenewalPolicy
from .connection import Connection
from .run import Progress, Run
from .write import add_by_update, remove_by_update

WRITE_ATTEMPTS = 4


@dataclass(frozen=True)
class Target:
    """The certificate meant: by itself, by its key ID, or by a thumbprint that must name one credential."""

    certificate: Certificate | None = None
    key_id: str | None = None
    thumbprint: str | None = None


@dataclass(frozen=True)
class Change:
    """What was, or in check mode would be, changed."""

    changed: bool
    run: Run
    key_id: str | None


def keep_present(
    connection: Connection, policy: RenewalPolicy, certificate: Certificate, name: str | None, *, dry_run: bool
) -> Change:
    """Register a certificate unless the application has it already, whatever it is called there."""
    run, application = _begin(connection, policy)
    found = application.find_credential(certificate)
    if found or dry_run:
        return Change(not found, run, found.key_id if found else None)
    _write(
        run,
        lambda: add_by_update(run, certificate, name),
        lambda seen: seen.find_credential(certificate) is not None,
        f"certificate {certificate.thumbprint}",
    )
    shown = run.read_until(certificate.thumbprint, lambda seen: seen.find_credential(certificate), "certificate")
    entry = shown.find_credential(certificate) if shown else None
    if not entry:
        raise NotProven(
            f"Graph acknowledged certificate {certificate.thumbprint}, but application {application.display_name} does "
            f"not show it after {policy.propagation.total_seconds():.0f} s: the write was not applied. Run again."
        )
    return Change(True, run, entry.key_id)


def keep_absent(connection: Connection, policy: RenewalPolicy, target: Target, *, dry_run: bool) -> Change:
    """Remove one credential by its key ID. Token encryption and SAML signing pairs are refused."""
    run, application = _begin(connection, policy)
    entry = _find(application, target)
    if entry is None:
        return Change(False, run, None)
    why = application.is_protected(entry)
    if why:
        raise Unsafe(f"Key credential {entry.key_id} of application {application.display_name} is not removed: {why}.")
    if not dry_run:
        run.progress.removed.append(entry.key_id)
        _write(
            run,
            lambda: remove_by_update(run, entry),
            lambda seen: seen.find_credential_by_id(entry.key_id) is None,
            f"the removal of key credential {entry.key_id}",
        )
        if not run.read_until(
            entry.key_id, lambda seen: not seen.find_credential_by_id(entry.key_id), "the removal of key credential"
        ):
            raise NotProven(
                f"Graph acknowledged the removal of key credential {entry.key_id}, but application "
                f"{application.display_name} still shows it. Run again."
            )
    return Change(True, run, entry.key_id)


def _begin(connection: Connection, policy: RenewalPolicy) -> tuple[Run, Application]:
    run = Run(connection, policy, connection.proof, Progress())
    application = run.read()
    run.progress.before = run.progress.after
    connection.refuse_skew()
    return run, application


def _find(application: Application, target: Target) -> KeyCredential | None:
    if target.key_id:
        return application.find_credential_by_id(target.key_id)
    if target.certificate:
        certificate = target.certificate
        found = [entry for entry in application.key_credentials if entry.holds(certificate)]
    else:
        found = [entry for entry in application.key_credentials if _is(entry, target.thumbprint or "")]
    if len(found) > 1:
        ids = ", ".join(entry.key_id for entry in found)
        raise ApplicationNotFound(
            f"{len(found)} key credentials of application {application.display_name} hold that certificate: "
            f"key IDs {ids}. Select one by key_id."
        )
    return found[0] if found else None


def _is(entry: KeyCredential, thumbprint: str) -> bool:
    if entry.certificate and entry.certificate.thumbprint_sha256 == thumbprint:
        return True
    return entry.thumbprint == thumbprint


def _write(run: Run, send: t.Callable[[], t.Any], applied: t.Callable[[Application], bool], what: str) -> None:
    """Send a write; one without an answer, or put off, is sent again only when reading back shows no effect."""
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        try:
            send()
            return
        except (GraphRefused, NetworkFailure) as failure:
            unclear = not isinstance(failure, GraphRefused) or failure.may_have_applied
            put_off = isinstance(failure, GraphRefused) and failure.status in (409, 429)
            if attempt == WRITE_ATTEMPTS or not (unclear or put_off):
                raise
            asked = failure.retry_after if isinstance(failure, GraphRefused) else None
            run.connection.timing.wait(2.0 * attempt if asked is None else asked, f"the outcome of {what}")
            if applied(run.read(new_connection=True)):
                return
