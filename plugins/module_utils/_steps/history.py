# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures and health checks as lines of the key store's history. A history that cannot be written hides neither."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from .._core.errors import EvercertError, KeyStoreError, NotProven, StillWaiting, Unsafe
from .._core.times import format_iso
from .connection import Connection
from .run import Progress

_LONGEST_MESSAGE = 500
# Nobody else has a part in what these say, and the message is more exact than the code.
_OUR_OWN = ("not_shown", "unsafe")


@dataclass
class Doing:
    """What is being done: an act with its progress, which a run replaces by its own when it begins."""

    act: str
    progress: Progress

    @property
    def step(self) -> str:
        under_way = self.progress.under_way
        return under_way.name if under_way else self.act

    @property
    def thumbprint(self) -> str | None:
        under_way = self.progress.under_way
        return (under_way.thumbprint if under_way else None) or self.progress.made


@contextlib.contextmanager
def noting_failures(connection: Connection, act: str, progress: Progress | None = None) -> t.Iterator[Doing]:
    """A failure inside becomes a line, and goes on."""
    doing = Doing(act, progress or Progress())
    try:
        yield doing
    except EvercertError as error:
        reason = error.diagnosis.code if error.diagnosis else error.word
        _append(connection, "failed", doing.thumbprint, step=doing.step, reason=reason, message=_message(error))
        raise


def _message(error: EvercertError) -> str | None:
    """Our own words alone: others may quote an option or an answer, and nobody hides a misplaced secret in a file."""
    if error.diagnosis and error.diagnosis.code not in _OUR_OWN:
        return error.diagnosis.cause
    return error.message[:_LONGEST_MESSAGE] if isinstance(error, (KeyStoreError, NotProven, Unsafe)) else None


def note_check(connection: Connection, thumbprint: str, *, verified: bool, reason: str | None, **facts: t.Any) -> None:
    """A health check becomes a line: when, which certificate, whether it is good, and the code that says why not."""
    _append(connection, "checked", thumbprint, verified=verified, reason=reason, **facts)


def _append(connection: Connection, event: str, thumbprint: str | None, **facts: t.Any) -> None:
    store = connection.key_store
    if store is None or not connection.notes_sign_ins:
        return
    line = {"at": format_iso(connection.clock.service_time()), "event": event, "thumbprint": thumbprint}
    with contextlib.suppress(EvercertError, StillWaiting):
        store.append_history({**line, **facts})
