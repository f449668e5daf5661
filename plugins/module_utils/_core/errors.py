# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way to fail, as one family. Lower layers raise these; `_ansible/run.py` alone reports them.

EvercertError
├── InvalidInput           options that cannot work, all of them at once
├── KeyStoreError          the key store cannot be read, written or locked
│   └── VaultRefused       Azure Key Vault answered with an error
├── ServiceError           what Microsoft Entra or Microsoft Graph answered, or that nothing answered
│   ├── NetworkFailure     no answer: refused, name, TLS, proxy, timeout, reset
│   ├── SignInRefused      the token endpoint answered, but not with a token
│   ├── GraphRefused       Graph answered with an error
│   └── UntrustedAnswer    an answer that would send a secret elsewhere, or is not what was asked for
├── ApplicationNotFound    no application, or several, match the selector
├── NotProven              a write or a renewal that could not be proven in time
├── NotPermitted           the identity clearly lacks what a planned step needs: stopped before the first effect
└── Unsafe                 going on could break a promise: stopped before the effect
    └── OthersGone         what somebody else had on the application is not shown, so no PATCH is sent
"""

from __future__ import annotations

import re
import typing as t

from .service_codes import NOTHING_TO_REMOVE

# A request that timed out (408), or that its sender is said to have closed (499): words of a proxy on the way.
GAVE_UP = (408, 499)

if t.TYPE_CHECKING:
    from .diagnosis import Diagnosis
    from .privileges import Lack


class StillWaiting(Exception):
    """Raised where a wait does not fit into this call: a caller outside waits, visibly, and calls again.

    Not a failure. Every place that waits is safe to be left and entered again.
    """

    def __init__(self, seconds: float, what: str) -> None:
        super().__init__(what)
        self.seconds = seconds
        self.what = what


class EvercertError(Exception):
    """Anything this collection reports as a failure: a sentence, and a diagnosis where there is one."""

    def __init__(self, message: str, diagnosis: Diagnosis | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.diagnosis = diagnosis

    @property
    def word(self) -> str:
        """NotProven → not_proven."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class InvalidInput(EvercertError):
    """Raised before the first effect when options cannot work; carries every problem at once."""

    def __init__(self, problems: t.Sequence[str], diagnosis: Diagnosis | None = None) -> None:
        super().__init__(" ".join(problems), diagnosis)
        self.problems = tuple(problems)


class KeyStoreError(EvercertError):
    """Raised when the key store cannot be read, written or locked, or holds something unexpected."""


class VaultRefused(KeyStoreError):
    """Raised when Azure Key Vault answered with an error status."""

    def __init__(self, message: str, diagnosis: Diagnosis, status: int) -> None:
        super().__init__(message, diagnosis)
        self.status = status


class ServiceError(EvercertError):
    """Raised when Entra or Graph did not do what was asked; always carries a diagnosis."""

    diagnosis: Diagnosis

    def __init__(self, message: str, diagnosis: Diagnosis) -> None:
        super().__init__(message, diagnosis)


class NetworkFailure(ServiceError):
    """Raised when a request got no answer: whether it had an effect is unknown, unless it cannot have been sent."""

    def __init__(self, message: str, diagnosis: Diagnosis, was_sent: bool = True) -> None:
        super().__init__(message, diagnosis)
        self.was_sent = was_sent

    @property
    def may_have_applied(self) -> bool:
        """True when a write that ended so may have taken effect all the same."""
        return self.was_sent


class SignInRefused(ServiceError):
    """Raised when the token endpoint answered without a token."""


class GraphRefused(ServiceError):
    """Raised when Graph answered with an error status."""

    def __init__(
        self, message: str, diagnosis: Diagnosis, status: int, code: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message, diagnosis)
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def may_have_applied(self) -> bool:
        """True when a write with this answer may have taken effect all the same: some are a proxy's that gave up."""
        return self.status >= 500 or self.status in GAVE_UP

    @property
    def is_put_off(self) -> bool:
        """True when the same write, sent a little later, may well be taken. 401: a proof by a key that is too young."""
        return self.status in (401, 409, 429) and self.diagnosis.retry == "later"

    @property
    def refuses_proof(self) -> bool:
        """True when Graph does not take the proof, or the token, that came with addKey or removeKey."""
        return self.status == 401 and self.code == "Authentication_MissingOrMalformed"

    def says_absent(self, object_id: str) -> bool:
        """True when removeKey knows no such key on this object. A hint: it is also said of keys that are removed by it.

        400 says it by its words alone. 404 says it too, unless it means the application itself.
        """
        words = str(self.diagnosis.evidence.get("message") or "")
        if self.status == 400:
            return NOTHING_TO_REMOVE.lower() in words.lower()
        return self.status == 404 and object_id.lower() not in words.lower()

    @property
    def is_about_lifetime(self) -> bool:
        """True when a management policy takes a certificate, only not for so long."""
        return self.diagnosis.code == "policy_refused" and "Lifetime" in self.code

    def saying(self, more: str) -> GraphRefused:
        """The same refusal with what is known besides."""
        return GraphRefused(f"{self.message} {more}", self.diagnosis, self.status, self.code, self.retry_after)

    def meaning(self, diagnosis: Diagnosis, retry_after: float) -> GraphRefused:
        """The same refusal, better understood."""
        message = f"Graph answered {self.status} {self.code}. {diagnosis.sentence}"
        pause = retry_after if self.retry_after is None else self.retry_after
        return GraphRefused(message, diagnosis, self.status, self.code, pause)


class UntrustedAnswer(ServiceError):
    """Raised when an answer names another host for a secret, or is not of the kind that was asked for."""


class ApplicationNotFound(EvercertError):
    """Raised when no application matches the selector, or a display name matches several."""


class NotProven(EvercertError):
    """Raised when the proof did not succeed within its deadline."""


class NotPermitted(EvercertError):
    """Raised before the first effect when the token clearly lacks what planned steps need; carries all of it."""

    diagnosis: Diagnosis

    def __init__(self, message: str, diagnosis: Diagnosis, lacks: t.Sequence[Lack]) -> None:
        super().__init__(message, diagnosis)
        self.lacks = tuple(lacks)


class Unsafe(EvercertError):
    """Raised instead of an effect that could break a promise."""


class OthersGone(Unsafe):
    """Raised instead of a PATCH without the entries of others that this run has seen and that are not shown now."""
