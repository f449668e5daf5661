# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key store as one certificate in Azure Key Vault, where the private key never leaves the vault.

Versions are the vault's own; what is remembered of them are their tags (`vault_tags.py`). The order of effects is that
of the directory store: the vault has the private key before its certificate is known here; the record is a tag before
anything is sent; the switch is one change of one version. A vault has no lock: of two successors the older one wins.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import typing as t
from dataclasses import replace

from .._core.errors import KeyStoreError
from .._core.model import FROM_OUTSIDE, Certificate, Record, StoreContents, Version
from .._core.times import UTC, format_iso
from .key_pair import KeyPair, load_chain
from .life import KeyStore
from .pem import format_block, format_certificates
from .refusals import refusal
from .store import CURRENT, SUCCESSOR, Link
from .vault_keys import SignedRequest, Vault, VaultKey, is_under_way
from .vault_making import Maker, requested_der
from .vault_policy import importing, shortest_life
from .vault_tags import (
    MOST_TAGS,
    Entry,
    Marks,
    current_of,
    next_number,
    record_of,
    successor_of,
    tags_for,
    tags_to_free,
)
from .vault_versions import Versions

EVENTS = ("generated", "registered", "proven", "promoted", "refused", "retired")


class VaultStore(KeyStore):
    """One store; what was read is kept until something is changed or the lock is taken."""

    needs_identity = True

    def __init__(self, vault: Vault, exportable: bool = False) -> None:
        self.location = vault.location
        self._vault = vault
        self._is_exportable = exportable
        self._versions = Versions(vault)
        self._maker = Maker(vault, self._versions, exportable)
        self._is_locked = False
        self._sign_ins: list[dt.datetime] = []

    @property
    def exists(self) -> bool:
        return bool(self._versions.entries())

    def read(self) -> StoreContents:
        entries = [entry for entry in self._versions.entries() if not entry.marks.is_deleted]
        current, successor = current_of(entries), successor_of(entries)
        others = [self._versions.version(entry) for entry in entries if entry not in (current, successor)]
        return StoreContents(
            self._versions.version(current) if current else None,
            self._versions.version(successor) if successor else None,
            tuple(sorted(others, key=lambda version: (version.certificate.not_before, version.path))),
        )

    def signer(self, thumbprint: str) -> VaultKey:
        entry = self._versions.find(thumbprint)
        if not entry.enabled:
            raise KeyStoreError(
                f"Version {self._versions.path(entry)} of certificate {thumbprint} is disabled in the vault, so its "
                "key does not sign. Enable it, or roll back."
            )
        return VaultKey(self._versions.certificate(entry), entry.version, self._vault)

    def make_key_pair(
        self, *, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime
    ) -> VaultKey:
        made = self._maker.make(key_size=key_size, subject=subject, not_before=not_before, not_after=not_after)
        return self.signer(made.thumbprint)

    def make_shorter(self, thumbprint: str, *, not_before: dt.datetime, not_after: dt.datetime) -> VaultKey:
        old = self._versions.find(thumbprint)
        made = self._maker.make_shorter(old, self.unlink_successor, not_before=not_before, not_after=not_after)
        return self.signer(made.thumbprint)

    def shortest_life(self, validity: dt.timedelta) -> dt.timedelta:
        return shortest_life(validity)

    def certify(self, content: bytes, where: str) -> SignedRequest:
        request = requested_der(self._vault)
        if request is None:
            raise refusal("no_waiting_key", where, store=self.location)
        certificate, chain = load_chain(content, where, request)
        return SignedRequest(certificate, chain)

    @property
    def requester(self) -> t.Callable[..., None]:
        return self._maker.request

    def signing_request(self) -> str | None:
        der = requested_der(self._vault)
        return None if der is None else format_block(b"CERTIFICATE REQUEST", der).decode()

    def refuse_obstacles(self) -> None:
        """What a version has to remember until it is over with it needs tags, and a vault takes few."""
        entries = self._versions.entries()
        ours = [entry for entry in entries if entry.is_known or entry is successor_of(entries)]
        for entry in ours:
            too_many = tags_to_free(entry)
            if too_many and not entry.marks.is_deleted:
                raise KeyStoreError(
                    f"Key Vault takes {MOST_TAGS} tags per version, and {self._versions.path(entry)} has too many of "
                    f"others for those of this collection. Remove {too_many} of them from that version, then run again."
                )

    @contextlib.contextmanager
    def lock(self, timeout: float, wait: t.Callable[[float, str], None]) -> t.Iterator[None]:
        """There is none; see above. From here on the tags are ours to change."""
        self._versions.refresh()
        self._is_locked = True
        try:
            yield
        finally:
            self._is_locked = False
            self._versions.refresh()

    def clear_debris(self) -> list[str]:
        if is_under_way(self._vault.pending()):
            self._vault.wait_until_made()
            self._versions.refresh()
        removed = []
        current = current_of(self._versions.entries())
        # A roll back that was stopped between its two changes.
        if current and current.marks.successor:
            self._versions.write(current, replace(current.marks, successor=0))
            removed.append(current.version)
        return removed

    def linked(self) -> tuple[str | None, str | None]:
        entries = self._versions.entries()
        current, successor = current_of(entries), successor_of(entries)
        return current.thumbprint if current else None, successor.thumbprint if successor else None

    def known(self, thumbprint: str) -> Version | None:
        entry = self._versions.held(thumbprint)
        return self._versions.version(entry) if entry else None

    def put(self, link: Link, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        entry = self._versions.held(key_pair.certificate.thumbprint)
        if entry is None:
            entry = self._bring(key_pair, self._marked(Marks(record), link))
        else:
            marks = self._marked(replace(entry.marks, record=record, is_deleted=False), link)
            # One that was removed was disabled.
            entry = self._versions.write(entry, marks, enabled=None if entry.enabled else True)
        return self._settle_race(entry.thumbprint) if link == SUCCESSOR else self._versions.version(entry)

    def write_record(self, thumbprint: str, record: Record) -> None:
        entry = self._versions.find(thumbprint)
        self._versions.write(entry, replace(self._versions.marks(entry), record=record))

    def point(self, link: Link, thumbprint: str, record: Record | None = None) -> None:
        """The record and the link are one change, of the version that it names from now on."""
        if link == SUCCESSOR:
            self.unlink_successor()  # the older of two would win, whichever that is
        else:
            self._refuse_changes(thumbprint)
        entry = self._versions.find(thumbprint)
        marks = self._versions.marks(entry)
        self._versions.write(entry, self._marked(replace(marks, record=record or marks.record), link))

    def unlink_successor(self) -> None:
        """All that are named, or the one that the vault has made: noted now, it is no news any more."""
        current, successor = current_of(self._versions.entries()), successor_of(self._versions.entries())
        for entry in self._versions.entries():
            if entry is not current and (entry.marks.successor or entry is successor):
                self._versions.write(entry, replace(self._versions.marks(entry), successor=0))

    def remove(self, thumbprint: str) -> None:
        """A vault deletes only all versions at once, so this one is disabled: its key signs no more.

        One that the vault, or somebody, made and that was never in use here may be in use elsewhere: it is left alone.
        """
        entry = self._versions.held(thumbprint)
        if entry is None or entry.marks.is_deleted:
            return
        record = record_of(entry)
        is_ours = record.origin != FROM_OUTSIDE or record.retired is not None
        marks = replace(self._versions.marks(entry), is_deleted=True)
        self._versions.write(entry, marks, enabled=False if is_ours else None)

    def note_sign_in(self, at: dt.datetime, thumbprint: str, purpose: str) -> None:
        """In memory; and, by the one who changes tags anyway, in the version's tags. A reader changes nothing."""
        self._sign_ins.append(at)
        entry = next((one for one in self._versions.entries() if one.thumbprint == thumbprint), None)
        if self._is_locked and entry:
            marks = self._versions.marks(entry)
            self._versions.write(entry, replace(marks, sign_ins=(*marks.sign_ins, int(at.timestamp()))))

    def sign_ins_since(self, moment: dt.datetime) -> list[dt.datetime]:
        """A tag has whole seconds; one that is in memory too counts once."""
        noted = {second for entry in self._versions.entries() for second in entry.marks.sign_ins}
        noted.update(int(at.timestamp()) for at in self._sign_ins)
        times = (dt.datetime.fromtimestamp(second, UTC) for second in noted)
        return sorted(at for at in times if at >= moment.replace(microsecond=0))

    def append_history(self, event: t.Mapping[str, t.Any]) -> None:
        """Nothing: a vault has no place for a journal; the records say what happened."""

    def history(self, count: int) -> list[dict[str, t.Any]]:
        """The times in the records of the versions, as events."""
        events = [
            {"at": format_iso(moment), "event": name, "thumbprint": entry.thumbprint}
            for entry in self._versions.entries()
            for name in EVENTS
            for moment in [getattr(record_of(entry), name)]
            if moment
        ]
        events.sort(key=lambda event: (event["at"] or "", EVENTS.index(str(event["event"]))))
        return t.cast("list[dict[str, t.Any]]", events[-count:] if count > 0 else [])

    def _marked(self, marks: Marks, link: Link) -> Marks:
        """With the highest number yet, by which the link names this version."""
        number = next_number(self._versions.entries())
        return replace(marks, successor=0, current=number) if link == CURRENT else replace(marks, successor=number)

    def _bring(self, key_pair: t.Any, marks: Marks) -> Entry:
        """Imported, or merged with the key that waits for it; with all its tags, so that a stop leaves none without."""
        certificate: Certificate = key_pair.certificate
        tags = tags_for(certificate.thumbprint, marks, {})
        if isinstance(key_pair, KeyPair):
            content = key_pair.private_key_pem() + format_certificates([certificate.der, *key_pair.chain])
            self._vault.import_pem(content, importing(certificate.key_size, self._is_exportable), tags)
        elif isinstance(key_pair, SignedRequest):
            self._vault.merge([certificate.der, *key_pair.chain], tags)
        self._versions.refresh()
        return self._versions.find(certificate.thumbprint)

    def _settle_race(self, thumbprint: str) -> Version:
        """Look again: where another run has named a successor before us, ours is taken back, theirs is gone on with."""
        self._versions.refresh()
        winner = successor_of(self._versions.entries())
        ours = self._versions.find(thumbprint)
        if winner and winner.thumbprint != thumbprint:
            self._versions.write(ours, replace(ours.marks, successor=0, is_deleted=True), enabled=False)
            return self._versions.version(winner)
        return self._versions.version(ours)

    def _refuse_changes(self, thumbprint: str) -> None:
        """The last look before consumers see another key: what this run has planned for still stands."""
        planned_for = self.linked()
        self._versions.refresh()
        if self.linked() != planned_for:
            raise self._versions.changed_by_others(self._versions.find(thumbprint))
