# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last question before a write: would it lose what must not be lost? Pure: the write and what is known, in.

Whatever planned the write has thought of all this already. It is asked again because a mistake there cannot be undone.
"""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass

from .memory import Memory
from .model import Application, KeyCredential, StoreContents, Version


@dataclass(frozen=True)
class KeyWrite:
    """A write to an application's key credentials, as it is about to be sent.

    `keeps`: the key IDs that a PATCH sends back; None where every other entry stays by itself (addKey, removeKey).
    `removes`: the one that it is to take away. `application`: the latest read; None where it may not be read.
    `removed`: what this run has removed before. `signed_in`: the certificates that this call has signed in with.
    `is_named`: the user names the certificate, as in application_certificate.
    """

    now: dt.datetime
    store: StoreContents
    memory: Memory
    application: Application | None
    keeps: frozenset[str] | None = None
    removes: str | None = None
    removed: t.Collection[str] = ()
    signed_in: t.Collection[str] = ()
    is_named: bool = False

    def leaves(self, key_id: str | None) -> bool:
        """Whether an entry is on the application afterwards, when it was there before."""
        return key_id != self.removes and (self.keeps is None or key_id in self.keeps)

    @property
    def removed_entry(self) -> KeyCredential | None:
        return self.application.find_credential_by_id(self.removes or "") if self.application else None


def a_forgotten_entry(write: KeyWrite) -> str | None:
    """I2: every entry that any read has shown is in the body, but for what was removed on purpose.

    A managed certificate may be there under a new key ID; one that was retired, or whose key is gone, is over.
    """
    if write.keeps is None:
        return None
    known = list(write.memory.foreign())
    for version in write.store.versions:
        entries = write.memory.key_ids_of(version.certificate)
        if not version.record.retired and not write.keeps.intersection(entries):
            known += entries
    lost = [key_id for key_id in known if key_id not in {*write.keeps, *write.removed, write.removes}]
    return f"it would delete key credentials that were seen on the application: {', '.join(lost)}" if lost else None


def a_foreign_removal(write: KeyWrite) -> str | None:
    """I2: what is removed is managed, unless the user names it; what decrypts or signs tokens is never removed."""
    entry = write.removed_entry
    if entry and write.application and (why := write.application.why_protected(entry)):
        return f"key credential {write.removes} would be removed: {why}"
    if write.removes is None or write.is_named:
        return None
    if write.application:
        is_ours = entry is None or write.store.holds(entry)
    else:
        is_ours = write.removes in [version.record.key_id for version in write.store.versions]
    return None if is_ours else f"key credential {write.removes} would be removed, and it is somebody else's"


def a_lock_out(write: KeyWrite) -> str | None:
    """I1: where a key of the store is usable, one of those that are is left."""
    valid = [version for version in write.store.versions if _is_valid(write, version)]
    if not any(_is_registered(write, version) for version in valid) or any(_is_left(write, one) for one in valid):
        return None
    return "no key of the key store could sign in afterwards"


def an_unproven_removal(write: KeyWrite) -> str | None:
    """Nothing is removed unless this call has signed in with a key that stays."""
    if write.removes is None or write.is_named:
        return None
    tried = (version for version in write.store.versions if version.thumbprint in write.signed_in)
    if any(_is_left(write, version) for version in tried):
        return None
    return f"key credential {write.removes} would be removed, and no key that stays has just signed in"


def _is_valid(write: KeyWrite, version: Version) -> bool:
    certificate = version.certificate
    return not version.record.refused and certificate.not_before <= write.now < certificate.not_after


def _is_registered(write: KeyWrite, version: Version) -> bool:
    if write.application:
        return bool(_entries(write, version))
    return bool(version.record.registered and not version.record.retired)


def _is_left(write: KeyWrite, version: Version) -> bool:
    """Whether it is on the application afterwards. A replica that lags does not show yet what has just signed in."""
    entries = _entries(write, version)
    if entries or write.keeps is not None:
        return any(write.leaves(entry.key_id) for entry in entries)
    is_known = version.thumbprint in write.signed_in or (not write.application and _is_registered(write, version))
    return is_known and version.record.key_id != write.removes


def _entries(write: KeyWrite, version: Version) -> list[KeyCredential]:
    shown = write.application.sign_in_credentials if write.application else ()
    return [entry for entry in shown if entry.holds(version.certificate)]


# Each answers with what is wrong, or None.
CHECKS: tuple[t.Callable[[KeyWrite], str | None], ...] = (
    a_forgotten_entry,
    a_foreign_removal,
    a_lock_out,
    an_unproven_removal,
)


def why_unsafe(write: KeyWrite) -> str | None:
    """What the write would break, or None."""
    return next((why for check in CHECKS if (why := check(write))), None)
