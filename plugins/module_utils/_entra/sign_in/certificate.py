# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in with a certificate and its private key, from a file or from the key store's current version."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..assertion import Signer
from ..tokens import AccessToken, TokenService


@dataclass(frozen=True)
class ClientCertificate:
    """Identity: an application with a certificate. `load` reads the key pair when it is needed."""

    client_id: str | None
    path: str | None
    load: t.Callable[[], Signer] = field(repr=False)
    name: str = "certificate"

    def problems(self) -> list[str]:
        found = []
        if not self.client_id:
            found.append(f"auth_source {self.name} needs client_id (AZURE_CLIENT_ID).")
        if not self.path:
            found.append(
                "auth_source certificate needs client_certificate_path (AZURE_CLIENT_CERTIFICATE_PATH), "
                "a PEM or PFX file with the private key."
            )
        return found

    def token(self, service: TokenService) -> AccessToken:
        return service.with_key(self.client_id or "", self.load(), self.name)
