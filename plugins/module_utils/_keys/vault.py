# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key store as one certificate in Azure Key Vault: the KeyStore port where the private key never leaves the vault.

Versions are the vault's own; what is remembered of them are their tags (`vault_tags.py`). The order of effects is that
of the directory store: the vault has the private key before its certificate is known here; the record is a tag before
anything is sent; the switch is one change of one version. A vault has no lock: of two successors the older one wins.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import typing as t
from dataclasses import replace

from .._core.errors import KeyStoreError
from .._core.model import ADOPTED, FROM_OUTSIDE, Certificate, Record, StoreContents, Version
from .._core.times import UTC, format_iso
from . import records
from .key_pair import KeyPair, distinguished_name, load_chain
from .pem import format_certificates
from .refusals import refusal
from .vault_keys import SignedRequest, Vault, VaultKey, is_under_way
from .vault_policy import creation, importing, shortest_life, whole_months
from .vault_tags import (
    MADE,
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


class VaultStore:
    """One store; what was read is kept until something is changed or the lock is taken."""

    def __init__(self, vault: Vault, exportable: bool = False) -> None:
        self.location = vault.location
        self._vault = vault
        self._exportable = exportable
        self._versions = Versions(vault)
        self._is_locked = False
        self._sign_ins: list[dt.datetime] = []

    @property
    def exists(self) -> bool:
        return bool(self._versions.entries())

    def read(self) -> StoreContents:
        entries = [entry for entry in self._versions.entries() if not entry.marks.is_deleted]
        current, successor = current_of(entries), successor_of(entries)
        others = [entry for entry in entries if entry not in (current, successor)]
        others.sort(key=lambda entry: (entry.certificate.not_before, entry.version))
        return StoreContents(
            self._versions.version(current) if current else None,
            self._versions.version(successor) if successor else None,
            tuple(map(self._versions.version, others)),
        )

    def look(self) -> StoreContents:
        return self.read()  # what is current stands in tags, and a vault has no links

    def why_keyless(self, thumbprint: str) -> str | None:
        return None  # a vault loses no key of a version

    def signer(self, thumbprint: str) -> VaultKey:
        entry = self._versions.find(thumbprint)
        if not entry.enabled:
            raise KeyStoreError(
                f"Version {self._versions.path(entry)} of certificate {thumbprint} is disabled in the vault, so its "
                "key does not sign. Enable it, or roll back."
            )
        return VaultKey(entry.certificate, entry.version, self._vault)

    def make_key_pair(
        self, *, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime
    ) -> VaultKey:
        """A new version, signed by itself. One that a stopped run left, or another run has just made, is taken up."""
        planned_for = current_of(self._versions.entries())
        self._versions.refresh()
        self._refuse_other_current(planned_for)
        unfinished = successor_of(self._versions.entries())
        if unfinished is None:
            if self._requested_der():
                raise KeyStoreError(
                    f"A key in {self.location} waits for a certificate from an authority (csr). Give it as "
                    "certificate_content, or delete the certificate's pending operation in the vault."
                )
            policy = creation(
                subject=distinguished_name(subject),
                key_size=key_size,
                months=whole_months(not_before, not_after),
                exportable=self._exportable,
            )
            if not is_under_way(self._vault.pending()):
                self._vault.create(policy, {MADE: str(next_number(self._versions.entries()))})
            self._vault.wait_until_made()
            self._versions.refresh()
            self._refuse_other_current(planned_for)
            unfinished = successor_of(self._versions.entries())
        if unfinished is None:
            raise KeyStoreError(f"Key Vault shows no new version of {self.location}. Look at its pending operation.")
        return self.signer(unfinished.thumbprint)

    def make_shorter(self, thumbprint: str, *, not_before: dt.datetime, not_after: dt.datetime) -> VaultKey:
        """A new version of the same key. The old one is let go before that, as the older of two successors wins."""
        certificate, number = self._versions.find(thumbprint).certificate, next_number(self._versions.entries())
        policy = creation(
            subject=certificate.subject,
            key_size=certificate.key_size,
            months=whole_months(not_before, not_after),
            exportable=self._exportable,
            reuses_key=True,
        )
        self.release_successor()
        self._vault.create(policy, {MADE: str(number)})
        self._vault.wait_until_made()
        self._versions.refresh()
        made = next((entry for entry in self._versions.entries() if entry.made == number), None)
        if made is None:
            raise KeyStoreError(f"Key Vault shows no new version of {self.location}. Look at its pending operation.")
        return self.signer(made.thumbprint)

    def shortest_life(self, validity: dt.timedelta) -> dt.timedelta:
        return shortest_life(validity)

    def certify(self, content: bytes, where: str) -> SignedRequest:
        """The certificate that an authority has made from `signing_request`."""
        if self.signing_request() is None:
            raise refusal("no_waiting_key", where, store=self.location)
        certificate, chain = load_chain(content, where, self._requested_der())
        return SignedRequest(certificate, chain)

    def request_signature(self, *, key_size: int, subject: str) -> None:
        """A key that waits for its certificate."""
        policy = creation(
            subject=distinguished_name(subject), key_size=key_size, months=None, exportable=self._exportable
        )
        self._vault.create(policy, {MADE: str(next_number(self._versions.entries()))})

    def signing_request(self) -> str | None:
        der = self._requested_der()
        if der is None:
            return None
        text = base64.b64encode(der).decode()
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        return "\n".join(["-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""])

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

    def has_pfx(self) -> bool:
        return False

    def wrong_access(self) -> list[dict[str, t.Any]]:
        return []

    def correct_access(self) -> list[dict[str, t.Any]]:
        """Who may use a key is for the vault's roles to say."""
        return []

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

    def prepare(self) -> None:
        """A certificate begins with its first version."""

    def clear_debris(self) -> list[str]:
        if is_under_way(self._vault.pending()):
            self._vault.wait_until_made()
            self._versions.refresh()
        removed = []
        current = current_of(self._versions.entries())
        if current and current.marks.successor:
            self._versions.write(current, replace(current.marks, successor=0))
            removed.append(current.version)
        return removed

    def keep_successor(self, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        thumbprint = key_pair.certificate.thumbprint
        current = current_of(self._versions.entries())
        if current and thumbprint == current.thumbprint:
            raise KeyStoreError(f"The certificate {thumbprint} is already the current one in {self.location}.")
        entry = self._bring(key_pair, Marks(record, successor=next_number(self._versions.entries())))
        known = entry.marks
        kept = records.take_over(known.record or Record(), record)
        number = known.successor or next_number(self._versions.entries())
        marks = replace(known, record=kept, successor=number, is_deleted=False)
        self._versions.write(entry, marks, enabled=None if entry.enabled else True)
        return self._settle_race(thumbprint)

    def adopt_current(self, key_pair: KeyPair, record: Record, pfx_passphrase: str | None = None) -> Version:
        if not self.read().is_empty:
            raise KeyStoreError(f"The key store {self.location} already holds a key pair, so none can be adopted.")
        marks = Marks(replace(record, origin=ADOPTED), current=next_number(self._versions.entries()))
        return self._versions.version(self._bring(key_pair, marks))

    def write_record(self, thumbprint: str, record: Record) -> None:
        entry = self._versions.find(thumbprint)
        self._versions.write(entry, replace(self._versions.marks(entry), record=record))

    def promote_successor(self, now: dt.datetime) -> Version:
        expected = successor_of(self._versions.entries())
        self._versions.refresh()
        entries = self._versions.entries()
        current, successor = current_of(entries), successor_of(entries)
        if successor is None:
            raise KeyStoreError(f"The key store {self.location} has no successor to promote.")
        if expected is None or successor.version != expected.version:
            raise self._versions.changed_by_others(successor)
        self.signer(successor.thumbprint)
        if current:
            self._remember_use(current)
        record = records.without_stop(record_of(successor))
        promoted = replace(record, promoted=now, predecessor=current.thumbprint if current else None)
        number = next_number(self._versions.entries())
        marks = replace(self._versions.marks(successor), record=promoted, successor=0, current=number)
        return self._versions.version(self._versions.write(successor, marks))

    def roll_back(self, to: str) -> None:
        entries = self._versions.entries()
        current, target = current_of(entries), self._versions.find(to)
        if current is target:
            return
        self.signer(to)
        for entry in entries:
            if entry.marks.successor:
                self._versions.write(entry, replace(entry.marks, successor=0))
        if current:
            self._remember_use(self._versions.find(current.thumbprint))
            current = self._versions.find(current.thumbprint)
            self._versions.write(current, replace(current.marks, successor=next_number(self._versions.entries())))
        target = self._versions.find(to)
        self._versions.write(
            target, replace(self._versions.marks(target), successor=0, current=next_number(self._versions.entries()))
        )

    def make_current(self, thumbprint: str) -> None:
        self.roll_back(thumbprint)

    def release_successor(self) -> None:
        """All that are named, or the one that the vault has made: noted now, it is no news any more."""
        current, successor = current_of(self._versions.entries()), successor_of(self._versions.entries())
        for entry in self._versions.entries():
            if entry is not current and (entry.marks.successor or entry is successor):
                self._versions.write(entry, replace(self._versions.marks(entry), successor=0))

    def delete_version(self, thumbprint: str) -> None:
        """A vault deletes only all versions at once, so this one is disabled: its key signs no more.

        One that the vault, or somebody, made and that was never in use here may be in use elsewhere: it is left alone.
        """
        entries = self._versions.entries()
        entry = next((one for one in entries if one.thumbprint == thumbprint), None)
        if entry is None or entry.marks.is_deleted:
            return
        if entry in (current_of(entries), successor_of(entries)):
            raise KeyStoreError(f"The version {thumbprint} in {self.location} is in use, so it is not deleted.")
        record = record_of(entry)
        is_ours = record.origin != FROM_OUTSIDE or record.retired is not None
        self._versions.write(
            entry, replace(self._versions.marks(entry), is_deleted=True), enabled=False if is_ours else None
        )

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

    def _bring(self, key_pair: t.Any, marks: Marks) -> Entry:
        """The version of a key pair: there already, imported, or merged with the key that waits for it."""
        certificate: Certificate = key_pair.certificate
        known = next((entry for entry in self._versions.entries() if entry.thumbprint == certificate.thumbprint), None)
        if known:
            return known
        tags = tags_for(certificate.thumbprint, marks, {})
        if isinstance(key_pair, KeyPair):
            content = key_pair.private_key_pem() + format_certificates([certificate.der, *key_pair.chain])
            self._vault.import_pem(content, importing(certificate.key_size, self._exportable), tags)
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

    def _remember_use(self, current: Entry) -> None:
        """A version that was current may be registered, so it must never pass for debris."""
        record = record_of(current)
        if not record.promoted:
            self._versions.write(
                current, replace(current.marks, record=replace(record, promoted=current.certificate.not_before))
            )

    def _refuse_other_current(self, planned_for: Entry | None) -> None:
        """Another run has renewed meanwhile: one more key pair is too many, and is put away if it is there."""
        entries = self._versions.entries()
        current = current_of(entries)
        if current is None or (planned_for and current.version == planned_for.version):
            return
        spare = successor_of(entries)
        if spare and spare.made and not spare.is_known:
            marks = Marks(record_of(spare), is_deleted=True)
            self._versions.write(spare, marks, enabled=False)
        raise self._versions.changed_by_others(current)

    def _requested_der(self) -> bytes | None:
        operation = self._vault.pending() or {}
        content = operation.get("csr")
        if operation.get("status") != "inProgress" or is_under_way(operation) or not isinstance(content, str):
            return None
        try:
            return base64.b64decode(content)
        except ValueError as error:
            raise KeyStoreError(f"The signing request of {self.location} cannot be read here.") from error
