# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove a predecessor's credential by its key ID, see that it is gone, and delete its private key in time."""

from __future__ import annotations

import datetime as dt
import functools
import typing as t

from .._core.errors import (
    GraphRefused,
    KeyStoreError,
    NotProven,
    OthersGone,
    Unsafe,
)
from .._core.model import KeyCredential, Version
from .._core.plan import Step
from .._core.times import format_iso
from .._entra.patience import LONGEST_RETRY_AFTER, seconds_asked
from .register import choose_way, seconds_to_settle, signs_in, tell_vanished
from .run import Run
from .settling import POLL, Failure, Way, Writing, carry_out, never_shown
from .signing import is_new, read_as_itself, remove_with_proof
from .unsafe import not_shown, stopped, unless_protected
from .update import may_send_dates_again, update_to_remove


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
    _read_with(run, current)
    # Retired already by another run during a pause, unless the removal was lost: then the application shows it again.
    if version.record.retired is None or _shown(run, version):
        try:
            _remove_credentials(run, version, current, step.key_id)
        except (GraphRefused, OthersGone) as failure:
            _leave_to_next_run(run, version, current, step.key_id, failure)
            return
        version = run.remember(version, retired=run.now)
        run.log("retired", version, key_id=_told(run, version, step.key_id))
    _told(run, version, step.key_id)
    if run.policy.keep_retired <= dt.timedelta():
        _delete_key(run, version)


def _leave_to_next_run(
    run: Run, version: Version, current: Version, key_id: str | None, failure: GraphRefused | OthersGone
) -> None:
    """The new key is not good for proofs yet. Nothing is in danger: both keys sign in, and the renewal is proven.

    Raises any other failure, and this one too when the key is no longer new. An administrator would have removed it by
    PATCH, so that a PATCH that stops is left as well.
    """
    is_for_youth = run.policy.add_method != "update" if isinstance(failure, OthersGone) else failure.refuses_proof
    if not is_for_youth or not is_new(run, current):
        raise failure
    if isinstance(failure, OthersGone) and run.latest:
        tell_vanished(run, run.latest)
    run.progress.left.append(version.thumbprint)
    shown = run.latest.find_credential(version.certificate) if run.latest else None
    stays = shown.key_id if shown else key_id
    run.progress.removed = [other for other in run.progress.removed if other != stays]
    since = format_iso(current.record.registered or current.record.intent)
    why = f"Entra does not take proofs by the new key {current.thumbprint} yet, registered at {since}; it signs in."
    run.connection.warn(
        f"Certificate {version.thumbprint} stays on the application for now: "
        f"{failure.message if isinstance(failure, OthersGone) else why} The next run removes it; a day after the "
        f"registration of {current.thumbprint} this becomes a failure."
    )


def _delete_key(run: Run, version: Version) -> None:
    _refuse_known(run, version)
    run.connection.store.delete_version(version.thumbprint)
    run.memory.forget(version.certificate)  # what a replica that lags has shown of it is nothing to wait for
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
        if version.record.registered:
            _say_gone(run, version, "the application does not show it")
        return
    key_id = entry.key_id if entry else key_id
    if not key_id:
        raise Unsafe(f"Certificate {version.thumbprint} is not retired: its key ID is not known.")
    _require_current(run, current)
    _remove(run, version, current, key_id)
    while run.progress.readable and run.latest and (entry := run.latest.find_credential(version.certificate)):
        key_id = unless_protected(run.latest, entry).key_id
        _remove(run, version, current, key_id)


def _remove(run: Run, version: Version, current: Version, key_id: str) -> None:
    run.progress.removed.append(key_id)
    _send_removal(run, version, current, key_id)
    _tell(run, version, key_id)
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


def _say_gone(run: Run, version: Version, why: str) -> None:
    """Success; but whoever looks for who removed it has to know that this run did not."""
    run.connection.warn(
        f"Certificate {version.thumbprint} was gone before this run could remove it: {why}. It counts as retired; "
        "somebody else, or an earlier run that was stopped, has removed it."
    )


def _shown(run: Run, version: Version) -> KeyCredential | None:
    """The credential on the application, by the latest read where that shows it.

    One that may still be on its way is waited for until its time is over.
    """
    if not run.progress.readable:
        return None
    if run.latest and (known := run.latest.find_credential(version.certificate)):
        return unless_protected(run.latest, known)
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
    return unless_protected(application, entry) if entry else None


def _send_removal(run: Run, version: Version, current: Version, key_id: str) -> None:
    """A removal may be sent twice, as it names its entry: one without an answer is given moments to show."""
    carry_out(
        Writing(
            f"the removal of key credential {key_id}",
            _ways(run, version, current, key_id),
            wait=run.connection.timing.wait,
            settle=lambda failure, attempt: _look_after(run, version, key_id, failure, attempt),
            is_there=lambda: _is_absent(run, key_id),
            sends_dates_again=lambda refusal: may_send_dates_again(run, refusal, key_id),
        )
    )


def _ways(run: Run, version: Version, current: Version, key_id: str) -> tuple[Way, ...]:
    graph, _why = choose_way(run, current)
    by_update = Way(lambda: update_to_remove(run, key_id, keep=current.certificate))
    if not graph:
        return (by_update,)
    remove = functools.partial(remove_with_proof, run, graph, current, key_id, version.thumbprint)
    by_proof = Way(
        lambda: remove,
        is_hint=lambda refusal: refusal.says_absent(run.progress.object_id),
        gives_way=lambda refusal: refusal.status in (401, 403) and _may_update(run, refusal),
    )
    return by_proof, by_update


def _is_absent(run: Run, key_id: str) -> bool:
    return run.progress.readable and not run.read(new_connection=True).find_credential_by_id(key_id)


def _look_after(run: Run, version: Version, key_id: str, failure: Failure, attempt: int) -> bool:
    """Whether it is gone after "not there", or after no answer and a pause."""
    if isinstance(failure, GraphRefused) and failure.says_absent(run.progress.object_id):
        if _is_gone(run, version, key_id, is_first=attempt == 1):
            return True
        _look_again(run, failure, key_id)
        return _is_absent(run, key_id)
    asked = seconds_asked(failure)
    if failure.diagnosis.retry != "later" or (asked or 0.0) > LONGEST_RETRY_AFTER:
        raise failure
    what = "a removal without an answer; looking whether it took effect"
    run.connection.timing.wait(POLL * attempt if asked is None else asked, what)
    return _is_absent(run, key_id)


def _is_gone(run: Run, version: Version, key_id: str, *, is_first: bool) -> bool:
    """After "not there", which is a hint: where the directory may be read, that decides.

    Else the key is gone when every replica would know it: one that was registered lately may not have got around.
    """
    if run.progress.readable:
        return not run.read(new_connection=True).find_credential_by_id(key_id)
    since, now = version.record.registered or version.record.intent, run.connection.clock.service_time()
    is_gone = since is None or not dt.timedelta() <= now - since < run.policy.propagation
    if is_gone and is_first:  # a later one may mean what an earlier request has removed
        _say_gone(run, version, f"Graph knows no key credential {key_id} to remove")
    return is_gone


def _look_again(run: Run, said: GraphRefused, key_id: str) -> None:
    """Ask again until the propagation time is over; asked once more, removeKey removes what it knows by then."""
    timing = run.connection.timing
    left = run.deadline(f"removal of {key_id}", run.policy.propagation.total_seconds()) - timing.monotonic()
    if left <= 0:
        raise NotProven(
            f"Graph says that there is no key credential {key_id} to remove, but the application still shows it after "
            f"{run.policy.propagation.total_seconds():.0f} s. The current certificate is not affected. Run again.",
            said.diagnosis,
        )
    timing.wait(min(POLL * 5, left), f"the removal of key credential {key_id} to show ({left:.0f} s left)")


def _may_update(run: Run, refusal: GraphRefused) -> bool:
    """Whether a PATCH may take the place of removeKey. Where the age of the key is all that is wrong and an entry of
    somebody else is not shown, the PATCH would wait for that entry, and stop: the key is waited for instead."""
    if run.policy.add_method != "auto" or not run.progress.readable or run.connection.is_own_identity:
        return False
    current = run.contents.current
    is_young = refusal.refuses_proof and current is not None and is_new(run, current)
    return not (is_young and run.latest and run.missing_foreign(run.latest))


def _read_back(run: Run, version: Version, key_id: str) -> None:
    """Removed means that the directory no longer shows it."""
    if not run.progress.readable:
        return
    gone = run.read_until(
        key_id, lambda found: not found.find_credential_by_id(key_id), "the removal of key credential"
    )
    if not gone:
        raise never_shown(
            f"Graph acknowledged the removal of certificate {version.thumbprint}, but the application still shows its "
            f"key credential {key_id} after {run.policy.propagation.total_seconds():.0f} s. The current certificate is "
            "not affected. Run again."
        )


def _told(run: Run, version: Version, planned: str | None) -> str | None:
    """The key ID that was truly removed. Where nothing was left to remove, the one that is known is told as gone."""
    if not any(entry["thumbprint"] == version.thumbprint for entry in run.progress.retired):
        _tell(run, version, planned or version.record.key_id)
    told = (entry["key_id"] for entry in run.progress.retired if entry["thumbprint"] == version.thumbprint)
    return t.cast(t.Optional[str], next(told))


def _tell(run: Run, version: Version, key_id: str | None) -> None:
    """What a wait in between must not drop from the result: told once, as soon as it is done."""
    entry = {"key_id": key_id, "thumbprint": version.thumbprint}
    if entry not in run.progress.retired:
        run.progress.retired.append(entry)


def _read_with(run: Run, current: Version) -> None:
    """An application whose old key was gone could not read for its plan: with the new key it may."""
    if not run.connection.is_own_identity or run.progress.readable or run.progress.forbidden:
        return
    if read_as_itself(run, current):
        _require_current(run, current)


def _refuse_known(run: Run, version: Version) -> None:
    """A key that somebody still knows is not destroyed: asked by a read where one is allowed, else by a sign-in, which
    the key of a retired certificate does not need."""
    if run.progress.readable:
        certificate = version.certificate
        if run.latest and not run.memory.last_shown(certificate, run.progress.removed):
            return
        what = "that it has no more of the certificate"
        known = not run.read_until(version.thumbprint, lambda found: not found.find_credential(certificate), what)
    else:
        known = version.record.retired is None and signs_in(run, version)
    if known:
        raise stopped(f"The private key of certificate {version.thumbprint} is not deleted: Entra still knows it.")
