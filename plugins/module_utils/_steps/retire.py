# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove a predecessor's credential by its key ID, see that it is gone, and delete its private key in time."""

from __future__ import annotations

import datetime as dt

from .._core.errors import GraphRefused, KeyStoreError, NetworkFailure, NotProven, SignInRefused, Unsafe
from .._core.model import Application, KeyCredential, Version
from .._core.plan import Step
from .._entra.graph import LONGEST_RETRY_AFTER, GraphClient
from .register import POLL, choose_way, seconds_to_settle
from .run import Run
from .write import Write, not_shown, remove_with_proof, update_to_remove

REMOVE_ATTEMPTS = 4


def retire(run: Run, step: Step) -> None:
    """Carry out one retirement of the plan. Entering again finds what an earlier try left to do."""
    contents = run.connection.store.read()
    version = contents.find(step.thumbprint or "")
    if version is None:
        return
    if step.deletes_key:
        _delete_key(run, version)
        return
    current = contents.current
    if current is None or current.thumbprint == version.thumbprint:
        raise KeyStoreError(f"Certificate {version.thumbprint} is not retired: it is the current one.")
    # Retired already by another run during a pause, unless the removal was lost: then the application shows it again.
    if version.record.retired is None or _shown(run, version):
        _remove_credentials(run, version, current, step.key_id)
        if run.policy.confirm_retired:
            _confirm_refused(run, version)
        version = run.remember(version, retired=run.now)
        run.log("retired", version, key_id=step.key_id)
    run.progress.retired.append({"key_id": step.key_id, "thumbprint": version.thumbprint})
    if run.policy.keep_retired <= dt.timedelta():
        _delete_key(run, version)


def _delete_key(run: Run, version: Version) -> None:
    run.connection.store.delete_version(version.thumbprint)
    run.log("key_deleted", version)


def fresh_sign_in(run: Run, current: Version) -> None:
    """A sign-in with the current key that this call made: nothing is removed without one."""
    if current.thumbprint not in run.tokens:
        run.tokens[current.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, current, "retire")
        run.remember(run.version(current.thumbprint), accepted=run.now)


def _remove_credentials(run: Run, version: Version, current: Version, key_id: str | None) -> None:
    """Remove it unless it is gone already; then every other entry that holds the same certificate."""
    entry = _shown(run, version)
    if run.progress.readable and entry is None:
        return
    key_id = entry.key_id if entry else key_id
    if not key_id:
        raise Unsafe(f"Certificate {version.thumbprint} is not retired: its key ID is not known.")
    _require_current(run, current)
    _remove(run, version, current, key_id)
    while run.progress.readable and run.latest and (entry := run.latest.find_credential(version.certificate)):
        key_id = _unless_protected(run.latest, entry).key_id
        _remove(run, version, current, key_id)
        run.progress.retired.append({"key_id": key_id, "thumbprint": version.thumbprint})


def _remove(run: Run, version: Version, current: Version, key_id: str) -> None:
    run.progress.removed.append(key_id)
    _send_removal(run, current, key_id)
    _read_back(run, version, key_id)


def _require_current(run: Run, current: Version) -> None:
    """Nothing is removed unless the current certificate is on the application and has just signed in."""
    if run.progress.readable and not (run.latest and run.latest.find_credential(current.certificate)):
        name = current.thumbprint
        if not run.read_until(
            name, lambda found: found.find_credential(current.certificate), "the current certificate"
        ):
            raise not_shown(run, current.certificate)
    fresh_sign_in(run, current)


def _shown(run: Run, version: Version) -> KeyCredential | None:
    """The credential on the application, by the latest read where that shows it.

    One that may still be on its way is waited for until its time is over.
    """
    if not run.progress.readable:
        return None
    if run.latest and (known := run.latest.find_credential(version.certificate)):
        return _unless_protected(run.latest, known)
    intent = version.record.intent
    unseen = intent is not None and not version.record.registered
    deadline = run.deadline(f"find {version.thumbprint}", seconds_to_settle(run, version) if unseen else 0.0)
    while True:
        application = run.read()
        entry = application.find_credential(version.certificate)
        remaining = deadline - run.connection.timing.monotonic()
        if entry or remaining <= 0:
            break
        run.connection.timing.wait(
            min(POLL * 2, remaining), f"an unfinished write to show its effect before it is undone ({remaining:.0f} s)"
        )
    return _unless_protected(application, entry) if entry else None


def _unless_protected(application: Application, entry: KeyCredential) -> KeyCredential:
    why = application.is_protected(entry)
    if why:
        raise Unsafe(f"Key credential {entry.key_id} of application {application.display_name} is not removed: {why}.")
    return entry


def _send_removal(run: Run, current: Version, key_id: str) -> None:
    way, _why = choose_way(run, current)
    for attempt in range(1, REMOVE_ATTEMPTS + 1):
        write = _ready_to_remove(run, way, current, key_id)
        if write is None:
            return
        try:
            write()
            return
        except (GraphRefused, NetworkFailure) as failure:
            if isinstance(failure, GraphRefused) and failure.status == 404 and way:
                return  # the service knows no such key any more; reading back shows whether that is so
            if attempt == REMOVE_ATTEMPTS:
                raise
            way = _after_failure(run, failure, way, POLL * attempt)
        if run.progress.readable and not run.read(new_connection=True).find_credential_by_id(key_id):
            return


def _ready_to_remove(run: Run, way: GraphClient | None, current: Version, key_id: str) -> Write | None:
    if way:
        graph = way
        return lambda: remove_with_proof(run, graph, current, key_id)
    return update_to_remove(run, key_id, keep=current.certificate)


def _after_failure(
    run: Run, failure: GraphRefused | NetworkFailure, way: GraphClient | None, pause: float
) -> GraphClient | None:
    """Wait where that helps, else go on with PATCH, else raise. A removal may be sent twice: it names its entry."""
    if isinstance(failure, GraphRefused):
        may_update = run.policy.add_method == "auto" and run.progress.readable and not run.connection.is_own_identity
        if way and failure.status in (401, 403) and may_update:
            return None
        if failure.diagnosis.retry != "later" or (failure.retry_after or 0.0) > LONGEST_RETRY_AFTER:
            raise failure
        pause = failure.retry_after if failure.retry_after is not None else pause
    run.connection.timing.wait(pause, "a removal without an answer, or one that Graph put off; looking again")
    return way


def _read_back(run: Run, version: Version, key_id: str) -> None:
    """Removed means that the directory no longer shows it."""
    if not run.progress.readable:
        return
    gone = run.read_until(
        key_id, lambda found: not found.find_credential_by_id(key_id), "the removal of key credential"
    )
    if not gone:
        raise NotProven(
            f"Graph acknowledged the removal of certificate {version.thumbprint}, but the application still shows its "
            f"key credential {key_id} after {run.policy.propagation.total_seconds():.0f} s. The current certificate is "
            "not affected. Run again."
        )


def _confirm_refused(run: Run, version: Version) -> None:
    """Optional: the removed key is refused now. Token replicas may accept it for a while."""
    deadline = run.deadline(f"refused {version.thumbprint}", run.policy.propagation.total_seconds())
    while True:
        try:
            run.connection.sign_in_patiently(run.progress.app_id, version, "confirm retired")
        except SignInRefused as refusal:
            if refusal.diagnosis.blames_key:
                return
            raise
        left = deadline - run.connection.timing.monotonic()
        if left <= 0:
            raise NotProven(
                f"Certificate {version.thumbprint} was removed from the application, but Entra still accepts sign-ins "
                "with it (confirm_retired). The current certificate is not affected."
            )
        run.connection.timing.wait(min(20.0, left), f"the removed key to be refused ({left:.0f} s left)")
