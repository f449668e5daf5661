# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""keyCredential and passwordCredential as the directory stores them."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property

from .certificates import Certificate, to_der
from .clock import format_time, parse_time


@dataclass(frozen=True)
class KeyCredential:
    """One entry of keyCredentials. Texts are kept as sent: clients send them back byte for byte (facts 2.1)."""

    key_id: str
    type: str
    usage: str
    start: str
    end: str
    key: bytes | None = field(default=None, repr=False)
    custom_key_identifier: str | None = None
    display_name: str | None = None
    added_by_key: float | None = field(default=None, compare=False)  # when addKey made it, by the clock that never errs

    @cached_property
    def certificate(self):
        """The certificate in `key`, or None for entries that hold none, such as symmetric keys."""
        try:
            return Certificate(to_der(self.key)) if self.key else None
        except ValueError:
            return None

    @cached_property
    def begins(self):
        return parse_time(self.start)[0]

    @cached_property
    def ends(self):
        return parse_time(self.end)[0]

    def is_for_sign_in(self):
        return self.type == "AsymmetricX509Cert" and self.usage == "Verify" and self.certificate is not None

    def is_valid(self, now):
        return self.begins <= now < self.ends

    def to_json(self, with_key):
        return {
            "customKeyIdentifier": self.custom_key_identifier,
            "displayName": self.display_name,
            "endDateTime": self.end,
            "key": base64.b64encode(self.key).decode() if with_key and self.key else None,
            "keyId": self.key_id,
            "startDateTime": self.start,
            "type": self.type,
            "usage": self.usage,
        }


@dataclass(frozen=True)
class PasswordCredential:
    """One client secret."""

    key_id: str
    secret: str = field(repr=False)
    start: str
    end: str
    display_name: str | None = None

    def is_valid(self, now):
        return parse_time(self.start)[0] <= now < parse_time(self.end)[0]

    def to_json(self):
        return {
            "customKeyIdentifier": None,
            "displayName": self.display_name,
            "endDateTime": self.end,
            "hint": self.secret[:3],
            "keyId": self.key_id,
            "secretText": None,
            "startDateTime": self.start,
        }


def credential_of(certificate, **overrides):
    """The entry that the service makes for a certificate when the client leaves everything else to it."""
    entry = KeyCredential(
        key_id=str(uuid.uuid4()),
        type="AsymmetricX509Cert",
        usage="Verify",
        start=format_time(certificate.not_before),
        end=format_time(certificate.not_after),
        key=certificate.der,
        custom_key_identifier=certificate.thumbprint,
        display_name=certificate.subject,
    )
    return replace(entry, **overrides)
