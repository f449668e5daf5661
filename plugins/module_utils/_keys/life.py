# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a key, the same in every place: successor, current, predecessor, gone.

Here stand the order of effects, what is refused before the first of them, and what each of them says in the record. A
record is always durable before the link that it is about, so a stop between any two leaves what the next run goes on
with. When both links name one version, it has been promoted and only the clean-up is missing.
"""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import replace

from .._core.errors import KeyStoreError
from .._core.model import ADOPTED, Record, Version
from .records import take_over, without_stop
from .store import CURRENT, SUCCESSOR, KeyPlace, no_version


class KeyStore(KeyPlace, t.Protocol):
    """The KeyStore port: a place for keys, and what becomes of the keys there."""

    def keep_successor(self, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        """Keep a key pair for good, then name it the successor."""
        thumbprint = key_pair.certificate.thumbprint
        current, _successor = self.linked()
        if thumbprint == current:
            raise KeyStoreError(f"The certificate {thumbprint} is already the current one in {self.location}.")
        # The same pair again, brought or left by a stopped run: it may be registered by now.
        known = self.known(thumbprint)
        return self.put(SUCCESSOR, key_pair, take_over(known.record, record) if known else record, pfx_passphrase)

    def adopt_current(self, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        """Keep the key pair in use today, in an empty store, as current."""
        if not self.read().is_empty:
            raise KeyStoreError(f"The key store {self.location} already holds a key pair, so none can be adopted.")
        # By this word in the record the next run makes a link that a stop has kept from being made.
        return self.put(CURRENT, key_pair, replace(record, origin=ADOPTED), pfx_passphrase)

    def promote_successor(self, now: dt.datetime) -> Version:
        """Make the successor current. Repeating it after a stop finishes it."""
        current, successor = self.linked()
        if not successor:
            raise KeyStoreError(f"The key store {self.location} has no successor to promote.")
        if successor != current:
            self._switch(current, successor, now)
        # Where a switch and its clean-up are one step, another run's successor may stand there by now.
        if self.linked()[1] == successor:
            self.unlink_successor()
        return self._version(successor)

    def _switch(self, current: str | None, successor: str, now: dt.datetime) -> None:
        """Before consumers see the successor: its key pair is sound, and who follows whom is on record."""
        self.signer(successor)
        used = self._record_of_use(current) if current else None
        if current and used:
            self.write_record(current, used)
        record = without_stop(self._version(successor).record)
        self.point(CURRENT, successor, replace(record, promoted=now, predecessor=current))

    def roll_back(self, to: str) -> None:
        """Make an earlier version current again; what was current becomes the successor."""
        current, _successor = self.linked()
        if to == current:
            return
        self.signer(to)
        if current:
            # First, as a stop in between then leaves a promotion to be cleaned up and never a version without a link.
            self.point(SUCCESSOR, current, self._record_of_use(current))
        self.point(CURRENT, to)

    def release_successor(self) -> None:
        """Let no version be the successor."""
        current, successor = self.linked()
        if not successor:
            return
        known = None if current else self.known(successor)
        if known and known.record.promoted:
            # A first one that was not promoted to the end served nobody: its note would tell of a link that was lost.
            self.write_record(successor, replace(known.record, promoted=None))
        self.unlink_successor()

    def delete_version(self, thumbprint: str) -> None:
        """Remove a version with its private key; never the current one or the successor."""
        if thumbprint in self.linked():
            raise KeyStoreError(f"The version {thumbprint} in {self.location} is in use, so it is not deleted.")
        self.remove(thumbprint)

    def _record_of_use(self, current: str) -> Record | None:
        """What was current may be registered: it must never pass for debris, even without a record. None if noted."""
        version = self._version(current)
        if version.record.promoted:
            return None
        return replace(version.record, promoted=version.certificate.not_before)

    def _version(self, thumbprint: str) -> Version:
        known = self.known(thumbprint)
        if known is None:
            raise no_version(self.location, thumbprint)
        return known
