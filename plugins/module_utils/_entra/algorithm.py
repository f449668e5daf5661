# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which algorithm signs client assertions at one authority: PS256, or RS256 where that is refused."""

from __future__ import annotations

import typing as t

from .._core.errors import SignInRefused

FIRST, OTHER = "PS256", "RS256"
# AADSTS5002730: "Unsupported key for the signing algorithm." No other refusal is about the algorithm.
NOT_TAKEN = 5002730


class Algorithm:
    """The one algorithm in use. `recall` tells what was remembered for authorities, and is asked once."""

    def __init__(self, authority: str, recall: t.Callable[[], t.Iterable[str]] = tuple) -> None:
        self._authority = authority
        self._recall: t.Callable[[], t.Iterable[str]] | None = recall
        self._name = FIRST
        self._refused: set[str] = set()

    @property
    def name(self) -> str:
        recall, self._recall = self._recall, None  # first: to recall may itself take a sign-in
        if recall and f"{OTHER} {self._authority}" in recall():
            self._name = OTHER
        return self._name

    @property
    def to_remember(self) -> str | None:
        """What a key store should know for the next run; nothing where the first one works."""
        return f"{OTHER} {self._authority}" if self.name == OTHER else None

    def is_news_to(self, known: str | None) -> bool:
        """Whether a key store remembers something else for this authority than what was seen to work."""
        if self._recall is not None:
            return False  # nobody signed in with a key
        return known != self.to_remember and (self.to_remember is not None or known == f"{OTHER} {self._authority}")

    def gives_way(self, refusal: SignInRefused) -> bool:
        """Whether the algorithm is what was refused, and another one is left to sign in with."""
        if NOT_TAKEN not in (refusal.diagnosis.evidence.get("error_codes") or ()):
            return False
        self._refused.add(self._name)
        other = OTHER if self._name == FIRST else FIRST
        if other in self._refused:
            return False
        self._name = other
        return True
