# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a vault remembers of a version, in the version's tags. Pure.

    evercert               the thumbprint that the other tags are about: a vault may copy tags to a new version
    evercert-current       a number; the version with the highest one is current
    evercert-successor     a number, only while a renewal is under way
    evercert-record-1 …    the record as JSON, cut to the length of a tag
    evercert-sign-ins      when its key signed in lately
    evercert-deleted       it is over with this version; it is disabled

A change of tags is one request that takes effect whole or not at all, so a switch is one number on one version.
"""

from __future__ import annotations

import datetime as dt
import json
import typing as t
from dataclasses import dataclass, field, replace

from .._core.model import FROM_OUTSIDE, Certificate, Record
from .._core.times import UTC
from .records import format_record, parse_record

PREFIX = "evercert"
MADE = "evercert-made"
# 256 characters is what every source grants; more is not relied on.
LONGEST = 256
MOST_SIGN_INS = 20
MOST_TAGS = 15
# What every version that serves comes to remember, as long as a time gets.
_TO_COME = ("registered", "proven", "promoted", "retired", "seen", "accepted")
_SOME_TIME = dt.datetime(2026, 1, 1, 1, 1, 1, 999999, tzinfo=UTC)


@dataclass(frozen=True)
class Marks:
    """The meaning of a version's tags."""

    record: Record | None = None
    current: int = 0
    successor: int = 0
    is_deleted: bool = False
    sign_ins: tuple[int, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One version in a vault: where it is, whose certificate, and its tags as read.

    The certificate of one that is over is not read: its tags name it.
    """

    version: str
    certificate: Certificate | None
    created: int
    enabled: bool
    tags: t.Mapping[str, str] = field(repr=False)

    @property
    def thumbprint(self) -> str:
        return self.certificate.thumbprint if self.certificate else self.tags[PREFIX]

    @property
    def is_known(self) -> bool:
        """Whether its tags are its own, and not what the vault copied from an older version."""
        return self.tags.get(PREFIX) == self.thumbprint

    @property
    def made(self) -> int:
        """The number with which this collection had it made; 0 for a foreign one.

        A version that it has just had made has this tag alone. With the others, of another version, it is a copy.
        """
        return _number(self.tags.get(MADE)) if is_own(self.tags, self.thumbprint) else 0

    @property
    def marks(self) -> Marks:
        if not self.is_known:
            return Marks()
        pieces = [self.tags.get(f"{PREFIX}-record-{index}", "") for index in range(1, 10)]
        times = self.tags.get(f"{PREFIX}-sign-ins", "").split(",")
        return Marks(
            parse_record("".join(pieces).encode("utf-8", "replace"), f"of version {self.version}")
            if pieces[0]
            else None,
            _number(self.tags.get(f"{PREFIX}-current")),
            _number(self.tags.get(f"{PREFIX}-successor")),
            f"{PREFIX}-deleted" in self.tags,
            tuple(int(text) for text in times if _is_number(text, 10)),
        )

    def with_marks(self, marks: Marks, enabled: bool | None = None) -> Entry:
        tags = tags_for(self.thumbprint, marks, self.tags)
        return replace(self, tags=tags, enabled=self.enabled if enabled is None else enabled)


def is_own(tags: t.Mapping[str, str], thumbprint: str) -> bool:
    """Whether nothing says that a vault copied these tags from another version."""
    return tags.get(PREFIX) in (None, thumbprint)


def is_over(tags: t.Mapping[str, str], enabled: bool) -> bool:
    """Whether nobody needs the version any more. A copy of its tags is on a version that is enabled."""
    return not enabled and f"{PREFIX}-deleted" in tags and PREFIX in tags


def tags_for(thumbprint: str, marks: Marks, others: t.Mapping[str, str]) -> dict[str, str]:
    """The tags that say this. Tags of others stay."""
    # The number with which it was made is still needed to tell it from what the vault makes by itself.
    kept = (MADE,) if is_own(others, thumbprint) else ()
    tags = {name: value for name, value in others.items() if not name.startswith(PREFIX) or name in kept}
    tags[PREFIX] = thumbprint
    text = json.dumps(json.loads(format_record(marks.record or Record())), separators=(",", ":"))
    for index, start in enumerate(range(0, len(text), LONGEST), 1):
        tags[f"{PREFIX}-record-{index}"] = text[start : start + LONGEST]
    for name, number in (("current", marks.current), ("successor", marks.successor)):
        if number:
            tags[f"{PREFIX}-{name}"] = str(number)
    if marks.sign_ins:
        tags[f"{PREFIX}-sign-ins"] = ",".join(map(str, marks.sign_ins[-MOST_SIGN_INS:]))
    if marks.is_deleted:
        tags[f"{PREFIX}-deleted"] = "1"
    return tags


def tags_to_free(entry: Entry) -> int:
    """How many tags of others are too many for those that a version of ours has when it is over with it."""
    record = record_of(entry)
    times: dict[str, t.Any] = {name: getattr(record, name) or _SOME_TIME for name in _TO_COME}
    marks = replace(entry.marks, record=replace(record, **times), current=1, is_deleted=True, sign_ins=(0,))
    return max(0, len(tags_for(entry.thumbprint, marks, entry.tags)) - MOST_TAGS)


def once_each(entries: t.Sequence[Entry]) -> list[Entry]:
    """A vault takes a certificate as often as it is imported; one version of it counts, for all and to its end.

    That is the one that was current last, else the first one with tags of ours, else the first one.
    """
    if len({entry.thumbprint for entry in entries}) == len(entries):
        return list(entries)
    chosen: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda one: (-one.marks.current, not one.is_known, one.created, one.version)):
        chosen.setdefault(entry.thumbprint, entry)
    return [entry for entry in entries if chosen[entry.thumbprint] is entry]


def current_of(entries: t.Sequence[Entry]) -> Entry | None:
    """The highest number wins, so a promotion is one change of one version."""
    # The one before keeps its number, as taking it away would be a second change.
    numbered = [entry for entry in entries if entry.marks.current]
    return max(numbered, key=lambda entry: entry.marks.current, default=None)


def successor_of(entries: t.Sequence[Entry]) -> Entry | None:
    """The oldest one named: of two runs that made one each, all agree on the one to go on with.

    Else the newest version that nobody has taken note of, if it is younger than the current one: the vault made it.
    """
    current = current_of(entries)
    named = [entry for entry in entries if entry.marks.successor and entry is not current]
    if named:
        return min(named, key=lambda entry: (entry.created, entry.version))
    unnoticed = [entry for entry in entries if _is_unnoticed(entry, current)]
    return max(unnoticed, key=lambda entry: (entry.made, entry.created), default=None)


def _is_unnoticed(entry: Entry, current: Entry | None) -> bool:
    if entry.is_known or not entry.enabled:
        return False
    if current is None or entry.made > current.marks.current:
        return True
    # A vault tells whole seconds, so one of the same second that is not ours may be the younger one.
    return entry.created > current.created or (entry.created == current.created and not entry.made)


def next_number(entries: t.Sequence[Entry]) -> int:
    return 1 + max((max(entry.marks.current, entry.marks.successor, entry.made) for entry in entries), default=0)


def record_of(entry: Entry) -> Record:
    """What is known of a version; of one without a record, where it comes from."""
    known = entry.marks.record
    if known:
        return known
    if entry.is_known:
        return Record()
    made_at = dt.datetime.fromtimestamp(entry.created, UTC)
    return Record(generated=made_at, origin="generated" if entry.made else FROM_OUTSIDE)


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and _is_number(text, 9) else 0


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits
