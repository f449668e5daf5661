# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Use an access token for Graph that somebody else obtained."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..tokens import AccessToken, TokenService


@dataclass(frozen=True)
class GivenToken:
    """Identity: whoever the token was issued to."""

    value: str | None = field(repr=False)
    name: str = "access_token"

    def problems(self) -> list[str]:
        return [] if self.value else ["auth_source access_token needs access_token (ENTRA_ACCESS_TOKEN)."]

    def token(self, service: TokenService) -> AccessToken:
        return AccessToken((self.value or "").strip(), self.name)
