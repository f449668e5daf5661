# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records as JSON, readable by every release: unknown fields are skipped, absent ones keep their default. Pure."""

from __future__ import annotations

import datetime as dt
import functools
import json
import typing as t
from dataclasses import asdict, fields, replace
from pathlib import Path

from .._core.errors import KeyStoreError
from .._core.model import Record
from .._core.times import UTC, parse_iso

_TIMES = frozenset(entry.name for entry in fields(Record) if "datetime" in str(entry.type))
_NAMES = tuple(entry.name for entry in fields(Record))
_ABOUT_REGISTRATION = ("app_id", "object_id", "key_id", "generated", "intent", "registered", "seen")


def parse_object(content: bytes) -> dict[str, t.Any]:
    """A JSON object. Raises ValueError for anything else, however it is broken."""
    try:
        parsed = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(parsed, dict):
        raise ValueError("not a JSON object")
    return parsed


def format_object(entry: t.Mapping[str, t.Any]) -> bytes:
    """One line of ASCII; times and other values without a JSON form become text."""
    return json.dumps(dict(entry), default=_format_value, ensure_ascii=True).encode()


def parse_record(content: bytes, path: Path | str) -> Record:
    """The record in a file of this collection. A broken one is not guessed at: a promise may hang on it."""
    try:
        return _parsed(content)
    except (ValueError, OverflowError) as error:
        raise KeyStoreError(
            f"Key store: {path} is not a readable record ({error}). Restore it from a backup; "
            "without one, replace its content by {} and the directory and the sign-ins are asked instead."
        ) from error


@functools.lru_cache(maxsize=256)
def _parsed(content: bytes) -> Record:
    """A run reads the same few records again and again."""
    known = {name: value for name, value in parse_object(content).items() if name in _NAMES and value is not None}
    return Record(**{name: _parse_value(name, value) for name, value in known.items()})


def format_record(record: Record) -> bytes:
    told = {name: value for name, value in asdict(record).items() if value is not None}
    return json.dumps(told, default=_format_value, indent=1, ensure_ascii=True).encode() + b"\n"


def take_over(known: Record, new: Record) -> Record:
    """The new record of a key pair that the store already holds: that it may be registered is not forgotten."""
    if known.retired:
        return new
    # What was promoted was sent, even where an older release noted no intent.
    known = replace(known, intent=known.intent or known.promoted)
    kept = [name for name in _ABOUT_REGISTRATION if getattr(new, name) is None]
    return replace(new, **{name: getattr(known, name) for name in kept})


def without_stop(record: Record) -> Record:
    return replace(record, stop_after=None, finding=None)


def _parse_value(name: str, value: object) -> t.Any:
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return parse_iso(value) if name in _TIMES else value


def _format_value(value: object) -> str:
    """Times to the microsecond: a record reads back as it was written."""
    if isinstance(value, dt.datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
