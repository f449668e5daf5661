# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the credentials of a certificate by their key IDs, and see that they are gone."""

from __future__ import annotations

import datetime as dt
import functools

from .._core.errors import GraphRefused, NotProven, Unsafe
from .._core.model import Application, KeyCredential, Version
from .._entra.patience import LONGEST_RETRY_AFTER, seconds_asked
from .register import choose_way, seconds_to_settle
from .run import Run
from .settling import POLL, Failure, Way, Writing, carry_out, never_shown
from .signing import is_new, remove_with_proof
from .unsafe import not_shown, unless_protected
from .update import may_send_dates_again, update_to_remove


def fresh_sign_in(run: Run, current: Version) -> None:
    """A sign-in with the current key that this call made: nothing is removed without one."""
    if current.thumbprint not in run.tokens:
        run.tokens[current.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, current, "retire")
        run.remember(run.version(current.thumbprint), accepted=run.now)


def remove_credentials(run: Run, version: Version, current: Version, key_id: str | None) -> None:
    """Remove it unless it is gone already; then every other entry that holds the same certificate."""
    entry = find_shown(run, version)
    if run.progress.readable and entry is None:
        if version.record.registered:
            _say_gone(run, version, "the application does not show it")
        return
    key_id = entry.key_id if entry else key_id
    if not key_id:
        raise Unsafe(f"Certificate {version.thumbprint} is not retired: its key ID is not known.")
    require_current(run, current)
    _remove(run, version, current, key_id)
    while run.progress.readable and run.latest and (entry := run.latest.find_credential(version.certificate)):
        key_id = unless_protected(run.latest, entry).key_id
        _remove(run, version, current, key_id)


def _remove(run: Run, version: Version, current: Version, key_id: str) -> None:
    run.progress.removed.append(key_id)
    _send_removal(run, version, current, key_id)
    tell(run, version, key_id)
    _read_back(run, version, key_id)


def require_current(run: Run, current: Version) -> None:
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


def find_shown(run: Run, version: Version) -> KeyCredential | None:
    """The credential on the application, by the latest read where that shows it."""
    if not run.progress.readable:
        return None
    application = run.latest
    if application is None or not application.find_credential(version.certificate):
        application = _read_in_time(run, version)
    entry = application.find_credential(version.certificate)
    return unless_protected(application, entry) if entry else None


def _read_in_time(run: Run, version: Version) -> Application:
    """A read that shows the certificate; one that may still be on its way is waited for until its time is over."""
    is_on_its_way = version.record.intent is not None and not version.record.registered
    seconds = seconds_to_settle(run, version) if is_on_its_way else 0.0
    deadline = run.deadline(f"find {version.thumbprint}", seconds)
    while True:
        application = run.read()
        remaining = deadline - run.connection.timing.monotonic()
        if remaining <= 0 or application.find_credential(version.certificate):
            return application
        run.connection.timing.wait(
            min(POLL * 2, remaining), f"an unfinished write to show its effect before it is undone ({remaining:.0f} s)"
        )


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
        return _is_absent(run, key_id)
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


def tell(run: Run, version: Version, key_id: str | None) -> None:
    """What a wait in between must not drop from the result: told once, as soon as it is done."""
    entry = {"key_id": key_id, "thumbprint": version.thumbprint}
    if entry not in run.progress.retired:
        run.progress.retired.append(entry)
