# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""START HERE: a renewal from the first read to the last removal, on one page.

The order is the safety argument: the private key is durable before its certificate leaves the machine; the certificate
is proven before consumers see it; the predecessor goes last. Check mode is the same page up to the plan.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import typing as t
from dataclasses import dataclass, field

from .._core.errors import InvalidInput, SignInRefused, StillWaiting, Unsafe
from .._core.model import STAGES, Record, Version
from .._core.plan import Plan, Step, plan_renewal, was_possibly_sent
from .._core.policy import PROOF_FRESH, START_MARGIN, RenewalPolicy
from .._core.status import Snapshot, assess
from .._core.subject import default_subject
from .._core.take_over import taken_over
from .._core.times import format_days, whole_seconds
from . import prove as proofs
from .adopt import take_over
from .aside import clear_asides, set_aside
from .connection import Connection
from .fall_back import FELL_BACK, fall_back, gather_or_fall_back
from .gather import warn_of_newer_keys
from .history import Doing, noting_failures
from .limits import find_limit, fit_to_limit, refuse_longer
from .pausing import handing_over
from .register import choose_way, register
from .retire import retire
from .rights import refuse_blueprint
from .run import KeyPairLike, Progress, Run, start, take_up
from .signing import NO_KEY, read_as_itself
from .wrong_object import warn_of_wrong_object


@dataclass(frozen=True)
class Request:
    """What one call of the renewal wants. `make_key_pair` makes one; `provided` is one that the user brought."""

    policy: RenewalPolicy
    make_key_pair: t.Callable[[RenewalPolicy, str, dt.datetime, dt.datetime], KeyPairLike] = field(repr=False)
    provided: KeyPairLike | None = field(default=None, repr=False)
    pfx_passphrase: str | None = field(default=None, repr=False)
    lock_deadline: float = 0.0


@dataclass(frozen=True)
class Renewal:
    """What came of it: the run with its progress, and whether it was carried out or only planned."""

    run: Run
    dry_run: bool
    access_changes: t.Sequence[dict[str, t.Any]] = ()


def renew(connection: Connection, request: Request, *, dry_run: bool, progress: Progress | None = None) -> Renewal:
    """Renew when due. `progress` goes on with a call that had to wait. Raises StillWaiting out of any wait."""
    progress = progress or Progress()
    if dry_run:
        return Renewal(prepare(connection, request, progress), dry_run=True)
    if not connection.store.exists:
        # Whatever speaks against a first renewal is said before a store is made.
        planned = prepare(connection, request, progress)
        if not planned.progress.steps:
            return Renewal(planned, dry_run=False)
    with locked(connection, request, progress=progress) as doing:
        run = go_on(connection, request, progress) or prepare(connection, request, progress)
        doing.progress = run.progress
        carry_out(run, request)
        return Renewal(run, dry_run=False)


@contextlib.contextmanager
def locked(
    connection: Connection, request: Request, act: str = "prepare", progress: Progress | None = None
) -> t.Iterator[Doing]:
    """The key store, made if need be, held against other runs, cleared of what a killed run left half-made, and open
    to its consumers. Nothing is written to a store that was not accepted as ours, not even why it was refused."""
    connection.store.prepare()
    patience = max(0.0, request.lock_deadline - connection.timing.monotonic())
    with noting_failures(connection, act, progress) as doing, connection.store.lock(patience, connection.timing.wait):
        connection.store.clear_debris()
        connection.access_changes += connection.store.correct_access()
        yield doing


def prepare(connection: Connection, request: Request, progress: Progress) -> Run:
    """Snapshot → finding → plan, and every reason to stop before the first effect."""
    take_up(connection, progress)
    kept = Progress(looked=progress.looked, deadlines=progress.deadlines, memory=progress.memory)
    with handing_over(connection, kept, request.policy):
        return _prepare(connection, request, progress.looked)


def _prepare(connection: Connection, request: Request, looked: dict[str, int]) -> Run:
    found, policy = gather_or_fall_back(connection, request.policy, looked)
    before = taken_over(found, policy)
    warn_of_wrong_object(connection, before)
    warn_of_newer_keys(connection, before.application, before.store)
    policy, plan = _plan_within_limits(connection, request, policy, before)
    run = start(connection, policy, before, plan, request.provided, request.pfx_passphrase)
    if FELL_BACK in looked:
        run.progress.looked[FELL_BACK] = 1
    stop_before_effects(run, before, plan)
    return run


def _plan_within_limits(
    connection: Connection, request: Request, policy: RenewalPolicy, before: Snapshot
) -> tuple[RenewalPolicy, Plan]:
    """The plan, with the lifetimes in it held against the management policies where they may be read."""
    brought = request.provided.certificate if request.provided else None
    finding = assess(before, policy)
    plan = plan_renewal(before, policy, finding, brought)
    if not before.application or not {"generate", "register"} & {step.name for step in plan.steps}:
        return policy, plan
    limit = find_limit(connection, before.application)
    if limit is None:
        return policy, plan
    policy = dataclasses.replace(policy, longest=limit.span)
    plan = plan_renewal(before, policy, finding, brought)
    if any(step.name == "generate" for step in plan.steps) and not brought:
        policy = fit_to_limit(connection, before.application, policy, limit)
        return policy, plan_renewal(before, policy, finding)
    for step in plan.steps:
        made = before.store.find(step.thumbprint) if step.thumbprint else None
        sent = made.certificate if made else brought
        if step.name == "register" and sent:
            refuse_longer(before.application, sent, limit)
    return policy, plan


def stop_before_effects(run: Run, before: Snapshot, plan: Plan) -> None:
    """A wrong clock, or no way to write: both are known before anything is made."""
    for sentence in plan.not_retirable:
        run.connection.warn(sentence)
    if not plan:
        return
    refuse_blueprint(before.application)
    run.connection.refuse_skew()
    if any(step.name == "generate" for step in plan.steps):
        _refuse_lost_pfx(run)
        if run.provided:
            _refuse_unusable(run, run.provided)
    if run.policy.registered_key_id:
        _refuse_nothing_registered(run, plan)
        return  # nothing will be sent
    back = next((step.thumbprint for step in plan.steps if step.name == "roll_back"), None)
    if back and run.connection.is_own_identity:
        return  # it gets its access back first, and only then can know what it may do
    if any(step.name == "register" for step in plan.steps):
        refused = before.current_sign_in.diagnosis if before.current_sign_in else None
        why = f"Entra refuses a sign-in with the current key: {refused.cause}" if refused else NO_KEY
        choose_way(run, before.store.find(back) if back else usable_current(before), why)


def _refuse_lost_pfx(run: Run) -> None:
    """Consumers of a PFX would find none in the next version."""
    if run.connection.store.has_pfx() and not run.pfx_passphrase:
        problem = (
            f"The current version in the key store {run.connection.store.location} has a bundle.pfx, and the next one "
            "would have none: give pfx_passphrase (ENTRA_PFX_PASSPHRASE). Where nobody reads it any more, delete "
            "current/bundle.pfx."
        )
        raise InvalidInput([problem])


def _refuse_nothing_registered(run: Run, plan: Plan) -> None:
    """A key ID that was given belongs to a certificate that exists: a new one cannot be what was registered."""
    if any(step.name == "generate" for step in plan.steps):
        problem = (
            f"registered_key_id: the key store {run.connection.store.location} holds no certificate that could go on "
            "under it. Run first with stop_after 'generated', and register the certificate that it returns."
        )
        raise InvalidInput([problem])


def usable_current(before: Snapshot) -> Version | None:
    """The key that may sign a proof: current, and not refused."""
    refused = before.current_sign_in is not None and not before.current_sign_in.accepted
    return None if refused else before.store.current


def go_on(connection: Connection, request: Request, progress: Progress) -> Run | None:
    """The run that an earlier call left waiting, when the key store is still as that call left it."""
    if not progress.steps:
        return None
    policy = fall_back(connection, request.policy) if progress.looked.get(FELL_BACK) else request.policy
    run = Run(connection, policy, connection.proof, progress, request.provided, request.pfx_passphrase)
    step = progress.under_way
    if step and step.name == "roll_back":
        current = connection.store.read().current
        if current and current.thumbprint != step.thumbprint:
            return None
    if step and step.name in ("register", "prove", "promote"):
        store = connection.store.read()
        name = step.thumbprint or progress.made
        if name not in [version.thumbprint for version in (store.successor, store.current) if version]:
            return None
        if store.current and store.current.thumbprint == name:
            _leave_to_others(progress)
    connection.discover()
    return run


def _leave_to_others(progress: Progress) -> None:
    """Another run has promoted the certificate meanwhile. One that was current from the start is still ours."""
    if progress.finding and progress.finding.reason != "unregistered":
        names = [step.name for step in progress.steps]
        progress.position = len(names) - names.count("retire")


def carry_out(run: Run, request: Request) -> None:
    """Each step of the plan in its order. A call that had to wait enters again at the step that waited."""
    progress = run.progress
    if not progress.steps:
        run.remember_algorithm()
        _note_what_others_do(run)
        if (left := run.contents.successor) and not was_possibly_sent(left):
            _leave_mark(run)  # the result hands out its certificate
        clear_asides(run)
        return
    take_up(run.connection, progress)
    run.begin_writing()
    _note_registered_elsewhere(run)
    for position in range(progress.position, len(progress.steps)):
        progress.position = position
        with handing_over(run.connection, progress, run.policy):
            try:
                if progress.steps[position].name in TIMED:
                    run.connection.refuse_skew()
                ACTIONS[progress.steps[position].name](run, progress.steps[position], request)
            except StillWaiting:
                run.remember_algorithm()
                raise
    run.remember_algorithm()
    clear_asides(run)
    _leave_mark(run)


def _note_what_others_do(run: Run) -> None:
    """Nothing is done here, but somebody else registers the current certificate anew: its key ID changes by that."""
    current, given = run.contents.current, run.policy.registered_key_id
    if not current:
        return
    if run.progress.finding and run.progress.finding.reason == "unregistered" and current.record.key_id:
        run.remember(current, key_id=None)
    elif not run.progress.finding and given and not current.record.key_id:
        run.remember(current, key_id=given)


def _note_registered_elsewhere(run: Run) -> None:
    """The key ID that somebody else got from the service: later it removes the certificate again."""
    named = [step for step in run.progress.steps if step.name in ("register", "prove")]
    if not run.policy.registered_key_id or not named:
        return
    version = run.version(named[0].thumbprint)
    is_accepted = named[0].name == "prove"
    run.remember(
        version,
        app_id=version.record.app_id or run.progress.app_id or None,
        object_id=run.progress.object_id or version.record.object_id,
        key_id=run.policy.registered_key_id,
        registered=version.record.registered or (run.now if is_accepted else None),
    )


def _roll_back(run: Run, step: Step, request: Request) -> None:
    version, current = run.version(step.thumbprint), run.contents.current
    if current is None or current.thumbprint != version.thumbprint:
        run.connection.store.roll_back(version.thumbprint)
        run.log("rolled_back", version, reason="the current certificate is not registered")
    if run.connection.is_own_identity:
        read_as_itself(run, version)


def _replace_successor(run: Run, step: Step, request: Request) -> None:
    """It becomes one of the others: one that may be known is retired at the end, one that nobody knows destroyed."""
    version = run.version(step.thumbprint)
    set_aside(run, version)
    run.log("replaced", version)


def _generate(run: Run, step: Step, request: Request) -> None:
    """The key pair becomes durable here, before anything of it leaves the machine."""
    if request.provided:
        pair, origin = request.provided, "provided"
    else:
        start_at = whole_seconds(run.connection.clock.service_time()) - START_MARGIN
        subject = run.policy.subject or default_subject(run.progress.display_name, run.progress.app_id)
        pair = request.make_key_pair(run.policy, subject, start_at, start_at + run.policy.validity)
        origin = "generated"
    record = Record(
        app_id=run.progress.app_id or None,
        object_id=run.progress.object_id or None,
        generated=run.now,
        origin=origin,
        finding=run.progress.finding.reason if run.progress.finding else None,
        validity=None if request.provided else format_days(request.policy.validity),
    )
    version = run.connection.store.keep_successor(t.cast(t.Any, pair), record, request.pfx_passphrase)
    run.progress.made = version.thumbprint
    run.log("generated", version, finding=record.finding)


def _refuse_unusable(run: Run, pair: KeyPairLike) -> None:
    certificate, now = pair.certificate, run.connection.clock.service_time()
    if certificate.not_after - now <= run.policy.renew_before:
        raise InvalidInput([f"The certificate given ends on {certificate.not_after:%Y-%m-%d}, within renew_before."])
    if certificate.not_before > now:
        raise InvalidInput([f"The certificate given is not valid before {certificate.not_before:%Y-%m-%d %H:%M} UTC."])


def _register(run: Run, step: Step, request: Request) -> None:
    store = run.connection.store.read()
    version = run.version(step.thumbprint)
    signing = store.current if store.current and store.current.thumbprint != version.thumbprint else None
    register(run, version, signing)


def _prove(run: Run, step: Step, request: Request) -> None:
    """Consecutive fresh sign-ins; one where a proof of minutes ago is on record."""
    version = run.version(step.thumbprint)
    recent = version.record.proven is not None and abs(run.now - version.record.proven) < PROOF_FRESH
    since = run.now - version.record.registered if version.record.registered else dt.timedelta()
    pause = 0.0 if recent else max(0.0, run.proof.initial_pause - max(0.0, since.total_seconds()))
    proofs.begin(run.progress.proof, run.connection, 1 if recent else run.proof.sign_ins, pause)
    try:
        signer = run.connection.store.signer(version.thumbprint)
        token = proofs.prove(run.connection, run.progress.proof, run.progress.app_id, signer)
    except SignInRefused as refusal:
        if refusal.diagnosis.blames_key:
            run.remember(version, refused=run.now)
        raise
    if token:
        run.tokens[version.thumbprint] = token
    proven = run.remember(version, proven=run.now, accepted=run.now)
    run.log("proven", proven, sign_ins=run.progress.proof.consecutive, attempts=run.progress.proof.attempts)


def _promote(run: Run, step: Step, request: Request) -> None:
    """One atomic switch. Consumers only ever see a proven key that is valid by the service's clock."""
    version, store = run.version(step.thumbprint), run.connection.store
    now = run.connection.clock.service_time()
    if not version.certificate.not_before <= now < version.certificate.not_after or not version.record.proven:
        raise Unsafe(f"Certificate {version.thumbprint} is not promoted: it is not proven and valid now.")
    successor = store.read().successor
    if successor and successor.thumbprint == version.thumbprint:
        version = store.promote_successor(run.now)
    else:
        version = run.remember(version, promoted=run.now, stop_after=None)
    run.log("promoted", version, predecessor=version.record.predecessor)


def _take_over(run: Run, step: Step, request: Request) -> None:
    take_over(run, run.version(step.thumbprint))


def _retire(run: Run, step: Step, request: Request) -> None:
    retire(run, step)


ACTIONS: dict[str, t.Callable[[Run, Step, Request], None]] = {
    "adopt": _take_over,
    "roll_back": _roll_back,
    "replace_successor": _replace_successor,
    "generate": _generate,
    "register": _register,
    "prove": _prove,
    "promote": _promote,
    "retire": _retire,
}
# Steps that a time goes into: an answer may have been wrong since the plan was made.
TIMED = ("generate", "promote", "retire")


def _leave_mark(run: Run) -> None:
    """A successor that a stop by request leaves is marked, so that the next run goes on with the same finding."""
    if run.policy.stop_after not in STAGES[:3]:
        return
    successor = run.connection.store.read().successor
    if successor:
        finding = run.progress.finding.reason if run.progress.finding else None
        record = dataclasses.replace(successor.record, stop_after=run.policy.stop_after, finding=finding)
        run.connection.store.write_record(successor.thumbprint, record)
