# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads have shown of an application's key credentials. Pure; replicas disagree, so no read is thrown away."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass, field

from .model import Application, Certificate, KeyCredential, StoreContents
from .times import format_iso, parse_iso_or_none

Entry = dict[str, t.Any]


@dataclass
class Memory:
    """Every entry that any read of a run has shown, by its key ID. Plain values: it outlives the call that read them.

    `shown`: when a read showed it last. `held`: what tells its certificate apart. `ours`: the same of everything that
    was in the key store meanwhile; a version whose key is deleted since then does not become somebody else's.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)

    def note(self, application: Application, now: dt.datetime) -> None:
        """Take a read into account, whichever replica answered it and whatever it is for."""
        for entry in application.key_credentials:
            self.entries[entry.key_id] = summary(entry)
            self.shown[entry.key_id] = str(format_iso(now))
            self.held[entry.key_id] = _name_of(entry)

    def own(self, contents: StoreContents) -> None:
        """What the key store holds is managed from here on."""
        names = [name for version in contents.versions for name in _names_of(version.certificate)]
        self.ours += [name for name in names if name not in self.ours]

    def absorb(self, other: Memory) -> None:
        """What another call of the same run remembers counts here as well."""
        self.entries = {**self.entries, **other.entries}
        self.shown = {**self.shown, **other.shown}
        self.held = {**self.held, **other.held}
        self.ours += [name for name in other.ours if name not in self.ours]

    def foreign(self) -> dict[str, Entry]:
        """The entries whose certificates were never in the key store."""
        return {key_id: entry for key_id, entry in self.entries.items() if self.held[key_id] not in self.ours}

    def last_shown(self, certificate: Certificate, removed: t.Collection[str] = ()) -> dt.datetime | None:
        """When a read last showed an entry with this certificate, those aside that the run has removed."""
        moments = [self.shown[key_id] for key_id in self.key_ids_of(certificate) if key_id not in removed]
        return parse_iso_or_none(max(moments, default=None))

    def forget(self, certificate: Certificate) -> None:
        """Its entries count as removed, or are about to be sent again."""
        for key_id in self.key_ids_of(certificate):
            del self.entries[key_id], self.shown[key_id], self.held[key_id]

    def key_ids_of(self, certificate: Certificate) -> list[str]:
        """The entries that hold this certificate."""
        return [key_id for key_id, name in self.held.items() if name in _names_of(certificate)]


def _name_of(entry: KeyCredential) -> str:
    """The bytes decide where they are known, else an identifier that is a thumbprint: see `KeyCredential.holds`."""
    return entry.certificate.thumbprint_sha256 if entry.certificate else entry.thumbprint or ""


def _names_of(certificate: Certificate) -> tuple[str, str]:
    """Told apart by their length, so that an entry known by its bytes is never taken for one of an equal SHA-1."""
    return certificate.thumbprint_sha256, certificate.thumbprint


def summary(entry: KeyCredential) -> Entry:
    """A credential for people: what diff and `vanished` show."""
    return {
        "key_id": entry.key_id,
        "display_name": entry.display_name,
        "thumbprint": entry.thumbprint,
        "not_before": format_iso(entry.not_before),
        "not_after": format_iso(entry.not_after),
    }
