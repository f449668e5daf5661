# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a vault does for us, and keys that stay in it."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass, field

from .._core.errors import KeyStoreError
from .._core.model import Certificate


class Vault(t.Protocol):
    """The vault's side: one certificate's versions. `_entra/key_vault.py` fulfils it."""

    location: str

    def versions(self) -> list[dict[str, t.Any]]: ...

    def certificate(self, version: str) -> dict[str, t.Any]: ...

    def create(self, policy: dict[str, t.Any], tags: t.Mapping[str, str]) -> None: ...

    def pending(self) -> dict[str, t.Any] | None: ...

    def wait_until_made(self) -> None: ...

    def import_pem(self, content: bytes, policy: dict[str, t.Any], tags: t.Mapping[str, str]) -> None: ...

    def merge(self, certificates: t.Sequence[bytes], tags: t.Mapping[str, str]) -> None: ...

    def update(self, version: str, tags: t.Mapping[str, str], enabled: bool | None) -> None: ...

    def sign(self, version: str, algorithm: str, digest: bytes) -> bytes: ...


@dataclass(frozen=True)
class VaultKey:
    """A private key that stays in the vault, and its certificate; satisfies the Signer port."""

    certificate: Certificate
    version: str
    vault: Vault = field(repr=False, compare=False)

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """The vault signs a digest; both algorithms of ours are made of SHA-256."""
        return self.vault.sign(self.version, algorithm, hashlib.sha256(data).digest())


@dataclass(frozen=True)
class SignedRequest:
    """A certificate that an authority has made for the key that waits in the vault."""

    certificate: Certificate
    chain: tuple[bytes, ...] = field(default=(), repr=False)

    def sign(self, data: bytes, algorithm: str) -> bytes:
        raise KeyStoreError(f"The certificate {self.certificate.thumbprint} is not in the vault yet, so nothing signs.")


def is_under_way(operation: dict[str, t.Any] | None) -> bool:
    """Whether the vault is making a version by itself at the moment."""
    named = str(as_object((operation or {}).get("issuer")).get("name"))
    return (operation or {}).get("status") == "inProgress" and named.lower() != "unknown"


def as_object(value: object) -> dict[str, t.Any]:
    """A part of an answer that should be an object; nothing where it is something else."""
    return value if isinstance(value, dict) else {}
