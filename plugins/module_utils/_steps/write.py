# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change an application's key credentials: addKey and removeKey first, else PATCH. Each is sent once per call.

addKey and removeKey are atomic on the service. PATCH replaces the whole collection, so its body is made from a read
directly before it, and that read must show everything that is known to be there.
"""

from __future__ import annotations

import typing as t

from .._core.errors import GraphRefused, SignInRefused, Unsafe
from .._core.model import Application, Certificate, KeyCredential, Version
from .._core.policy import PROOF_MARGIN
from .._entra.applications import add_key, existing_entry, new_entry, remove_key, update_key_credentials
from .._entra.assertion import PROOF_AUDIENCES
from .._entra.graph import GraphClient, Json
from .run import Run

# Sends one write, once; what it returns is the key ID where the answer names one.
Write = t.Callable[[], t.Optional[str]]


NO_KEY = "the key store holds no other key that could sign in"


def own_token_for(
    run: Run, version: Version | None, why_not: t.Callable[[str], None], no_key: str = NO_KEY
) -> GraphClient | None:
    """Graph with the application's own token, got with this key, or None where PATCH has to do.

    `why_not` hears the reason for None, which is `no_key` where there is no version. Raises SignInRefused when the
    refusal is final and not about the key.
    """
    if run.policy.add_method == "update":
        return None
    if version is None:
        why_not(no_key)
        return None
    problem = _why_no_proof(run, version)
    if problem:
        why_not(problem)
        return None
    if version.thumbprint not in run.tokens:
        try:
            token = run.connection.sign_in_patiently(run.progress.app_id, version, "own token")
        except SignInRefused as refusal:
            if not refusal.diagnosis.blames_key:
                raise
            why_not(f"Entra refuses a sign-in with the current key: {refusal.diagnosis.cause}")
            return None
        run.tokens[version.thumbprint] = token
    return run.connection.graph_as(run.tokens[version.thumbprint])


def read_as_itself(run: Run, version: Version) -> None:
    """The application signs in with the key it went back to; where it may read its own object, reading counts again."""
    token = run.tokens[version.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, version, "read")
    run.connection.graph = run.connection.graph_as(token)
    run.connection.graph.tried = run.progress.looked
    try:
        run.read()
    except GraphRefused as refusal:
        if refusal.status != 403:
            raise
    else:
        run.progress.readable = True


def _why_no_proof(run: Run, version: Version) -> str | None:
    """Why this key can make no proof for addKey or removeKey, or None."""
    if version.certificate.not_after - run.connection.clock.service_time() < PROOF_MARGIN:
        return "the current certificate is not valid for 5 more minutes"
    if version.certificate.not_before > run.connection.clock.service_time():
        return "the current certificate is not valid yet"
    if not run.progress.object_id:
        return "the object ID of the application is not known: give object_id"
    return None


def with_proof(run: Run, signing: Version, send: t.Callable[[str], t.Any]) -> t.Any:
    """Send with the proof audience that worked before; on a refused proof, which changes nothing, with the other."""
    known = next((one.record.proof_audience for one in run.contents.versions if one.record.proof_audience), None)
    first, second = sorted(PROOF_AUDIENCES, key=lambda audience: audience != known)
    try:
        result = send(first)
    except GraphRefused as refusal:
        if refusal.status != 401 or refusal.code != "Authentication_MissingOrMalformed":
            raise
        result = send(second)
        run.remember(run.version(signing.thumbprint), proof_audience=second)
    return result


def add_with_proof(run: Run, graph: GraphClient, signing: Version, version: Version) -> str | None:
    """Add a certificate by addKey; its key ID where the answer names it."""
    connection = run.connection
    signer = connection.store.signer(signing.thumbprint)
    key_id: str | None = with_proof(
        run,
        signing,
        lambda audience: add_key(
            graph, run.progress.object_id, version.certificate, signer, audience, connection.clock
        ),
    )
    return key_id


def remove_with_proof(run: Run, graph: GraphClient, signing: Version, key_id: str) -> None:
    """Remove a credential by removeKey."""
    connection = run.connection
    signer = connection.store.signer(signing.thumbprint)
    with_proof(
        run,
        signing,
        lambda audience: remove_key(graph, run.progress.object_id, key_id, signer, audience, connection.clock),
    )


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
    return lambda: _update(run, application, entries)


def _update(run: Run, application: Application, entries: t.Sequence[Json]) -> None:
    """The PATCH itself. Refused dates may be those of any entry, so the ones that have ended are named."""
    try:
        update_key_credentials(run.connection.graph, application.object_id, entries)
    except GraphRefused as refusal:
        if refusal.code != "KeyCredentialsInvalidEndDate":
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


def not_shown(run: Run, certificate: Certificate) -> Unsafe:
    return Unsafe(
        f"Nothing was removed: the application {run.progress.display_name} does not show the current certificate "
        f"{certificate.thumbprint}, so the removal could lock it out. Run again."
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


def _foreign_is_gone(foreign: t.Sequence[t.Mapping[str, t.Any]]) -> Unsafe:
    names = ", ".join(f"{entry['display_name'] or 'unnamed'} (key ID {entry['key_id']})" for entry in foreign)
    return Unsafe(
        f"Credentials of others that this run has seen on the application are no longer shown: {names}. "
        "Nothing was written, since a PATCH without them would delete them for good. If they were removed on "
        "purpose, run again."
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
        if version.record.seen or version.thumbprint in run.progress.seen:
            run.connection.warn(
                f"Certificate {version.thumbprint} was on the application and is gone: it counts as removed by "
                "somebody else."
            )
            run.forget_seen(version)
