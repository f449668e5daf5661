# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How new versions come to be in a vault: it makes them, alone or with an authority."""

from __future__ import annotations

import base64
import datetime as dt
import typing as t
from dataclasses import dataclass

from .._core.errors import KeyStoreError
from .key_pair import distinguished_name
from .vault_keys import Vault, is_under_way
from .vault_policy import Policy, creation, whole_months
from .vault_tags import MADE, Entry, Marks, current_of, next_number, record_of, successor_of
from .vault_versions import Versions


@dataclass(frozen=True)
class Maker:
    """Has versions made, one at a time: a vault has one operation pending per certificate."""

    vault: Vault
    versions: Versions
    is_exportable: bool

    def make(self, *, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime) -> Entry:
        """A new version, signed by itself. One that a stopped run left, or another run has just made, is taken up."""
        planned_for = current_of(self.versions.entries())
        self.versions.refresh()
        self._refuse_other_current(planned_for)
        # The older of two successors wins in every run, so a second one would only be put away again.
        waiting = successor_of(self.versions.entries())
        if waiting is None:
            self._refuse_request()
            policy = self._policy(distinguished_name(subject), key_size, whole_months(not_before, not_after))
            # Another run may have asked for one a moment ago: that one serves both.
            if not is_under_way(self.vault.pending()):
                self._create(policy, next_number(self.versions.entries()))
            self._wait_until_made()
            self._refuse_other_current(planned_for)
            waiting = successor_of(self.versions.entries())
        return self._shown(waiting)

    def make_shorter(
        self, old: Entry, let_go: t.Callable[[], None], *, not_before: dt.datetime, not_after: dt.datetime
    ) -> Entry:
        """A new version of the same key. The old one is let go before that, as the older of two successors wins."""
        certificate, number = self.versions.certificate(old), next_number(self.versions.entries())
        months = whole_months(not_before, not_after)
        policy = self._policy(certificate.subject, certificate.key_size, months, reuses_key=True)
        let_go()
        self._create(policy, number)
        self._wait_until_made()
        return self._shown(next((entry for entry in self.versions.entries() if entry.made == number), None))

    def request(self, *, key_size: int, subject: str) -> None:
        """A key that waits for its certificate."""
        self._create(self._policy(distinguished_name(subject), key_size, None), next_number(self.versions.entries()))

    def _refuse_request(self) -> None:
        """A vault has one pending operation per certificate: a new version would take the place of a request."""
        if requested_der(self.vault):
            raise KeyStoreError(
                f"A key in {self.vault.location} waits for a certificate from an authority (csr). Give it as "
                "certificate_content, or delete the certificate's pending operation in the vault."
            )

    def _policy(self, subject: str, key_size: int, months: int | None, reuses_key: bool = False) -> Policy:
        return creation(
            subject=subject, key_size=key_size, months=months, exportable=self.is_exportable, reuses_key=reuses_key
        )

    def _create(self, policy: Policy, number: int) -> None:
        """With its number, by which the new version is told from those of others before it has any other tag."""
        self.vault.create(policy, {MADE: str(number)})

    def _wait_until_made(self) -> None:
        self.vault.wait_until_made()
        self.versions.refresh()

    def _shown(self, made: Entry | None) -> Entry:
        if made is None:
            raise KeyStoreError(
                f"Key Vault shows no new version of {self.vault.location}. Look at its pending operation."
            )
        return made

    def _refuse_other_current(self, planned_for: Entry | None) -> None:
        """Another run has renewed meanwhile: one more key pair is too many, and is put away if it is there."""
        entries = self.versions.entries()
        current = current_of(entries)
        if current is None or (planned_for and current.version == planned_for.version):
            return
        spare = successor_of(entries)
        if spare and spare.made and not spare.is_known:
            self.versions.write(spare, Marks(record_of(spare), is_deleted=True), enabled=False)
        raise self.versions.changed_by_others(current)


def requested_der(vault: Vault) -> bytes | None:
    """The request of a key that waits for an authority's certificate; None where none waits."""
    operation = vault.pending() or {}
    content = operation.get("csr")
    if operation.get("status") != "inProgress" or is_under_way(operation) or not isinstance(content, str):
        return None
    try:
        return base64.b64decode(content)
    except ValueError as error:
        raise KeyStoreError(f"The signing request of {vault.location} cannot be read here.") from error
