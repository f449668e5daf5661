# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a place for private keys is asked for. `life.py` makes a key store of it.

A third place is one file with a class of `life.KeyStore` that has what is said of `KeyReader` and `KeyPlace` here.
What has an answer here already is for places that need another one.
"""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.errors import KeyStoreError
from .._core.model import Certificate, Record, StoreContents, Version

Link = t.Literal["current", "successor"]
CURRENT: t.Final = "current"
SUCCESSOR: t.Final = "successor"


class StoredKey(t.Protocol):
    """A private key that can sign, and its certificate; the key itself may be out of reach."""

    @property
    def certificate(self) -> Certificate: ...

    def sign(self, data: bytes, algorithm: str) -> bytes: ...


class KeyReader(t.Protocol):
    """One writer's keys, for whoever signs in with them or reports on them. Only a sign-in leaves a note."""

    location: str
    # Whether somebody has to sign in before it opens.
    needs_identity: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is anything at its location yet."""

    def read(self) -> StoreContents:
        """Everything in the store, without any effect; what does not exist yet is empty.

        Raises KeyStoreError for a link that leads nowhere; a `current` that is missing is in `wrong_links`.
        """

    def look(self) -> StoreContents:
        """The same for a report: as if what is in `wrong_links` were mended."""
        return self.read()

    def signer(self, thumbprint: str) -> StoredKey:
        """The key pair of a version. Raises KeyStoreError when its key is missing, damaged or readable by others."""

    def why_keyless(self, thumbprint: str) -> str | None:
        """Why the private key of a version is not to be had here, such as a file that is gone. Opens nothing."""
        return None

    def signing_request(self) -> str | None:
        """The request for the key that waits for its certificate, as PEM; None where none waits."""

    def has_pfx(self) -> bool:
        """Whether consumers of the current version have a `bundle.pfx`."""
        return False

    def wrong_access(self) -> list[dict[str, t.Any]]:
        """What does not have the group and mode that were asked for: `path`, `before`, `after`. Reads only."""
        return []

    def note_sign_in(self, at: dt.datetime, thumbprint: str, purpose: str) -> None:
        """Remember an attempt to sign in; needs no lock."""

    def sign_ins_since(self, moment: dt.datetime) -> list[dt.datetime]:
        """When sign-ins were attempted at or after a moment, oldest first."""

    def history(self, count: int) -> list[dict[str, t.Any]]:
        """The latest events, newest last."""


class KeyPlace(KeyReader, t.Protocol):
    """What is done to keys, where they are. Each change is durable when its method returns, else not done."""

    @property
    def requester(self) -> t.Callable[..., None] | None:
        """What has a key made that waits for its certificate before it is a version; None where a successor waits."""
        return None

    def make_key_pair(
        self, *, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime
    ) -> StoredKey:
        """A new key pair for `keep_successor`, signed by itself, not valid for longer than asked for."""

    def make_shorter(self, thumbprint: str, *, not_before: dt.datetime, not_after: dt.datetime) -> StoredKey:
        """The key of the successor with another certificate, signed by itself; it is kept by `keep_successor`."""

    def shortest_life(self, validity: dt.timedelta) -> dt.timedelta:
        """How long a new key pair's certificate lives at least, when so much is asked for."""
        return validity

    def certify(self, content: bytes, where: str) -> StoredKey:
        """The key that waits here with the certificate that an authority has made for it. Raises InvalidInput."""

    def refuse_obstacles(self) -> None:
        """Raise KeyStoreError for what is known to stop a later effect: before any effect, not amid them.

        A key in use that is encrypted and does not open; no room for what has to be remembered.
        """

    def lock(self, timeout: float, wait: t.Callable[[float, str], None]) -> t.ContextManager[None]:
        """Keep other writers out. While another one is at work, `wait` sleeps and is told who it is."""

    def prepare(self) -> None:
        """Make the store where there is none; refuse one that others could change."""
        return

    def clear_debris(self) -> list[str]:
        """Bring what a stopped run left half-made to an end, and name what was removed. Never a key pair."""

    def correct_access(self) -> list[dict[str, t.Any]]:
        """Let the consumers in as asked for; the same list, of what was changed."""
        return []

    def linked(self) -> tuple[str | None, str | None]:
        """The versions that are current and the successor, as the links say. Both are one after a promotion."""

    def known(self, thumbprint: str) -> Version | None:
        """What is known of a version; also of one that was removed, where the place still knows of it."""

    def put(self, link: Link, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        """Keep a key pair with its record, then point the link at it. One that is there keeps its key.

        Where no lock keeps other runs out, the version that the link names in the end may be theirs.
        """

    def write_record(self, thumbprint: str, record: Record) -> None:
        """Replace what is remembered of a version."""

    def point(self, link: Link, thumbprint: str, record: Record | None = None) -> None:
        """Let the link name a version, in one step that follows its record. What it has named, it names no more."""

    def unlink_successor(self) -> None:
        """Let the link to the successor name nothing."""

    def remove(self, thumbprint: str) -> None:
        """Remove a version that no link names, with its private key; none is no error."""

    def append_history(self, event: t.Mapping[str, t.Any]) -> None:
        """Remember an event for people to read; never a secret."""


def no_version(location: str, thumbprint: str) -> KeyStoreError:
    return KeyStoreError(f"The key store {location} holds no version {thumbprint}.")
