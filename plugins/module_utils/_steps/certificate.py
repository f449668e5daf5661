# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One public certificate present or absent on an application, nothing else touched."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass

from .._core.errors import ApplicationNotFound, InvalidInput
from .._core.model import Application, Certificate, KeyCredential
from .._core.policy import RenewalPolicy
from .connection import Connection
from .limits import find_limit, refuse_longer
from .register import report_vanished
from .rights import refuse_blueprint
from .run import Progress, Run
from .settling import Failure, Way, Write, Writing, carry_out, never_shown
from .unsafe import unless_protected
from .update import may_send_dates_again, update_to_add, update_to_remove


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
    if found is None:
        refuse_blueprint(application)
        connection.refuse_skew()
        _refuse_ended(certificate, connection.clock.service_time())
        refuse_longer(application, certificate, find_limit(connection, application))
    if found or dry_run:
        return Change(not found, run, found.key_id if found else None)
    shown = _write(
        run,
        lambda: update_to_add(run, certificate, name),
        lambda seen: seen.find_credential(certificate),
        f"certificate {certificate.thumbprint}",
    )
    report_vanished(run, shown)
    entry = shown.find_credential(certificate)
    return Change(True, run, entry.key_id if entry else None)


def _refuse_ended(certificate: Certificate, now: dt.datetime) -> None:
    """Entra refuses one that has ended, in words about dates that nobody gave; check mode would not even know."""
    if certificate.not_after <= now:
        problem = (
            f"The certificate given, {certificate.thumbprint}, ended on {certificate.not_after:%Y-%m-%d %H:%M} UTC, "
            "and Microsoft Entra takes none that has ended. Give the one that is valid now."
        )
        raise InvalidInput([problem])


def keep_absent(connection: Connection, policy: RenewalPolicy, target: Target, *, dry_run: bool) -> Change:
    """Remove one credential by its key ID. Token encryption and SAML signing pairs are refused."""
    run, application = _begin(connection, policy)
    entry = _find(application, target)
    if entry is None:
        return Change(False, run, None)
    key_id = unless_protected(application, entry).key_id
    refuse_blueprint(application)
    connection.refuse_skew()
    if not dry_run:
        run.progress.removed.append(key_id)
        shown = _write(
            run,
            lambda: update_to_remove(run, key_id),
            lambda seen: not seen.find_credential_by_id(key_id),
            f"the removal of key credential {key_id}",
        )
        report_vanished(run, shown)
    return Change(True, run, key_id)


def _begin(connection: Connection, policy: RenewalPolicy) -> tuple[Run, Application]:
    run = Run(connection, policy, connection.proof, Progress(memory=connection.memory), is_named=True)
    application = run.read()
    run.progress.before = run.progress.after
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


def _write(
    run: Run, ready: t.Callable[[], Write | None], applied: t.Callable[[Application], object], what: str
) -> Application:
    """Send a write until it shows. One without an answer is sent again only when its time is over."""

    def settled(_failure: Failure, attempt: int) -> bool:
        name = f"{what}, sent {attempt} times without an answer"
        return run.read_until(name, applied, "an unfinished write:") is not None

    writing = Writing(
        what,
        (Way(ready),),
        wait=run.connection.timing.wait,
        settle=settled,
        sends_dates_again=lambda refusal: may_send_dates_again(run, refusal, what),
    )
    was_seen = carry_out(writing)
    shown = run.latest if was_seen else run.read_until(what, applied, "the write:")
    if not shown:
        raise never_shown(
            f"Graph acknowledged {what}, but application {run.progress.display_name} does not show that after "
            f"{run.policy.propagation.total_seconds():.0f} s: the write was not applied. Run again."
        )
    return shown
