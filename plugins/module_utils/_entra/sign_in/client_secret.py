# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in with a client secret."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..tokens import AccessToken, TokenService


@dataclass(frozen=True)
class ClientSecret:
    """Identity: an application with a client secret."""

    client_id: str | None
    secret: str | None = field(repr=False)
    name: str = "client_secret"

    def problems(self) -> list[str]:
        found = []
        if not self.client_id:
            found.append("auth_source client_secret needs client_id (AZURE_CLIENT_ID).")
        if not self.secret:
            found.append("auth_source client_secret needs client_secret (AZURE_CLIENT_SECRET).")
        return found

    def token(self, service: TokenService) -> AccessToken:
        return service.with_secret(self.client_id or "", self.secret or "")
