# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The PATCH of an application's key credentials, and the read before it.

It replaces the whole collection, so its body is made from a read directly before it, and that read must show everything
that is known to be there.
"""

from __future__ import annotations

import typing as t

from .._core.diagnosis import explain
from .._core.errors import GraphRefused, OthersGone
from .._core.model import Application, Certificate, KeyCredential, Version
from .._entra.applications import existing_entry, new_entry, update_key_credentials
from .._entra.graph import Json
from .run import Run
from .settling import Write
from .unsafe import not_shown, refuse_unsafe

INVALID_END = "KeyCredentialsInvalidEndDate"


def may_send_dates_again(run: Run, refusal: GraphRefused, what: str) -> bool:
    """Whether dates were refused for the first time: that is met for dates that are right, and passes."""
    name = f"dates of {what}"
    if refusal.code != INVALID_END or name in run.progress.deadlines:
        return False
    run.deadline(name, 0.0)
    return True


def update_to_add(run: Run, certificate: Certificate, name: str | None = None) -> Write | None:
    """The PATCH that adds a certificate, ready to be sent, or None when the application has it."""
    application = read_before_write(run)
    if application.find_credential(certificate):
        return None
    entries = [existing_entry(entry) for entry in application.key_credentials]
    entries.append(new_entry(certificate, name or certificate.subject or application.display_name))
    return lambda: _update(run, application, entries)


def update_to_remove(run: Run, key_id: str, keep: Certificate | None = None) -> Write | None:
    """The PATCH that removes one credential, or None when it is gone.

    Raises Unsafe while the application does not show the certificate to keep.
    """
    application = read_before_write(run)
    if not application.find_credential_by_id(key_id):
        return None
    if keep and not application.find_credential(keep):
        raise not_shown(run, keep)
    entries = [existing_entry(entry) for entry in application.key_credentials if entry.key_id != key_id]
    return lambda: _update(run, application, entries, removes=key_id)


def _update(run: Run, application: Application, entries: t.Sequence[Json], removes: str | None = None) -> None:
    """The PATCH itself. Refused dates may be those of any entry, so the ones that have ended are named."""
    keeps = frozenset(str(entry["keyId"]) for entry in entries if entry.get("keyId"))
    refuse_unsafe(run, application, keeps=keeps, removes=removes)
    try:
        update_key_credentials(run.connection.graph, application.object_id, entries)
    except GraphRefused as refusal:
        if refusal.code != INVALID_END:
            raise
        now = run.connection.clock.service_time()
        ended = [entry for entry in application.key_credentials if entry.not_after and entry.not_after <= now]
        raise refusal.saying(_about_ended(application, ended)) from refusal


def _about_ended(application: Application, ended: t.Sequence[KeyCredential]) -> str:
    if not ended:
        return (
            f"No entry of application {application.display_name} has expired: the new certificate's dates are refused."
        )
    names = ", ".join(
        f"{entry.display_name or 'unnamed'} (key ID {entry.key_id}, until {entry.not_after:%Y-%m-%d})"
        for entry in ended
    )
    return (
        f"Entries of application {application.display_name} that have expired, and may be what is refused: {names}. "
        "Remove those that nobody needs (application_certificate with state absent and key_id), then run again."
    )


def read_before_write(run: Run) -> Application:
    """A read that shows every entry known to be there, or an error before anything is written.

    An absent managed entry counts as removed once the propagation time has passed; an absent foreign entry that this
    run has seen stops the run, as a PATCH without it would delete it wherever it still is.
    """
    timing, wait = run.connection.timing, 2.0
    while True:
        application = run.read(new_connection=wait > 2.0)
        foreign, managed = run.missing_foreign(application), _missing_managed(run, application)
        if not foreign and not managed:
            break
        left = run.deadline("complete read", run.policy.propagation.total_seconds()) - timing.monotonic()
        if left <= 0:
            break
        count = len(foreign) + len(managed)
        timing.wait(min(wait, left), f"the directory to show {count} credential(s) again before the write")
        wait = min(wait * 1.5, 10.0)
    run.progress.deadlines.pop("complete read", None)
    if foreign:
        raise _foreign_is_gone(foreign)
    _report_removed(run, application)
    return application


def _foreign_is_gone(foreign: t.Sequence[t.Mapping[str, t.Any]]) -> OthersGone:
    names = ", ".join(f"{entry['display_name'] or 'unnamed'} (key ID {entry['key_id']})" for entry in foreign)
    return OthersGone(
        f"Credentials of others that this run has seen on the application are no longer shown: {names}. "
        "Nothing was written, since a PATCH without them would delete them for good. If they were removed on "
        "purpose, run again.",
        explain("unsafe", "", {}),
    )


def _absent_managed(run: Run, application: Application) -> list[Version]:
    """Managed certificates that this read does not show and that this run has not removed itself."""
    return [
        version
        for version in run.contents.versions
        if not version.record.retired
        and version.record.key_id not in run.progress.removed
        and not any(entry.holds(version.certificate) for entry in application.key_credentials)
    ]


def _missing_managed(run: Run, application: Application) -> list[Version]:
    """Those of them that were seen a short while ago."""
    return [version for version in _absent_managed(run, application) if run.was_seen_lately(version)]


def _report_removed(run: Run, application: Application) -> None:
    """What was seen once and stays away for the propagation time was removed by somebody: said once."""
    for version in _absent_managed(run, application):
        if version.record.seen or run.memory.last_shown(version.certificate, run.progress.removed):
            run.connection.warn(
                f"Certificate {version.thumbprint} was on the application and is gone: it counts as removed by "
                "somebody else."
            )
            run.forget_seen(version)
