# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in as the machine that this runs on: a virtual machine, App Service, or a server that Azure Arc manages."""

from __future__ import annotations

from dataclasses import dataclass

from ..tokens import AccessToken, TokenService


@dataclass(frozen=True)
class ManagedIdentity:
    """Identity: the machine's own without client_id, else a user-assigned one, as other Azure tools take it."""

    client_id: str | None
    is_service_fabric: bool = False
    name: str = "managed_identity"

    def problems(self) -> list[str]:
        if self.is_service_fabric:
            return ["auth_source managed_identity does not work in Service Fabric (IDENTITY_SERVER_THUMBPRINT is set)."]
        return []

    def token(self, service: TokenService) -> AccessToken:
        return service.with_managed_identity(self.client_id or None)
