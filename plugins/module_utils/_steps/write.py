# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change an application's key credentials: addKey and removeKey first, else PATCH. Each is sent once per call.

addKey and removeKey are atomic on the service. PATCH replaces the whole collection, so its body is made from a read
directly before it, and that read must show everything that is known to be there.
"""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.diagnosis import explain, young_key_diagnosis
from .._core.errors import EvercertError, GraphRefused, KeyStoreError, OthersGone, SignInRefused, Unsafe
from .._core.model import Application, Certificate, KeyCredential, Version
from .._core.policy import LONGEST_YOUTH, PROOF_MARGIN
from .._core.safety import KeyWrite, why_unsafe
from .._entra.applications import add_key, existing_entry, new_entry, own_address, remove_key, update_key_credentials
from .._entra.assertion import PROOF_AUDIENCES, Signer
from .._entra.graph import GraphClient, Json
from .run import Run

# Sends one write, once; what it returns is the key ID where the answer names one.
Write = t.Callable[[], t.Optional[str]]


BY_APP_ID = "It was asked for by app ID, as the object ID of the application is not known here: give object_id."
# Seconds between two proofs while a key is too young for them; each is sent with two audiences.
YOUNG_PAUSE = 20.0
WAITING_FOR_KEY = "the new key to be good for proofs; it signs in already"
# Seconds before dates that were refused are sent once more.
DATES_PAUSE = 5.0
INVALID_END = "KeyCredentialsInvalidEndDate"
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


def read_as_itself(run: Run, version: Version) -> bool:
    """The application signs in with the key that is current now; where it may read its own object, reading counts
    again."""
    token = run.tokens[version.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, version, "read")
    run.connection.read_as(token)
    run.connection.graph.tried = run.progress.looked
    try:
        run.read()
    except GraphRefused as refusal:
        if refusal.status != 403:
            raise
        run.progress.forbidden = True
    else:
        run.progress.readable = True
    return run.progress.readable


def _why_no_proof(run: Run, version: Version) -> str | None:
    """Why this key can make no proof for addKey or removeKey, or None."""
    if version.certificate.not_after - run.connection.clock.service_time() < PROOF_MARGIN:
        return "the current certificate is not valid for 5 more minutes"
    if version.certificate.not_before > run.connection.clock.service_time():
        return "the current certificate is not valid yet"
    if not run.progress.object_id and not run.progress.app_id:
        return "neither the object ID nor the app ID of the application is known: give object_id or app_id"
    return None


def age_of(run: Run, version: Version) -> dt.timedelta | None:
    """How long ago this key was registered by a renewal; None for one that was in use before, as adopted ones were."""
    record = version.record
    since = record.registered or record.intent
    # By the clock that goes on: the option `now` may stand still, and what is waited for here would never end.
    return run.connection.clock.service_time() - since if since and (record.generated or record.intent) else None


def _is_younger(run: Run, version: Version, limit: dt.timedelta) -> bool:
    age = age_of(run, version)
    return age is not None and dt.timedelta() <= age < limit


def is_new(run: Run, version: Version) -> bool:
    """Whether a refused proof by this key may still be for its age alone."""
    return _is_younger(run, version, LONGEST_YOUTH)


def _keys_for_proof(run: Run, signing: Version, leaving: str | None) -> list[Version]:
    """The keys to sign a proof with, the best first: an older one is good for proofs while the current one is young.

    The key that is about to be removed (`leaving`) does not sign that.
    """
    if not is_new(run, signing):
        return [signing]
    others = [other for other in reversed(run.contents.others) if other.thumbprint != leaving]
    older = [other for other in others if _signs_instead(run, other)][:1]
    return [*older, signing] if _is_younger(run, signing, run.policy.propagation) else [signing, *older]


def _signs_instead(run: Run, version: Version) -> bool:
    record = version.record
    if record.retired or record.refused or _is_younger(run, version, run.policy.propagation):
        return False
    shown = run.latest.find_credential(version.certificate) if run.latest else record.registered
    return bool(shown) and _why_no_proof(run, version) is None


def with_proof(run: Run, signing: Version, send: t.Callable[[Signer, str], t.Any], leaving: str | None = None) -> t.Any:
    """Send with a proof; a refused one changes nothing, so another key and another audience may follow."""
    refused: EvercertError | None = None
    for key in _keys_for_proof(run, signing, leaving):
        try:
            return _with_either_audience(run, key, send)
        except (GraphRefused, KeyStoreError) as failure:
            is_about_key = isinstance(failure, KeyStoreError) or failure.status in (401, 403)
            if key is not signing and is_about_key:
                continue  # not registered any more, or its private key is gone or disabled: the current one decides
            if not isinstance(failure, GraphRefused) or not failure.refuses_proof:
                raise
            refused = _refused_for_youth(run, signing, failure)
    raise t.cast(EvercertError, refused)


def _refused_for_youth(run: Run, signing: Version, refusal: GraphRefused) -> GraphRefused:
    """The refusal of a proof, better understood where the age of its key may be all that is wrong."""
    if not is_new(run, signing):
        return refusal
    is_young = _is_younger(run, signing, run.policy.propagation)
    return refusal.meaning(young_key_diagnosis(refusal.diagnosis, "later" if is_young else "no"), YOUNG_PAUSE)


def _with_either_audience(run: Run, signing: Version, send: t.Callable[[Signer, str], t.Any]) -> t.Any:
    """Send with the proof audience that worked before; on a refused proof with the other."""
    signer = run.connection.store.signer(signing.thumbprint)
    known = next((one.record.proof_audience for one in run.contents.versions if one.record.proof_audience), None)
    first, second = sorted(PROOF_AUDIENCES, key=lambda audience: audience != known)
    try:
        result = send(signer, first)
    except GraphRefused as refusal:
        if not refusal.refuses_proof:
            raise
        try:
            result = send(signer, second)
        except GraphRefused as again:
            raise (again if run.progress.object_id else again.saying(BY_APP_ID)) from again
        run.remember(run.version(signing.thumbprint), proof_audience=second)
    return result


def may_send_dates_again(run: Run, refusal: GraphRefused, what: str) -> bool:
    """Whether dates were refused for the first time: that is met for dates that are right, and passes."""
    name = f"dates of {what}"
    if refusal.code != INVALID_END or name in run.progress.deadlines:
        return False
    run.deadline(name, 0.0)
    return True


def add_with_proof(run: Run, graph: GraphClient, signing: Version, version: Version) -> str | None:
    """Add a certificate by addKey; its key ID where the answer names it. It takes nothing away."""
    own, clock = own_address(run.progress.object_id, run.progress.app_id), run.connection.clock
    key_id: str | None = with_proof(
        run,
        signing,
        lambda signer, audience: add_key(graph, own, version.certificate, signer, audience, clock),
    )
    return key_id


def remove_with_proof(run: Run, graph: GraphClient, signing: Version, key_id: str, leaving: str) -> None:
    """Remove a credential of the certificate `leaving` by removeKey."""
    refuse_unsafe(run, run.latest if run.progress.readable else None, removes=key_id)
    own, clock = own_address(run.progress.object_id, run.progress.app_id), run.connection.clock
    with_proof(
        run,
        signing,
        lambda signer, audience: remove_key(graph, own, key_id, signer, audience, clock),
        leaving,
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


def refuse_unsafe(
    run: Run, application: Application | None, *, keeps: frozenset[str] | None = None, removes: str | None = None
) -> None:
    """Asked once more, of what is about to leave: nothing is sent that would lose a usable key or a foreign entry."""
    write = KeyWrite(
        now=run.connection.clock.service_time(),
        store=run.contents,
        memory=run.memory,
        application=application,
        keeps=keeps,
        removes=removes,
        removed=tuple(run.progress.removed),
        signed_in=tuple(run.tokens),
        is_named=run.is_named,
    )
    why = why_unsafe(write)
    if why:
        name = f"application {run.progress.display_name or run.progress.app_id} (object ID {run.progress.object_id})"
        raise stopped(f"Nothing was sent to {name}: {why}.")


def stopped(message: str) -> Unsafe:
    """What stands between a plan and a broken promise."""
    diagnosis = explain("unsafe", "", {})
    return Unsafe(f"{message} {diagnosis.remedy}", diagnosis)


def not_shown(run: Run, certificate: Certificate) -> Unsafe:
    return Unsafe(
        f"Nothing was removed: the application {run.progress.display_name} does not show the current certificate "
        f"{certificate.thumbprint}, so the removal could lock it out. Run again.",
        explain("unsafe", "", {}),
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
