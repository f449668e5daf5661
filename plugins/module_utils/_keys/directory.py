# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key store as a directory of PEM files, for one host.

    current   -> versions/<thumbprint>    what consumers read
    successor -> versions/<thumbprint>    only while a renewal is under way
    versions/<thumbprint>/                key.pem certificate.pem bundle.pem [bundle.pfx] record.json
    lock history.jsonl sign_ins.jsonl     access.json when a group is let in

A version's folder appears whole, before a link to it does; links are switched in one step.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import typing as t
from dataclasses import replace
from pathlib import Path

from .._core.errors import KeyStoreError
from .._core.model import Record, StoreContents, Version
from . import clean_up, consumers, durable, links, lock, place, reading, records, versions
from .events import Events
from .key_pair import KeyPair, certify, generate_key_pair, signing_request, with_other_dates
from .life import KeyStore
from .protection import PLAIN, Protection
from .refusals import refusal
from .store import SUCCESSOR, Link, no_version
from .versions import VERSIONS, Layout


class DirectoryStore(KeyStore):
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
        # A writer is at work for milliseconds, ten looks in a row all see one only where something is wrong.
        for _attempt in range(10):
            layout = versions.read_layout(self._root)
            try:
                contents = contents_of(layout)
            except KeyStoreError:
                # What was refused may be half of a change that is whole by now.
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
        # Without a passphrase a key opens or is damaged; that is said where it is needed, with what to restore.
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
                # Once, before the first key: a store that has keys has shown what its file system can do.
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
            # A run that was killed may have made directories on the way without the sync of their parents.
            durable.sync_ancestors(self._root)

    def clear_debris(self) -> list[str]:
        return clean_up.clear_debris(self._layout())

    def linked(self) -> tuple[str | None, str | None]:
        return self._layout().linked

    def known(self, thumbprint: str) -> Version | None:
        layout = versions.read_layout(self._root)
        return versions.read_version(layout.folder(thumbprint), thumbprint) if thumbprint in layout.names else None

    def put(self, link: Link, key_pair: KeyPair, record: Record, pfx_passphrase: str | None = None) -> Version:
        version = self._keep(key_pair, record, pfx_passphrase)
        self.point(link, version.thumbprint)
        return version

    def write_record(self, thumbprint: str, record: Record) -> None:
        durable.replace_file(self._version_path(thumbprint) / versions.RECORD, records.format_record(record))

    def point(self, link: Link, thumbprint: str, record: Record | None = None) -> None:
        if record:
            self.write_record(thumbprint, record)
        # Only to what is there: where locks do not reach another host, its run may have taken the folder away.
        self._version_path(thumbprint)
        durable.switch_link(self._path(link), f"{VERSIONS}/{thumbprint}")

    def unlink_successor(self) -> None:
        durable.remove_link(self._path(SUCCESSOR))

    def remove(self, thumbprint: str) -> None:
        layout = self._layout()
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
            raise no_version(self.location, thumbprint)
        return layout.path(thumbprint)

    def _keep(self, key_pair: KeyPair, record: Record, pfx_passphrase: str | None) -> Version:
        """The version's folder, whole and durable."""
        thumbprint, protection = key_pair.certificate.thumbprint, self._protection()
        path = self._path(VERSIONS) / thumbprint
        # Before there are files that only this access explains: readers take others for wrong.
        consumers.remember(self._root, protection.access)
        if not reading.is_directory(path.parent):
            durable.make_directories(path.parent)
            consumers.open_folder(path.parent, protection.access)
        if os.path.lexists(path):
            self.signer(thumbprint)
            self.write_record(thumbprint, record)
        else:
            files = versions.version_files(key_pair, record, pfx_passphrase, protection)
            durable.make_folder(path, files, consumers.access_texts(files, protection.access))
        return versions.read_version(path)
