# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions in a directory: what belongs to one, which is linked, and what is debris. Reads only."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from .._core.errors import InvalidInput, KeyStoreError
from .._core.model import Certificate, Record, StoreContents, Version
from . import pem, reading
from .key_pair import KeyPair, certificate_from_der, load_key_pair, to_pfx
from .protection import PLAIN, Access, Protection
from .reading import AnyPath
from .records import ADOPTED, format_record, parse_record, was_never_sent

CURRENT, SUCCESSOR, VERSIONS = "current", "successor", "versions"
KEY, CERTIFICATE, BUNDLE, PFX, RECORD = "key.pem", "certificate.pem", "bundle.pem", "bundle.pfx", "record.json"
# What consumers read, as far as it is there.
FOR_CONSUMERS = (KEY, CERTIFICATE, BUNDLE, PFX)


@dataclass(frozen=True)
class Layout:
    """Where the links point and which folders there are, at one moment."""

    location: Path
    current: str | None
    successor: str | None
    names: tuple[str, ...]

    @property
    def linked(self) -> tuple[str | None, ...]:
        return (self.current, self.successor)

    def path(self, thumbprint: str) -> Path:
        return Path(self.folder(thumbprint))

    def folder(self, thumbprint: str) -> str:
        return f"{self.location}/{VERSIONS}/{thumbprint}"


def read_layout(location: Path) -> Layout:
    versions = f"{location}/{VERSIONS}"
    reading.refuse_link(versions)
    current = reading.read_link(f"{location}/{CURRENT}")
    successor = reading.read_link(f"{location}/{SUCCESSOR}")
    names = tuple(name for name in reading.list_names(versions) if reading.is_thumbprint(name))
    layout = Layout(location, current, successor, names)
    for name in names:
        reading.refuse_link(layout.folder(name))
    return layout


def read_contents(layout: Layout) -> StoreContents:
    """What a clean-up would leave: debris is left out, an adoption that was cut short counts as done."""
    _refuse_dangling_links(layout)
    debris = debris_in(layout)
    versions = {name: read_version(layout.folder(name)) for name in layout.names if name not in debris}
    current = layout.current or unfinished_adoption(layout)
    successor = layout.successor if layout.successor != current else None
    others = (version for name, version in versions.items() if name not in (current, successor))
    return StoreContents(
        versions[current] if current else None,
        versions[successor] if successor else None,
        tuple(sorted(others, key=lambda version: (version.certificate.not_before, version.thumbprint))),
    )


def _refuse_dangling_links(layout: Layout) -> None:
    for link, name in ((CURRENT, layout.current), (SUCCESSOR, layout.successor)):
        if name and name not in layout.names:
            raise KeyStoreError(
                f"Key store: {layout.location / link} points to {layout.path(name)}, which does not exist. "
                "Restore that folder from a backup, or remove the link."
            )


def read_version(path: AnyPath) -> Version:
    """The certificate and the record in a version's folder; the folder's name must be the certificate's."""
    certificate_path = f"{path}/{CERTIFICATE}"
    content = reading.read_file(certificate_path)
    try:
        certificate = _first_certificate(content or b"")
    except (IndexError, ValueError) as error:
        raise KeyStoreError(
            f"Key store: {certificate_path} is missing or not a certificate. Restore {path} from a backup."
        ) from error
    if certificate.thumbprint != os.path.basename(path):
        raise KeyStoreError(
            f"Key store: {certificate_path} has the thumbprint {certificate.thumbprint}, not the one of its folder: "
            "it was exchanged. Restore the folder from a backup."
        )
    return Version(certificate, read_record(path) or Record(), str(path))


@functools.lru_cache(maxsize=64)
def _first_certificate(content: bytes) -> Certificate:
    """A run reads the same few certificates again and again."""
    return certificate_from_der(pem.parse_der(pem.parse_blocks(content)[0]))


def read_record(path: AnyPath) -> Record | None:
    record_path = f"{path}/{RECORD}"
    content = reading.read_file(record_path)
    return None if content is None else parse_record(content, record_path)


def read_key_pair(path: Path, protection: Protection = PLAIN) -> KeyPair:
    """What consumers read, `bundle.pem`, if it is private and agrees with the files beside it."""
    private = {name: reading.read_private_file(path / name, protection.access) for name in (KEY, BUNDLE)}
    if os.path.lexists(path / PFX):
        reading.read_private_file(path / PFX, protection.access)
    key_pair = _open(private[BUNDLE], path, BUNDLE, protection)
    _open(private[KEY] + key_pair.certificate_pem(), path, KEY, protection)
    if key_pair.certificate.thumbprint != path.name:
        raise KeyStoreError(f"Key store: {path / BUNDLE} was exchanged. Restore {path} from a backup.")
    return key_pair


def is_encrypted(path: Path, access: Access) -> bool:
    """Whether a version's private key needs a passphrase; False as well where there is none to read."""
    content = reading.read_private_file(path / BUNDLE, access) if os.path.lexists(path / BUNDLE) else b""
    return _has_encrypted_key(content)


def _has_encrypted_key(content: bytes) -> bool:
    return any(block.is_private_key and block.is_encrypted for block in pem.parse_blocks(content))


def _open(content: bytes, path: Path, name: str, protection: Protection) -> KeyPair:
    needs_passphrase = _has_encrypted_key(content)
    if needs_passphrase and not protection.key_passphrase:
        raise KeyStoreError(
            f"Key store: the private key in {path / name} is encrypted. Give its passphrase as key_passphrase."
        )
    try:
        return load_key_pair(content, protection.key_passphrase, str(path / name), validate=False)
    except InvalidInput as error:
        if needs_passphrase:
            raise KeyStoreError(
                f"Key store: {path / name} does not open with key_passphrase. Give the passphrase that it was written "
                f"with; if it is that one, the file is damaged: restore {path} from a backup."
            ) from error
        raise KeyStoreError(f"Key store: {error.message} Restore {path} from a backup.") from error


def version_files(
    key_pair: KeyPair, record: Record, pfx_passphrase: str | None, protection: Protection = PLAIN
) -> dict[str, bytes]:
    """What a version's folder holds, by file name."""
    key, certificate = key_pair.private_key_pem(protection.key_passphrase), key_pair.certificate_pem()
    files = {KEY: key, CERTIFICATE: certificate, BUNDLE: key + certificate + pem.format_certificates(key_pair.chain)}
    if pfx_passphrase:
        name = key_pair.certificate.subject
        files[PFX] = to_pfx(key_pair, pfx_passphrase, name, protection.pfx_encryption)
    return {**files, RECORD: format_record(record)}


def debris_in(layout: Layout) -> tuple[str, ...]:
    """Versions that a stopped run left, that are not linked and that were certainly never sent."""
    return tuple(name for name in layout.names if name not in layout.linked and _is_debris(layout.folder(name)))


def _is_debris(path: str) -> bool:
    record = read_record(path)
    if record is None:
        return not all(os.path.lexists(f"{path}/{name}") for name in (KEY, CERTIFICATE))
    return was_never_sent(record)


def unfinished_adoption(layout: Layout) -> str | None:
    """The version of an adoption that was stopped before its last step, the link."""
    if layout.current or layout.successor or len(layout.names) != 1:
        return None
    record = read_record(layout.folder(layout.names[0]))
    return layout.names[0] if record and record.origin == ADOPTED else None
