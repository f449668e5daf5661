# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key store as a directory of PEM files: the KeyStore port for one host.

    current   -> versions/<thumbprint>    what consumers read
    successor -> versions/<thumbprint>    only while a renewal is under way
    versions/<thumbprint>/                key.pem certificate.pem bundle.pem [bundle.pfx] record.json
    lock history.jsonl sign_ins.jsonl     access.json when a group is let in

A version's folder appears whole, before a link to it does; links are switched in one step. When both links name one
version, it has been promoted and only the clean-up is missing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import typing as t
from dataclasses import replace
from pathlib import Path

from .._core.errors import KeyStoreError
from .._core.model import ADOPTED, Record, StoreContents, Version
from . import clean_up, consumers, durable, links, lock, place, reading, records, versions
from .events import Events
from .key_pair import KeyPair, certify, generate_key_pair, signing_request, with_other_dates
from .protection import PLAIN, Protection
from .refusals import refusal
from .versions import CURRENT, SUCCESSOR, VERSIONS, Layout


class DirectoryStore:
    """One store on this host; the lock is this object's while its `lock` block runs."""

    def __init__(self, location: str, protection: Protection = PLAIN) -> None:
        self._root = Path(location).absolute()
        self._asked = protection
        self.location = str(self._root)
        self._events = Events(self._root)

    @property
    def exists(self) -> bool:
        return os.path.lexists(self._root)

    def read(self) -> StoreContents:
        return self._read(links.read_contents)

    def look(self) -> StoreContents:
        return self._read(links.read_as_mended)

    def _read(self, contents_of: t.Callable[[Layout], StoreContents]) -> StoreContents:
        """Readers take no lock, so they look again when a writer was at work meanwhile."""
        for _attempt in range(10):
            layout = versions.read_layout(self._root)
            try:
                contents = contents_of(layout)
            except KeyStoreError:
                if layout == versions.read_layout(self._root):
                    raise
                continue
            if layout == versions.read_layout(self._root):
                if contents.is_empty and not contents.wrong_links:
                    reading.refuse_foreign_content(self._root)
                return contents
        raise KeyStoreError(f"The key store {self.location} changes all the time. Run again later.")

    def signer(self, thumbprint: str) -> KeyPair:
        return versions.read_key_pair(self._version_path(thumbprint), self._protection(), thumbprint)

    def why_keyless(self, thumbprint: str) -> str | None:
        path = self._version_path(thumbprint) / versions.KEY
        try:
            return None if reading.read_file(path) else f"Key store: {path} is missing or empty."
        except KeyStoreError as error:
            return error.message

    def make_key_pair(self, *, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime) -> KeyPair:
        return generate_key_pair(key_size=key_size, subject=subject, not_before=not_before, not_after=not_after)

    def make_shorter(self, thumbprint: str, *, not_before: dt.datetime, not_after: dt.datetime) -> KeyPair:
        return with_other_dates(self.signer(thumbprint), not_before, not_after)

    def shortest_life(self, validity: dt.timedelta) -> dt.timedelta:
        return validity

    def certify(self, content: bytes, where: str) -> KeyPair:
        successor = self.read().successor
        if successor is None:
            raise refusal("no_waiting_key", where, store=self.location)
        return certify(self.signer(successor.thumbprint), content, where)

    def signing_request(self) -> str | None:
        successor = self.read().successor
        return signing_request(self.signer(successor.thumbprint), successor.certificate.subject) if successor else None

    def refuse_obstacles(self) -> None:
        self._refuse_place()
        layout = self._layout()
        for name in filter(None, layout.linked):
            if name in layout.names and versions.is_encrypted(layout.path(name), self._protection().access):
                self.signer(name)

    def has_pfx(self) -> bool:
        layout = self._layout()
        return layout.current is not None and os.path.lexists(layout.path(layout.current) / versions.PFX)

    def wrong_access(self) -> list[dict[str, t.Any]]:
        return consumers.differences(self._layout(), self._protection().access)

    def correct_access(self) -> list[dict[str, t.Any]]:
        access = self._protection().access
        consumers.remember(self._root, access)
        return consumers.correct(self._layout(), access)

    @contextlib.contextmanager
    def lock(self, timeout: float, wait: lock.Wait) -> t.Iterator[None]:
        with lock.hold(self._root, timeout, wait, self._events.last_time):
            self._events.is_locked = True
            try:
                if not self._layout().names:
                    place.try_out(self._root)
                yield
            finally:
                self._events.is_locked = False

    def prepare(self) -> None:
        self._refuse_place()
        if not self.exists:
            durable.make_directories(self._root)
        reading.refuse_unsafe_directory(self._root)
        reading.refuse_foreign_content(self._root)
        if os.path.lexists(self._path(VERSIONS)):
            reading.refuse_unsafe_directory(self._path(VERSIONS))
        else:
            durable.sync_ancestors(self._root)

    def clear_debris(self) -> list[str]:
        return clean_up.clear_debris(self._layout())

    def keep_successor(self, key_pair: KeyPair, record: Record, pfx_passphrase: str | None = None) -> Version:
        thumbprint = key_pair.certificate.thumbprint
        if thumbprint == self._layout().current:
            raise KeyStoreError(f"The certificate {thumbprint} is already the current one in {self.location}.")
        version = self._keep(key_pair, record, pfx_passphrase)
        self._link(SUCCESSOR, thumbprint)
        return version

    def adopt_current(self, key_pair: KeyPair, record: Record, pfx_passphrase: str | None = None) -> Version:
        if not self.read().is_empty:
            raise KeyStoreError(f"The key store {self.location} already holds a key pair, so none can be adopted.")
        version = self._keep(key_pair, replace(record, origin=ADOPTED), pfx_passphrase)
        self._link(CURRENT, version.thumbprint)
        return version

    def write_record(self, thumbprint: str, record: Record) -> None:
        durable.replace_file(self._version_path(thumbprint) / versions.RECORD, records.format_record(record))

    def promote_successor(self, now: dt.datetime) -> Version:
        layout = self._layout()
        if not layout.successor:
            raise KeyStoreError(f"The key store {self.location} has no successor to promote.")
        if layout.successor != layout.current:
            self._note_promotion(layout, now)
            self._link(CURRENT, layout.successor)
        durable.remove_link(self._path(SUCCESSOR))
        return versions.read_version(layout.path(layout.successor))

    def roll_back(self, to: str) -> None:
        layout = self._layout()
        if to == layout.current:
            return
        self.signer(to)
        if layout.current:
            self._remember_use(layout)
            self._link(SUCCESSOR, layout.current)
        self._link(CURRENT, to)

    def make_current(self, thumbprint: str) -> None:
        self.roll_back(thumbprint)

    def release_successor(self) -> None:
        layout = self._layout()
        if layout.successor:
            self._forget_use(layout)
            durable.remove_link(self._path(SUCCESSOR))

    def delete_version(self, thumbprint: str) -> None:
        layout = self._layout()
        if thumbprint in layout.linked:
            raise KeyStoreError(f"The version {thumbprint} in {self.location} is in use, so it is not deleted.")
        if thumbprint in layout.names:
            durable.remove_tree(layout.path(thumbprint))

    def note_sign_in(self, at: dt.datetime, thumbprint: str, purpose: str) -> None:
        self._events.note_sign_in(at, thumbprint, purpose)

    def sign_ins_since(self, moment: dt.datetime) -> list[dt.datetime]:
        return self._events.sign_ins_since(moment)

    def append_history(self, event: t.Mapping[str, t.Any]) -> None:
        self._events.append(event)

    def history(self, count: int) -> list[dict[str, t.Any]]:
        return self._events.latest(count)

    def _refuse_place(self) -> None:
        """Whose the store is comes before whose its parents are: that is what a person can mend."""
        if self.exists:
            reading.refuse_unsafe_directory(self._root)
        reading.refuse_open_parents(self._root)

    def _protection(self) -> Protection:
        """What was asked for; where nothing was, what an earlier run remembered."""
        return replace(self._asked, access=self._asked.access.over(consumers.remembered(self._root)))

    def _path(self, name: str) -> Path:
        return self._root / name

    def _layout(self) -> Layout:
        layout = versions.read_layout(self._root)
        links.refuse_astray(layout)
        return layout

    def _version_path(self, thumbprint: str) -> Path:
        """Where a version is, whatever the links say."""
        layout = versions.read_layout(self._root)
        if thumbprint not in layout.names:
            raise KeyStoreError(f"The key store {self.location} holds no version {thumbprint}.")
        return layout.path(thumbprint)

    def _keep(self, key_pair: KeyPair, record: Record, pfx_passphrase: str | None) -> Version:
        """The version's folder, whole and durable. One that is there already keeps its key and what is known of it."""
        thumbprint, protection = key_pair.certificate.thumbprint, self._protection()
        path = self._path(VERSIONS) / thumbprint
        consumers.remember(self._root, protection.access)
        if not reading.is_directory(path.parent):
            durable.make_directories(path.parent)
            consumers.open_folder(path.parent, protection.access)
        if os.path.lexists(path):
            known = versions.read_record(path) or Record()
            self.signer(thumbprint)
            self.write_record(thumbprint, records.take_over(known, record))
        else:
            files = versions.version_files(key_pair, record, pfx_passphrase, protection)
            durable.make_folder(path, files, consumers.access_texts(files, protection.access))
        return versions.read_version(path)

    def _link(self, name: str, thumbprint: str) -> None:
        """Only to what is there: where locks do not reach another host, its run may have taken the folder away."""
        self._version_path(thumbprint)
        durable.switch_link(self._path(name), f"{VERSIONS}/{thumbprint}")

    def _note_promotion(self, layout: Layout, now: dt.datetime) -> None:
        """Before consumers see the successor: its key pair is sound, and who follows whom is on record."""
        successor = str(layout.successor)
        self.signer(successor)
        if layout.current:
            self._remember_use(layout)
        record = records.without_stop(versions.read_version(layout.path(successor)).record)
        self.write_record(successor, replace(record, promoted=now, predecessor=layout.current))

    def _remember_use(self, layout: Layout) -> None:
        """A version that was current may be registered, so it must never pass for debris, even without a record."""
        current = str(layout.current)
        version = versions.read_version(layout.path(current))
        if not version.record.promoted:
            self.write_record(current, replace(version.record, promoted=version.certificate.not_before))

    def _forget_use(self, layout: Layout) -> None:
        """A first one that was not promoted to the end served nobody: its note would tell of a link that was lost."""
        if layout.current or layout.successor not in layout.names:
            return
        version = versions.read_version(layout.path(str(layout.successor)))
        if version.record.promoted:
            self.write_record(version.thumbprint, replace(version.record, promoted=None))
