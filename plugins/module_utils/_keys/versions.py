# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions in a directory: what belongs to one, which is linked, what a stopped run left half-made. Reads only."""

from __future__ import annotations

import contextlib
import functools
import os
import typing as t
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._core.errors import InvalidInput, KeyStoreError
from .._core.model import ADOPTED, Certificate, Record, StoreContents, Version
from . import pem, reading
from .key_pair import KeyPair, certificate_from_der, load_key_pair, to_pfx
from .protection import PLAIN, Access, Protection
from .reading import AnyPath
from .records import format_record, parse_record
from .store import CURRENT, SUCCESSOR

VERSIONS = "versions"
KEY, CERTIFICATE, BUNDLE, PFX, RECORD = "key.pem", "certificate.pem", "bundle.pem", "bundle.pfx", "record.json"
# What consumers read, as far as it is there.
FOR_CONSUMERS = (KEY, CERTIFICATE, BUNDLE, PFX)
WITH_KEY = (KEY, BUNDLE, PFX)


@dataclass(frozen=True)
class Layout:
    """Where the links point and which folders there are, at one moment.

    `unnamed`: folders that are whole and that a run was stopped from giving their name, by thumbprint. `astray`: what
    is wrong with what stands in the place of a link, by its name.
    """

    location: Path
    current: str | None
    successor: str | None
    names: tuple[str, ...]
    unnamed: t.Mapping[str, str] = field(default_factory=dict)
    astray: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def linked(self) -> tuple[str | None, str | None]:
        return (self.current, self.successor)

    @property
    def is_dangling(self) -> bool:
        """Whether the successor is a name without a key pair: nothing that could be gone on with."""
        return self.successor is not None and self.successor not in self.names

    def path(self, thumbprint: str) -> Path:
        return Path(self.folder(thumbprint))

    def folder(self, thumbprint: str) -> str:
        return f"{self.location}/{VERSIONS}/{self.unnamed.get(thumbprint, thumbprint)}"


def read_layout(location: Path) -> Layout:
    versions = f"{location}/{VERSIONS}"
    # A link would let the store be changed somewhere else than where its owner and mode were looked at.
    reading.refuse_link(versions)
    links = {name: reading.read_link(f"{location}/{name}") for name in (CURRENT, SUCCESSOR)}
    listed = reading.list_names(versions)
    names = tuple(name for name in listed if reading.is_thumbprint(name))
    whole = {_thumbprint_within(f"{versions}/{name}"): name for name in filter(reading.is_temporary, listed)}
    unnamed = {thumbprint: name for thumbprint, name in whole.items() if thumbprint and thumbprint not in names}
    astray = {name: problem for name, (_named, problem) in links.items() if problem}
    layout = Layout(location, links[CURRENT][0], links[SUCCESSOR][0], (*names, *unnamed), unnamed, astray)
    for name in names:
        reading.refuse_link(layout.folder(name))
    return layout


def _thumbprint_within(folder: str) -> str | None:
    """The name that a folder in the making lacks, when it lacks nothing else: its record is written last."""
    if os.path.islink(folder) or not all(os.path.lexists(f"{folder}/{name}") for name in (KEY, BUNDLE)):
        return None
    with contextlib.suppress(KeyStoreError, IndexError, ValueError):
        record = read_record(folder)
        if record and _is_to_go_on(record):
            return first_certificate(reading.read_file(f"{folder}/{CERTIFICATE}") or b"").thumbprint
    return None


def read_contents(layout: Layout) -> StoreContents:
    """What a clean-up would leave: half a version is left out, what was cut short before its link counts as done."""
    halves, aside = halves_in(layout), superseded(layout)
    versions = {name: read_version(layout.folder(name), name) for name in layout.names if name not in halves}
    versions.update({name: replace(versions[name], record=record) for name, record in aside.items()})
    current, successor = layout.current or unfinished_adoption(layout), successor_of(layout)
    others = (version for name, version in versions.items() if name not in (current, successor))
    return StoreContents(
        versions[current] if current else None,
        versions[successor] if successor else None,
        tuple(sorted(others, key=lambda version: (version.certificate.not_before, version.thumbprint))),
    )


def read_version(path: AnyPath, name: str | None = None) -> Version:
    """The certificate and the record in a version's folder. Its name, had or to come, must be the certificate's."""
    name = name or os.path.basename(path)
    certificate_path = f"{path}/{CERTIFICATE}"
    content = reading.read_file(certificate_path)
    try:
        certificate = first_certificate(content or b"")
    except (IndexError, ValueError) as error:
        raise KeyStoreError(
            f"Key store: {certificate_path} is missing or not a certificate. Restore {path} from a backup."
        ) from error
    if certificate.thumbprint != name:
        raise KeyStoreError(
            f"Key store: {certificate_path} has the thumbprint {certificate.thumbprint}, not the one of its folder: "
            "it was exchanged. Restore the folder from a backup."
        )
    return Version(certificate, read_record(path) or Record(), f"{os.path.dirname(path)}/{name}")


@functools.lru_cache(maxsize=64)
def first_certificate(content: bytes) -> Certificate:
    """A run reads the same few certificates again and again."""
    return certificate_from_der(pem.parse_der(pem.parse_blocks(content)[0]))


def read_record(path: AnyPath) -> Record | None:
    record_path = f"{path}/{RECORD}"
    content = reading.read_file(record_path)
    return None if content is None else parse_record(content, record_path)


def read_key_pair(path: Path, protection: Protection = PLAIN, name: str | None = None) -> KeyPair:
    """What consumers read, `bundle.pem`, if it is private and agrees with the files beside it."""
    private = {name: reading.read_private_file(path / name, protection.access) for name in (KEY, BUNDLE)}
    # Not opened, as nobody gave its passphrase; but it holds the key, so nobody else may read it.
    if os.path.lexists(path / PFX):
        reading.read_private_file(path / PFX, protection.access)
    key_pair = _open(private[BUNDLE], path, BUNDLE, protection)
    _open(private[KEY] + key_pair.certificate_pem(), path, KEY, protection)
    if key_pair.certificate.thumbprint != (name or path.name):
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
        message = f"Key store: {error.message} Restore {path} from a backup."
        diagnosis = replace(error.diagnosis, cause=message) if error.diagnosis else None
        raise KeyStoreError(message, diagnosis) from error


def version_files(
    key_pair: KeyPair, record: Record, pfx_passphrase: str | None, protection: Protection = PLAIN
) -> dict[str, bytes]:
    """What a version's folder holds, by file name."""
    key, certificate = key_pair.private_key_pem(protection.key_passphrase), key_pair.certificate_pem()
    files = {KEY: key, CERTIFICATE: certificate, BUNDLE: key + certificate + pem.format_certificates(key_pair.chain)}
    if pfx_passphrase:
        files[PFX] = to_pfx(key_pair, pfx_passphrase, key_pair.certificate.subject)
    return {**files, RECORD: format_record(record)}


def halves_in(layout: Layout) -> tuple[str, ...]:
    """Folders that no link names and that hold no key pair: what nobody can use."""
    return tuple(name for name in layout.names if name not in layout.linked and _is_half(layout.folder(name)))


def _is_half(path: str) -> bool:
    if all(os.path.lexists(f"{path}/{name}") for name in (KEY, CERTIFICATE)):
        return False
    record = read_record(path)
    return record is None or record.is_half_made


def holds_key(path: Path) -> bool:
    return any(os.path.lexists(path / name) for name in WITH_KEY)


def successor_of(layout: Layout) -> str | None:
    """The version that the link names; else the key pair of a run that was stopped before the link to it.

    That one's record says that it was not sent. In a restored store it may be wrong, so no key is destroyed for it.
    """
    return _named_successor(layout) or _latest(_half_made(layout))


def superseded(layout: Layout) -> dict[str, Record]:
    """Half-made key pairs that another one goes before, with the record that says so."""
    half_made = _half_made(layout)
    going_on = _named_successor(layout) or _latest(half_made)
    return {name: replace(made, aside=made.generated) for name, made in half_made.items() if name != going_on}


def _named_successor(layout: Layout) -> str | None:
    is_one = layout.successor and layout.successor != layout.current and not layout.is_dangling
    return layout.successor if is_one else None


def _latest(half_made: dict[str, Record]) -> str | None:
    return max(half_made, key=lambda name: (str(half_made[name].generated), name), default=None)


def _half_made(layout: Layout) -> dict[str, Record]:
    """The records of those that no link names and that were not set aside."""
    unlinked = [name for name in layout.names if name not in layout.linked and not _is_half(layout.folder(name))]
    records = {name: read_record(layout.folder(name)) for name in unlinked}
    return {name: record for name, record in records.items() if record and _is_to_go_on(record)}


def _is_to_go_on(record: Record) -> bool:
    return record.is_half_made and not record.aside


def unfinished_adoption(layout: Layout) -> str | None:
    """The version of an adoption that was stopped before its last step, the link."""
    # An adoption is for an empty store: a second version tells that something else has happened since.
    if layout.current or layout.successor or len(layout.names) != 1:
        return None
    record = read_record(layout.folder(layout.names[0]))
    return layout.names[0] if record and record.origin == ADOPTED else None
