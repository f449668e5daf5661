# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in as the application itself, with the current certificate of its key store: the least-privilege way."""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field

from ..assertion import Signer
from ..tokens import AccessToken, TokenService


@dataclass(frozen=True)
class KeyStoreCertificate:
    """Identity: the managed application. Every sign-in is noted, as it counts against the application's budget."""

    client_id: str | None
    location: str | None
    load: t.Callable[[], Signer] = field(repr=False)
    note: t.Callable[[str], None] = field(repr=False)
    name: str = "key_store"

    def problems(self) -> list[str]:
        found = []
        if not self.location:
            found.append("auth_source key_store needs key_store, the directory that holds the application's key.")
        elif not self.client_id:
            found.append("auth_source key_store needs app_id (or client_id): the application signs in as itself.")
        return found

    def token(self, service: TokenService) -> AccessToken:
        signer = self.load()
        service.discovery()
        self.note(signer.certificate.thumbprint)
        again = functools.partial(self.note, signer.certificate.thumbprint)
        return service.with_key(self.client_id or "", signer, self.name, note=again)
