# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the successor's certificate on the application, and know that it is there."""

from __future__ import annotations

import datetime as dt
import functools
import math
import typing as t

from .._core.budget import pause_after_refusal
from .._core.errors import NotProven, SignInRefused, Unsafe
from .._core.model import Application, Version
from .._core.policy import BUDGET_WINDOW
from .._entra.graph import GraphClient
from .refused import send_what_is_taken
from .rights import refuse_lacks
from .run import Run
from .settling import POLL, Failure, Way, Writing, carry_out, never_shown
from .signing import NO_KEY, add_with_proof, own_token_for
from .update import may_send_dates_again, update_to_add
from .wrong_object import find_misplaced


def choose_way(run: Run, signing: Version | None, no_key: str = NO_KEY) -> tuple[GraphClient | None, str]:
    """How to write: Graph with the application's own token for addKey, or None for PATCH, and why.

    Raises before the first effect when neither way is open.
    """
    reasons: list[str] = []
    graph = own_token_for(run, signing, reasons.append, no_key)
    why = reasons[0] if reasons else ""
    if graph:
        return graph, why
    if run.policy.add_method == "add_key":
        raise Unsafe(f"addKey cannot be used: {why}. Set add_method to 'auto' or 'update'.")
    if run.connection.is_own_identity and not run.progress.readable:
        raise Unsafe(
            f"The application cannot write its own credentials: {why or 'it may not read its own object'}. An identity "
            "that may write it has to renew: sign in with another auth_source (role recover in an emergency)."
        )
    refuse_lacks(run.connection, ["add_certificate"])
    return None, why


def register(run: Run, version: Version, signing: Version | None) -> None:
    """Intent durable → send → known to be there → read back. Entering again settles an earlier send first."""
    if not run.progress.sent:
        if run.policy.registered_key_id:
            wait_for_others(run, version)
        elif _is_settled(run, version) or not settle(run, version):
            way, _why = choose_way(run, signing)
            version = send_what_is_taken(run, version, lambda one: send(run, one, signing, way))
        run.progress.sent = True  # a wait while reading back enters here again
    confirm(run, version)


def wait_for_others(run: Run, version: Version) -> None:
    """Somebody else has registered it, so nothing is sent; replicas may still have to hear of it."""
    if settle(run, version, "the certificate that was registered elsewhere to be accepted", ""):
        return
    seconds = run.policy.propagation.total_seconds()
    raise NotProven(
        f"Certificate {version.thumbprint} is not accepted after {seconds:.0f} s, although it was registered elsewhere "
        f"(registered_key_id {run.policy.registered_key_id}). Check that application {run.progress.app_id} has this "
        "certificate. The current certificate is unchanged. Run again."
    )


def _is_settled(run: Run, version: Version) -> bool:
    """Whether no earlier send of this certificate is without an answer."""
    if run.progress.unsettled is not None:
        return not run.progress.unsettled
    return version.record.intent is None


def send(run: Run, version: Version, signing: Version | None, way: GraphClient | None) -> None:
    """Send the certificate until the service has taken it, each time only when it is known not to be there."""
    name, timing = version.thumbprint, run.connection.timing
    deadline = run.deadline(f"send {name}", run.policy.propagation.total_seconds())

    def left() -> float:
        return deadline - timing.monotonic()

    carry_out(
        Writing(
            "the write",
            _ways(run, version, signing, way),
            wait=timing.wait,
            settle=lambda failure, _attempt: _settle_or_raise(run, name, failure, is_last=left() <= 0),
            is_there=lambda: _is_known(run, version),
            intend=lambda: _intend(run, name),
            acknowledged=lambda key_id: run.remember(run.version(name), registered=run.now, key_id=key_id),
            sends_dates_again=lambda refusal: may_send_dates_again(run, refusal, name),
            left=left,
            longest_pause=math.inf,  # a new key is worth all of the propagation time, whoever asks for it
            attempts=math.inf,
        )
    )


def _settle_or_raise(run: Run, thumbprint: str, failure: Failure, *, is_last: bool) -> bool:
    is_there = settle(run, run.version(thumbprint))
    if is_last and not is_there:
        raise failure
    return is_there


def _ways(run: Run, version: Version, signing: Version | None, graph: GraphClient | None) -> tuple[Way, ...]:
    """addKey takes nothing away, so it comes first. PATCH follows only on a refused proof, where it may."""
    by_update = Way(lambda: update_to_add(run, version.certificate))
    if not graph or not signing:
        return (by_update,)
    may_update = run.policy.add_method == "auto" and not run.connection.is_own_identity
    add = functools.partial(add_with_proof, run, graph, signing, version)
    return (Way(lambda: add, gives_way=lambda refusal: may_update and refusal.status in (401, 403)), by_update)


def _intend(run: Run, thumbprint: str) -> t.Callable[[], None]:
    """The intent is durable before the request: whatever happens, the next run knows that it may have been sent.

    A refusal says that nothing was applied: then the intent was none, and what was known before it holds again.
    """
    version = run.version(thumbprint)

    def take_back() -> None:
        run.progress.unsettled = False
        run.connection.store.write_record(thumbprint, version.record)

    run.progress.unsettled = True
    run.memory.forget(version.certificate)
    run.remember(
        version,
        app_id=run.progress.app_id,
        object_id=run.progress.object_id or None,
        key_id=None,
        intent=run.now,
        stop_after=None,
        registered=None,
        proven=None,
        seen=None,
        accepted=None,
        refused=None,
        refusal=None,
    )
    return take_back


def _is_known(run: Run, version: Version) -> bool:
    """A write is never sent again without looking first. Who may not read signs in: a refusal may come from a proxy
    that did not hear of the effect."""
    if run.progress.readable:
        return run.read().find_credential(version.certificate) is not None
    return signs_in(run, version)


def settle(
    run: Run,
    version: Version,
    awaited: str = "a write without an answer to show its effect",
    afterwards: str = " before it is sent again",
) -> bool:
    """Whether a write without an answer has taken effect: read back and sign in until its propagation time is over."""
    timing, name = run.connection.timing, f"settle {version.thumbprint}"
    deadline = run.deadline(name, seconds_to_settle(run, version))
    while True:
        if run.progress.readable and run.read(new_connection=True).find_credential(version.certificate):
            return True
        remaining = deadline - timing.monotonic()
        if _is_turn_to_sign_in(run, name, remaining):
            if signs_in(run, version):
                return True
            run.progress.deadlines[f"sign-in to {name}"] = timing.monotonic() + _pause(run, remaining)
        if remaining <= 0:
            run.progress.deadlines.pop(name)
            return False
        timing.wait(min(POLL * 2, remaining), f"{awaited} ({remaining:.0f} s left{afterwards})")


def _is_turn_to_sign_in(run: Run, name: str, remaining: float) -> bool:
    """Sign-ins are rarer than reads, as each counts against the budget. The last look is one where nothing may be read;
    elsewhere a key that the application does not show by now, and that signs in all the same, is on another object."""
    if remaining <= 0:
        return not run.progress.readable
    return run.connection.timing.monotonic() >= run.deadline(f"sign-in to {name}", 0.0)


def seconds_to_settle(run: Run, version: Version) -> float:
    """What is left of the propagation time since the certificate was sent; never more, whatever a clock says."""
    since = run.now - version.record.intent if version.record.intent else dt.timedelta()
    left = run.policy.propagation - max(since, dt.timedelta())
    return max(0.0, left.total_seconds())


def _pause(run: Run, remaining: float) -> float:
    now = run.connection.clock.service_time()
    made = run.connection.store.sign_ins_since(now - BUDGET_WINDOW)
    return pause_after_refusal(run.proof, made, now, remaining)


def signs_in(run: Run, version: Version) -> bool:
    """One sign-in with the version's key: accepted or not (yet). A final refusal is raised."""
    try:
        run.connection.sign_in_patiently(run.progress.app_id, version, "settle")
    except SignInRefused as refusal:
        if refusal.diagnosis.retry == "wait":
            return False
        if refusal.diagnosis.blames_key:
            run.remember(run.version(version.thumbprint), refused=run.now)
        raise
    run.remember(run.version(version.thumbprint), accepted=run.now)
    return True


def confirm(run: Run, version: Version) -> None:
    """Read back until the directory shows the certificate. Where it may not be read the sign-ins are the proof."""
    version = run.version(version.thumbprint)
    if not run.progress.readable:
        registered = run.remember(version, registered=version.record.registered or run.now)
        run.log("registered", registered, key_id=registered.record.key_id, proof="acknowledged")
        return
    application = run.read_until(
        version.thumbprint, lambda found: found.find_credential(version.certificate), "the new certificate"
    )
    version = run.version(version.thumbprint)  # with what the reads have told its record
    if not application:
        raise _not_applied(run, version)
    run.log("registered", version, key_id=version.record.key_id, proof="directory")
    report_vanished(run, application)


def _not_applied(run: Run, version: Version) -> NotProven:
    elsewhere = find_misplaced(run.connection, run.latest, version) if run.latest else None
    return never_shown(
        f"Graph acknowledged the new certificate {version.thumbprint}, but the application {run.progress.display_name} "
        f"(object ID {run.progress.object_id}) does not show it after {run.proof.timeout:.0f} s: the write was not "
        "applied. The current certificate is unchanged. Run again: the same certificate is sent once more."
        + (f" {elsewhere.message}" if elsewhere else "")
    )


def report_vanished(run: Run, application: Application) -> None:
    """Say which entries of others are gone. They are never re-created; a replica that lags is asked again first."""
    for _again in range(2):
        if not run.missing_foreign(application):
            return
        run.connection.timing.wait(1, "the directory to show credentials of others again")
        application = run.read(new_connection=True)
    tell_vanished(run, application)


def tell_vanished(run: Run, application: Application) -> None:
    """The same where the directory was asked often enough."""
    for entry in run.missing_foreign(application):
        if entry not in run.progress.vanished:
            run.progress.vanished.append(entry)
            run.connection.warn(
                f"The credential {entry['display_name'] or 'unnamed'} (key ID {entry['key_id']}) of somebody else was "
                "on the application when this run started and is gone. This run did not remove it and does not "
                "re-create it."
            )
