# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The KeyStore port: where private keys live, which of them is current, and what is remembered of each."""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.model import Certificate, Record, StoreContents, Version


class StoredKey(t.Protocol):
    """A private key that can sign, and its certificate; the key itself may be out of reach."""

    @property
    def certificate(self) -> Certificate: ...

    def sign(self, data: bytes, algorithm: str) -> bytes: ...


class KeyStore(t.Protocol):
    """One writer's keys. Each change is durable when its method returns, and done or not done when it does not."""

    location: str

    @property
    def exists(self) -> bool:
        """Whether there is anything at its location yet."""

    def read(self) -> StoreContents:
        """Everything in the store, without any effect; what does not exist yet is empty.

        Raises KeyStoreError for a link that leads nowhere; a `current` that is missing is in `wrong_links`.
        """

    def look(self) -> StoreContents:
        """The same for a report: as if what is in `wrong_links` were mended."""

    def make_key_pair(
        self, *, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime
    ) -> StoredKey:
        """A new key pair for `keep_successor`, signed by itself, not valid for longer than asked for."""

    def make_shorter(self, thumbprint: str, *, not_before: dt.datetime, not_after: dt.datetime) -> StoredKey:
        """The key of the successor with another certificate, signed by itself; it is kept by `keep_successor`."""

    def shortest_life(self, validity: dt.timedelta) -> dt.timedelta:
        """How long a new key pair's certificate lives at least, when so much is asked for."""

    def certify(self, content: bytes, where: str) -> StoredKey:
        """The key that waits here with the certificate that an authority has made for it. Raises InvalidInput."""

    def signing_request(self) -> str | None:
        """The request for the successor's key, as PEM; None where none waits."""

    def signer(self, thumbprint: str) -> StoredKey:
        """The key pair of a version. Raises KeyStoreError when its key is missing, damaged or readable by others."""

    def why_keyless(self, thumbprint: str) -> str | None:
        """Why the private key of a version is not to be had here, such as a file that is gone. Opens nothing."""

    def refuse_obstacles(self) -> None:
        """Raise KeyStoreError for what is known to stop a later effect: before any effect, not amid them.

        A key in use that is encrypted and does not open; no room for what has to be remembered.
        """

    def has_pfx(self) -> bool:
        """Whether consumers of the current version have a `bundle.pfx`."""

    def wrong_access(self) -> list[dict[str, t.Any]]:
        """What does not have the group and mode that were asked for: `path`, `before`, `after`. Reads only."""

    def correct_access(self) -> list[dict[str, t.Any]]:
        """Let the consumers in as asked for; the same list, of what was changed."""

    def lock(self, timeout: float, wait: t.Callable[[float, str], None]) -> t.ContextManager[None]:
        """Keep other writers out. While another one is at work, `wait` sleeps and is told who it is."""

    def prepare(self) -> None:
        """Make the store where there is none; refuse one that others could change."""

    def clear_debris(self) -> list[str]:
        """Bring what a stopped run left half-made to an end, and name what was removed. Never a key pair."""

    def keep_successor(self, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        """Keep a key pair for good, then name it the successor."""

    def adopt_current(self, key_pair: t.Any, record: Record, pfx_passphrase: str | None = None) -> Version:
        """Keep the key pair in use today, in an empty store, as current."""

    def write_record(self, thumbprint: str, record: Record) -> None:
        """Replace what is remembered of a version."""

    def promote_successor(self, now: dt.datetime) -> Version:
        """Make the successor current. Repeating it after a stop finishes it."""

    def roll_back(self, to: str) -> None:
        """Make an earlier version current again; what was current becomes the successor."""

    def make_current(self, thumbprint: str) -> None:
        """The same, for a current certificate that is not registered."""

    def release_successor(self) -> None:
        """Let no version be the successor."""

    def delete_version(self, thumbprint: str) -> None:
        """Remove a version with its private key; never the current one or the successor."""

    def note_sign_in(self, at: dt.datetime, thumbprint: str, purpose: str) -> None:
        """Remember an attempt to sign in; needs no lock."""

    def sign_ins_since(self, moment: dt.datetime) -> list[dt.datetime]:
        """When sign-ins were attempted at or after a moment, oldest first."""

    def append_history(self, event: t.Mapping[str, t.Any]) -> None:
        """Remember an event for people to read; never a secret."""

    def history(self, count: int) -> list[dict[str, t.Any]]:
        """The latest events, newest last."""
