# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options → the shelf that the application's keys are on: a directory of this host, or a vault elsewhere."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from .._core.errors import KeyStoreError
from .._entra.clouds import without_secrets
from .._keys.directory import DirectoryStore
from .._keys.protection import Protection, wanted_access
from .._keys.store import KeyStore
from .._keys.vault import VaultStore
from .._keys.vault_keys import Vault
from . import arguments
from .arguments import Options


@dataclass(frozen=True)
class Shelf:
    """Where the keys are. A directory is a key store at once; a vault becomes one when a token can open it."""

    directory: DirectoryStore | None = None
    vault_url: str | None = None
    is_exportable: bool = False

    @property
    def location(self) -> str | None:
        return self.directory.location if self.directory else self.vault_url

    def recorded_app_id(self, problems: list[str]) -> str | None:
        """The application that a directory was made for; of a vault that cannot be known before it is open."""
        try:
            versions = self.directory.look().versions if self.directory else ()
        except KeyStoreError as error:
            problems.append(error.message)
            return None
        return next((version.record.app_id for version in versions if version.record.app_id), None)

    def open(self, vault: t.Callable[[str], Vault]) -> KeyStore | None:
        """The key store; None without one."""
        return VaultStore(vault(self.vault_url), self.is_exportable) if self.vault_url else self.directory


def find_shelf(options: Options, problems: list[str]) -> Shelf:
    """The shelf that key_store names; none where that is a problem."""
    location = options.get("key_store")
    if not location:
        return Shelf()
    if arguments.VAULT.fullmatch(location):
        return Shelf(vault_url=location, is_exportable=bool(options.get("exportable")))
    wrong = _wrong_address(location)
    if wrong:
        problems.append(wrong)
        return Shelf()
    if options.get("exportable") is not None:
        problems.append("exportable is for a key store in Azure Key Vault, not for a directory.")
    if os.path.exists(location) and not os.path.isdir(location):
        problems.append(f"key_store must be a directory, and {location} is a file.")
        return Shelf()
    access = wanted_access(options.get("group"), problems)
    return Shelf(DirectoryStore(location, Protection(access, options.get("key_passphrase"))))


def _wrong_address(location: str) -> str | None:
    """Why what key_store says is neither a vault nor a path that means the same everywhere."""
    if "://" in location or "\n" in location:
        return (
            "key_store must be a directory on the host that runs the module, or https://<vault>/certificates/<name>, "
            f"not '{without_secrets(location)}'."
        )
    if os.path.isabs(location):
        return None
    return (
        "key_store must be an absolute path, or begin with ~ or a variable such as $HOME: a relative one is "
        f"another directory wherever the module runs, and '{location}' is relative."
    )
