# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go back to the predecessor: only if it signs in now and the current key is refused for being what it is."""

from __future__ import annotations

from .._core.errors import KeyStoreError, SignInRefused, Unsafe
from .._core.model import StoreContents, Version
from .._core.plan import Plan, Step
from .._core.policy import SIGN_IN_PAUSE, RenewalPolicy
from .._core.status import SignIn, Snapshot
from .connection import Connection, identity_of, refuse_other_application
from .gather import Looked, Series, refused_each_time
from .pausing import handing_over
from .run import Progress, Run, start, take_up


def prepare_roll_back(connection: Connection, policy: RenewalPolicy, progress: Progress | None = None) -> Run:
    """Both sign-ins, and the one step, or the reason why nothing moves. No step when it is done already.

    `progress` goes on with a call that had to wait: what was refused then counts now.
    """
    progress = progress or Progress()
    take_up(connection, progress)
    with handing_over(connection, progress, policy):
        return _prepare(connection, policy, progress.looked)


def _prepare(connection: Connection, policy: RenewalPolicy, looked: dict[str, int]) -> Run:
    connection.discover()
    store = connection.store.read()
    refuse_other_application(connection, store)
    current, predecessor = store.current, store.predecessor
    if current is None:
        raise KeyStoreError(store.why_no("current", connection.store.location))
    steps: tuple[Step, ...] = ()
    if not _is_rolled_back(store):
        if predecessor is None or predecessor.record.retired:
            raise Unsafe(f"Nothing to roll back to: certificate {current.thumbprint} has no predecessor in the store.")
        _require_refusal(connection, current, looked)
        _require_acceptance(connection, predecessor)
        steps = (
            Step(
                "roll_back",
                f"Certificate {predecessor.thumbprint} becomes current again; {current.thumbprint} is refused.",
                predecessor.thumbprint,
            ),
        )
        connection.refuse_skew()
    return start(connection, policy, Snapshot(connection.clock.now(), store), Plan(None, steps), None, None)


def roll_back(run: Run) -> None:
    """The switch itself: the refused version becomes the successor, durably, then the predecessor becomes current."""
    for step in run.progress.steps:
        refused = run.connection.store.read().current
        if refused:
            run.remember(refused, refused=run.now)
        run.connection.store.roll_back(step.thumbprint or "")
        version = run.version(step.thumbprint)
        run.log("rolled_back", version, refused=refused.thumbprint if refused else None)


def _is_rolled_back(store: StoreContents) -> bool:
    """An earlier rollback left the refused version as successor, and current is the one it had replaced."""
    successor, current = store.successor, store.current
    if not successor or not current or not successor.record.refused:
        return False
    return successor.record.predecessor == current.thumbprint


def _require_refusal(connection: Connection, current: Version, looked: Looked) -> None:
    """The current key must be refused at every one of the attempts, those of earlier calls included."""
    required, name = connection.proof.sign_ins, f"refused {current.thumbprint}"
    pause = max(connection.proof.interval, SIGN_IN_PAUSE)
    if looked.get(name, 0) < required:
        series = Series(name, required, pause, "the next sign-in with the current key")
        refused_each_time(connection, looked, series, lambda: _ask_for_refusal(connection, current))


def _ask_for_refusal(connection: Connection, current: Version) -> SignIn:
    app_id, _object_id = identity_of(connection, None, current)
    try:
        connection.sign_in_patiently(app_id, current, "roll back")
    except SignInRefused as refusal:
        if refusal.diagnosis.blames_key:
            return SignIn(refusal.diagnosis)
        raise Unsafe(
            f"Not rolled back: the current certificate is refused, but not because of its key. "
            f"{refusal.diagnosis.sentence}",
            refusal.diagnosis,
        ) from refusal
    raise Unsafe(f"Not rolled back: Entra accepts sign-ins with the current certificate {current.thumbprint}.")


def _require_acceptance(connection: Connection, predecessor: Version) -> None:
    app_id, _object_id = identity_of(connection, None, predecessor)
    try:
        connection.sign_in_patiently(app_id, predecessor, "roll back")
    except SignInRefused as refusal:
        raise Unsafe(
            f"Not rolled back: the predecessor {predecessor.thumbprint} does not sign in either. "
            f"{refusal.diagnosis.sentence}",
            refusal.diagnosis,
        ) from refusal
