# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access tokens of one identity: for Graph, and for a key store in Azure Key Vault."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import SignInRefused
from .._entra.patience import VAULT_TOKENS, Patience
from .._entra.tokens import AccessToken, TokenService
from .identity import Identity


class Shared(t.Protocol):
    """Where the tasks of a play keep the token that one of them got."""

    def get(self, sign_in: t.Callable[[], AccessToken]) -> AccessToken: ...

    def drop(self, token: AccessToken) -> None: ...


@dataclass(frozen=True)
class Tokens:
    """Signs in whenever a token is asked for, unless another task has one to share."""

    identity: Identity
    service: TokenService
    patience: Patience
    shared: Shared | None = None

    def for_graph(self) -> AccessToken:
        return self.shared.get(self._sign_in) if self.shared else self._sign_in()

    def for_vault(self, resource: str) -> AccessToken:
        """Never shared: it is for one vault alone."""
        service = self.service.towards(resource)
        return self.patience.repeat(VAULT_TOKENS, lambda: self.identity.method.token(service))

    def drop(self, token: AccessToken) -> None:
        """Another task's token was refused."""
        if self.shared:
            self.shared.drop(token)

    def _sign_in(self) -> AccessToken:
        """A refusal says what nobody named: the way that auto chose, and what the environment gave."""
        try:
            return self.identity.method.token(self.service)
        except SignInRefused as refused:
            if not self.identity.origin:
                raise
            raise SignInRefused(refused.message + self.identity.origin, refused.diagnosis) from refused
