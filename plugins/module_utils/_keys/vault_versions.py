# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The versions that a vault shows, kept until something is changed; and changes of their tags, one at a time."""

from __future__ import annotations

import base64
import re
import typing as t

from .._core.errors import KeyStoreError
from .._core.model import Certificate, Version
from .key_pair import certificate_from_der
from .store import no_version
from .vault_keys import Vault, as_object
from .vault_tags import Entry, Marks, is_over, next_number, once_each, record_of, successor_of

_VERSION = re.compile(r"[0-9A-Za-z]{1,64}")


class Versions:
    """One certificate's versions. Nobody else's change is overwritten: tags are written as long as they are as read."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._certificates: dict[str, Certificate] = {}
        self._known: list[Entry] | None = None

    @property
    def location(self) -> str:
        return self._vault.location

    def entries(self) -> list[Entry]:
        # Kept, as each look costs requests; whoever is about to act refreshes first.
        if self._known is None:
            self._known = once_each(list(self._read_entries()))
        return self._known

    def refresh(self) -> None:
        self._known = None

    def _read_entries(self) -> t.Iterator[Entry]:
        for item in self._vault.versions():
            version = str(item.get("id", "")).rsplit("/", 1)[-1]
            if not _VERSION.fullmatch(version):
                raise KeyStoreError(f"{self.location} lists a version without a name that could be one.")
            attributes, tags = as_object(item.get("attributes")), _tags(item.get("tags"))
            created, enabled = _seconds(attributes.get("created")), attributes.get("enabled") is not False
            # Else a quiet run would cost a request more with each year.
            certificate = None if is_over(tags, enabled) else self._certificate(version)
            if certificate or is_over(tags, enabled):
                yield Entry(version, certificate, created, enabled, tags)

    def _certificate(self, version: str) -> Certificate | None:
        """A version's certificate never changes; one in the making has none yet."""
        if version not in self._certificates:
            content = self._vault.certificate(version).get("cer")
            if not isinstance(content, str):
                return None
            try:
                self._certificates[version] = certificate_from_der(base64.b64decode(content))
            except ValueError as error:
                raise KeyStoreError(
                    f"Version {version} of {self.location} holds no X.509 certificate that can be read here."
                ) from error
        return self._certificates[version]

    def held(self, thumbprint: str) -> Entry | None:
        return next((entry for entry in self.entries() if entry.thumbprint == thumbprint), None)

    def find(self, thumbprint: str) -> Entry:
        found = self.held(thumbprint)
        if found is None:
            raise no_version(self.location, thumbprint)
        return found

    def version(self, entry: Entry) -> Version:
        return Version(self.certificate(entry), record_of(entry), self.path(entry))

    def certificate(self, entry: Entry) -> Certificate:
        found = entry.certificate or self._certificate(entry.version)
        if found is None:
            raise no_version(self.location, entry.thumbprint)
        return found

    def path(self, entry: Entry) -> str:
        return f"{self.location}/{entry.version}"

    def marks(self, entry: Entry) -> Marks:
        """Its marks; a successor that the vault made is named as such with the first word about it."""
        if entry.is_known:
            return entry.marks
        is_successor = entry is successor_of(self.entries())
        return Marks(record_of(entry), successor=next_number(self.entries()) if is_successor else 0)

    def write(self, entry: Entry, marks: Marks, enabled: bool | None = None) -> Entry:
        """One change of one version, whole or not at all, of tags that are still as they were read."""
        found = _tags(self._vault.certificate(entry.version).get("tags"))
        if found != dict(entry.tags):
            raise self.changed_by_others(entry)
        changed = entry.with_marks(marks, enabled)
        self._vault.update(entry.version, changed.tags, enabled)
        # Not read again: a look that follows too soon could show it as it was.
        self._known = [changed if one.version == entry.version else one for one in self.entries()]
        return changed

    def changed_by_others(self, entry: Entry) -> KeyStoreError:
        """A vault has no lock. Going on would undo what the other one has done."""
        return KeyStoreError(
            f"Another run, or a person, has changed {self.path(entry)} meanwhile, so this run stops. A key store has "
            "one writer: run again when the other one has ended, it goes on from there."
        )


def _tags(value: object) -> dict[str, str]:
    return {str(name): str(text) for name, text in as_object(value).items()}


def _seconds(value: object) -> int:
    """A time as Key Vault writes it; anything else counts as long ago."""
    return value if isinstance(value, int) and 0 <= value < 1 << 33 else 0
