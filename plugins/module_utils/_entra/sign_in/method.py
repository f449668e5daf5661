# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port of a sign-in method: what is missing (no network), then a token."""

from __future__ import annotations

import typing as t

from ..tokens import AccessToken, TokenService


class SignInMethod(t.Protocol):
    """One way for the operator's identity to sign in. Adding one: a file here and a row in `_ansible/ways.py`."""

    @property
    def name(self) -> str:
        """The value of auth_source that selects it."""

    def problems(self) -> list[str]:
        """Every missing or contradictory option, without network."""

    def token(self, service: TokenService) -> AccessToken:
        """Sign in. Raises SignInRefused or NetworkFailure."""
