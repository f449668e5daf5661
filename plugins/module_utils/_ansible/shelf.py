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
from .._keys.life import KeyStore
from .._keys.protection import Protection, wanted_access
from .._keys.vault import VaultStore
from .._keys.vault_keys import Vault
from . import arguments
from .arguments import Options


@dataclass(frozen=True)
class Shelf:
    """Where the keys are. A place of this host is open at once; one elsewhere is opened, by somebody with a token."""

    location: str | None = None
    at_hand: KeyStore | None = None
    opens_with: t.Callable[[t.Callable[[str], Vault]], KeyStore] | None = None

    @property
    def needs_identity(self) -> bool:
        return self.opens_with is not None

    def recorded_app_id(self, problems: list[str]) -> str | None:
        """The application that its keys were made for; behind a door that cannot be known before it is open."""
        try:
            versions = self.at_hand.look().versions if self.at_hand else ()
        except KeyStoreError as error:
            problems.append(error.message)
            return None
        return next((version.record.app_id for version in versions if version.record.app_id), None)

    def open(self, vault: t.Callable[[str], Vault]) -> KeyStore | None:
        """The key store; None without one."""
        return self.opens_with(vault) if self.opens_with else self.at_hand


def find_shelf(options: Options, problems: list[str]) -> Shelf:
    """The shelf that key_store names; none where that is a problem."""
    location = options.get("key_store")
    if not location:
        return Shelf()
    if arguments.VAULT.fullmatch(location):
        is_exportable = bool(options.get("exportable"))
        return Shelf(location, opens_with=lambda vault: VaultStore(vault(location), is_exportable))
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
    store = DirectoryStore(location, Protection(access, options.get("key_passphrase")))
    return Shelf(store.location, store)


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
