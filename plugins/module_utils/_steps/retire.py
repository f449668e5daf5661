# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retire a predecessor: its credential goes, what stays is left to the next run, its private key is deleted in time."""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.errors import GraphRefused, KeyStoreError, OthersGone
from .._core.model import Version
from .._core.plan import Step
from .._core.times import format_iso
from .register import signs_in, tell_vanished
from .remove import find_shown, remove_credentials, require_current, tell
from .run import Run
from .signing import is_new, read_as_itself
from .unsafe import stopped


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
    if version.record.retired is None or find_shown(run, version):
        if not _remove_or_leave(run, version, current, step.key_id):
            return
        version = run.remember(version, retired=run.now)
        run.log("retired", version, key_id=_told(run, version, step.key_id))
    _told(run, version, step.key_id)
    if run.policy.keep_retired <= dt.timedelta():
        _delete_key(run, version)


def _remove_or_leave(run: Run, version: Version, current: Version, key_id: str | None) -> bool:
    """Whether its credentials are gone; else the next run removes them."""
    try:
        remove_credentials(run, version, current, key_id)
    except (GraphRefused, OthersGone) as failure:
        if not _may_be_left(run, current, failure):
            raise
        _leave_to_next_run(run, version, current, key_id, failure)
        return False
    return True


def _may_be_left(run: Run, current: Version, failure: GraphRefused | OthersGone) -> bool:
    """Whether the new key may only be too young for proofs. An administrator would have removed the old one by PATCH
    then, so that a PATCH that stops is left as well."""
    is_for_youth = run.policy.add_method != "update" if isinstance(failure, OthersGone) else failure.refuses_proof
    return is_for_youth and is_new(run, current)


def _leave_to_next_run(
    run: Run, version: Version, current: Version, key_id: str | None, failure: GraphRefused | OthersGone
) -> None:
    """The new key is not good for proofs yet. Nothing is in danger: both keys sign in, and the renewal is proven."""
    shown = None
    if run.latest:
        shown = run.latest.find_credential(version.certificate)
        if isinstance(failure, OthersGone):
            tell_vanished(run, run.latest)
    run.progress.left.append(version.thumbprint)
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


def _told(run: Run, version: Version, planned: str | None) -> str | None:
    """The key ID that was truly removed. Where nothing was left to remove, the one that is known is told as gone."""
    if not any(entry["thumbprint"] == version.thumbprint for entry in run.progress.retired):
        tell(run, version, planned or version.record.key_id)
    told = (entry["key_id"] for entry in run.progress.retired if entry["thumbprint"] == version.thumbprint)
    return t.cast(t.Optional[str], next(told))


def _read_with(run: Run, current: Version) -> None:
    """An application whose old key was gone could not read for its plan: with the new key it may."""
    if not run.connection.is_own_identity or run.progress.readable or run.progress.forbidden:
        return
    if read_as_itself(run, current):
        require_current(run, current)


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
