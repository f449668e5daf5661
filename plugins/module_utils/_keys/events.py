# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened in a key store, for people, and when its keys signed in, for the budget."""

from __future__ import annotations

import contextlib
import datetime as dt
import typing as t
from pathlib import Path

from .._core.times import parse_iso_or_none
from . import lock, reading
from .journal import Entry, Journal, newer_half

_HISTORY_LIMIT = 1024 * 1024
_SIGN_INS_LIMIT = 64 * 1024
_DAY = dt.timedelta(days=1)


class Events:
    """The two journals of one store; `is_locked` is true while this process holds the store's lock.

    A store that is not ours is never written to: a file of another user's in it stops its owner.
    """

    def __init__(self, location: Path) -> None:
        self.is_locked = False
        self._location = location
        self._history = Journal(location / "history.jsonl", _HISTORY_LIMIT)
        self._sign_ins = Journal(location / "sign_ins.jsonl", _SIGN_INS_LIMIT)

    def append(self, event: t.Mapping[str, t.Any]) -> None:
        reading.refuse_unsafe_directory(self._location)
        self._history.append(event)
        self._shorten(self._history, newer_half)

    def latest(self, count: int) -> list[Entry]:
        return self._history.entries()[-count:] if count > 0 else []

    def last_time(self) -> str | None:
        """When the last event happened, as it was written."""
        return next((str(entry["at"]) for entry in reversed(self._history.entries()) if "at" in entry), None)

    def note_sign_in(self, at: dt.datetime, thumbprint: str, purpose: str) -> None:
        reading.refuse_unsafe_directory(self._location)
        self._sign_ins.append({"at": at, "thumbprint": thumbprint, "purpose": purpose})
        noted = [moment for moment in map(_time_of, self._sign_ins.entries()) if moment]
        is_old = any(abs(at - moment) > 2 * _DAY for moment in noted)  # not at each note: the file is written anew
        self._shorten(self._sign_ins, lambda entries: _of_the_day(entries, at), is_old)

    def sign_ins_since(self, moment: dt.datetime) -> list[dt.datetime]:
        return sorted(at for at in map(_time_of, self._sign_ins.entries()) if at and at >= moment)

    def _shorten(self, journal: Journal, keep: t.Callable[[list[Entry]], list[Entry]], is_old: bool = False) -> None:
        """Under the lock only: the clean-up of another writer would take the file in the making for debris."""
        if not is_old and not journal.is_too_long:
            return
        with contextlib.nullcontext(True) if self.is_locked else lock.if_free(self._location) as is_held:
            if is_held:
                journal.shorten(keep)


def _time_of(entry: Entry) -> dt.datetime | None:
    return parse_iso_or_none(entry.get("at"))


def _of_the_day(entries: list[Entry], now: dt.datetime) -> list[Entry]:
    """Those within a day of the newest note; one from far ahead was noted while a clock was wrong."""
    return [entry for entry in entries if (at := _time_of(entry)) and abs(now - at) < _DAY]
