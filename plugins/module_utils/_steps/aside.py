# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key pairs that were set aside: their records say that they were never sent, and a restored record may be wrong.

A key is destroyed only when the directory, or where that may not be read a sign-in, says that nobody knows it.
"""

from __future__ import annotations

from .._core.errors import NetworkFailure, SignInRefused
from .._core.model import FROM_OUTSIDE, Version
from .._core.plan import was_possibly_sent
from .run import Run


def set_aside(run: Run, version: Version) -> None:
    """Out of the way of the next one. The mark comes first: a version without it would be gone on with."""
    store = run.connection.store
    is_foreign = version.record.origin == FROM_OUTSIDE
    if not was_possibly_sent(version) and not is_foreign:
        run.remember(version, aside=run.now)
    store.release_successor()
    if not was_possibly_sent(version) and is_foreign:
        store.delete_version(version.thumbprint)  # which leaves its key alone


def clear_asides(run: Run) -> None:
    """Destroy what nobody knows; what somebody does know is kept, to be retired. Never waits: the next run asks too."""
    for version in run.contents.others:
        if not version.record.aside or not version.record.was_never_sent:
            continue
        known = _is_known(run, version)
        if known:
            run.remember(version, intent=version.record.aside, registered=run.now)
        elif known is False:
            run.connection.store.delete_version(version.thumbprint)
            run.log("key_deleted", version)


def _is_known(run: Run, version: Version) -> bool | None:
    """By any read of this run, whichever replica answered it. None where nothing could be learnt."""
    if run.latest:
        return bool(run.memory.key_ids_of(version.certificate))
    if not run.connection.has_budget:
        return None
    try:
        signer = run.connection.store.signer(version.thumbprint)
        run.connection.sign_in_once(run.progress.app_id, signer, "settle")
    except SignInRefused as refusal:
        return False if refusal.diagnosis.code == "certificate_not_registered" else None
    except NetworkFailure:
        return None
    return True
