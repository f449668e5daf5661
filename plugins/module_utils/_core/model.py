# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nouns: certificates, key credentials, applications, what a key store holds. Pure values."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import typing as t
from dataclasses import dataclass, field

from .times import parse_iso_or_none

# The origin of a version that a key store made by itself, or somebody by hand.
FROM_OUTSIDE = "vault"
# What Graph lists as applications: theirs, and blueprints of agent identities, which need permissions of their own.
APPLICATION, BLUEPRINT = "application", "agent_identity_blueprint"
# The origin of the key pair that was in use before there was a key store.
ADOPTED = "adopted"
STAGES = ("generated", "registered", "proven", "promoted", "retired")


@dataclass(frozen=True)
class Certificate:
    """The public facts of an X.509 certificate. Thumbprints are upper-case hex of the DER."""

    thumbprint: str
    thumbprint_sha256: str
    not_before: dt.datetime
    not_after: dt.datetime
    der: bytes = field(repr=False)
    subject: str = ""
    key_size: int = 0

    @property
    def base64_der(self) -> str:
        return base64.b64encode(self.der).decode()


@dataclass(frozen=True)
class KeyCredential:
    """One entry of an application's key credentials, in our words; `raw` goes back to Graph byte for byte."""

    key_id: str
    display_name: str | None
    identifier: str | None
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    type: str | None
    usage: str | None
    certificate: Certificate | None = None
    raw: t.Mapping[str, t.Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_for_sign_in(self) -> bool:
        """Certificates for client authentication (and, by its key ID, token encryption)."""
        return self.type == "AsymmetricX509Cert" and self.usage == "Verify"

    @property
    def thumbprint(self) -> str | None:
        """SHA-1 as upper-case hex, from the certificate or from an identifier that is one."""
        if self.certificate:
            return self.certificate.thumbprint
        return thumbprint_of_identifier(self.identifier)

    def holds(self, certificate: Certificate) -> bool:
        """Whether this entry is that certificate: by its bytes, else by an identifier that is a thumbprint."""
        if self.certificate:
            return self.certificate.thumbprint_sha256 == certificate.thumbprint_sha256
        return self.thumbprint == certificate.thumbprint


def thumbprint_of_identifier(identifier: str | None) -> str | None:
    """A customKeyIdentifier as upper-case hex SHA-1, or None: callers may set it to anything."""
    if not isinstance(identifier, str):
        return None
    text = identifier.strip().upper()
    if len(text) == 40 and all(character in "0123456789ABCDEF" for character in text):
        return text
    try:
        raw = base64.b64decode(identifier, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex().upper() if len(raw) == 20 and len(identifier) == 28 else None


@dataclass(frozen=True)
class Application:
    """An application object as read from the directory at one moment."""

    object_id: str
    app_id: str
    display_name: str
    key_credentials: tuple[KeyCredential, ...] = ()
    token_encryption_key_id: str | None = None
    created_text: str | None = None
    kind: str = APPLICATION

    @property
    def created(self) -> dt.datetime | None:
        """When it was made; read only where a policy asks, as listings are long."""
        return parse_iso_or_none(self.created_text)

    def find_credential(self, certificate: Certificate) -> KeyCredential | None:
        """The entry that holds this certificate for sign-in, or None; rather by its bytes than by an identifier."""
        held = [entry for entry in self.sign_in_credentials if entry.holds(certificate)]
        return next((entry for entry in held if entry.certificate), held[0] if held else None)

    def find_credential_by_id(self, key_id: str) -> KeyCredential | None:
        return next((entry for entry in self.key_credentials if entry.key_id == key_id), None)

    @property
    def sign_in_credentials(self) -> tuple[KeyCredential, ...]:
        return tuple(
            entry
            for entry in self.key_credentials
            if entry.is_for_sign_in and entry.key_id != self.token_encryption_key_id
        )

    def why_protected(self, credential: KeyCredential) -> str | None:
        """Why this entry must never be removed, or None: token encryption, or part of a SAML signing pair."""
        if credential.key_id == self.token_encryption_key_id:
            return "it decrypts tokens (tokenEncryptionKeyId names it)"
        if credential.usage == "Sign":
            return "it signs tokens"
        signs = (entry for entry in self.key_credentials if entry.usage == "Sign" and entry.identifier)
        if any(entry.identifier == credential.identifier for entry in signs):
            return "it is one of a SAML signing pair"
        return None


@dataclass(frozen=True)
class ServicePrincipal:
    """The application's identity in one tenant (enterprise application). Only ever read: its keys are others'."""

    object_id: str
    app_id: str
    enabled: bool | None = None
    key_credentials: tuple[KeyCredential, ...] = ()
    token_encryption_key_id: str | None = None

    def find_credential(self, certificate: Certificate) -> KeyCredential | None:
        """The entry that holds this certificate for sign-in, or None."""
        return next(
            (
                entry
                for entry in self.key_credentials
                if entry.holds(certificate) and self.purpose_of(entry) == "sign_in"
            ),
            None,
        )

    def purpose_of(self, entry: KeyCredential) -> str:
        """What an entry is for: a SAML signing pair has one entry of each usage under one identifier."""
        if entry.key_id == self.token_encryption_key_id:
            return "token_encryption"
        signing = {other.identifier for other in self.key_credentials if other.usage == "Sign" and other.identifier}
        if entry.usage == "Sign" or entry.identifier in signing:
            return "saml_signing"
        return "sign_in" if entry.is_for_sign_in else "other"


@dataclass(frozen=True)
class Record:
    """What is remembered of one version of a key store, and when (UTC) it happened.

    `generated`: key pair durable. `intent`: about to be sent. `registered`: seen in the directory or acknowledged.
    `proven`: all sign-ins accepted. `promoted`: became current. `retired`: removed from the application.
    `refused`: finally refused, at sign-in or, with the code in `refusal`, for itself when it was sent. `seen`: last
    time the directory showed it. `accepted`: last accepted sign-in. `validity`: the days that were asked for when it
    was made. `proof_audience` and `assertion_alg`: what the service takes in place of the first choice, the latter with
    its authority.
    `aside`: replaced before it was sent; its key goes once the directory or a sign-in says that nobody knows it.
    """

    app_id: str | None = None
    object_id: str | None = None
    key_id: str | None = None
    generated: dt.datetime | None = None
    intent: dt.datetime | None = None
    registered: dt.datetime | None = None
    proven: dt.datetime | None = None
    promoted: dt.datetime | None = None
    retired: dt.datetime | None = None
    refused: dt.datetime | None = None
    seen: dt.datetime | None = None
    accepted: dt.datetime | None = None
    predecessor: str | None = None
    stop_after: str | None = None
    finding: str | None = None
    refusal: str | None = None
    validity: str | None = None
    proof_audience: str | None = None
    assertion_alg: str | None = None
    aside: dt.datetime | None = None
    origin: str = "generated"

    @property
    def was_never_sent(self) -> bool:
        """Whether nobody else can know its certificate, by this record: a restored one may have missed it."""
        kept = (self.intent, self.registered, self.proven, self.promoted, self.retired, self.stop_after)
        return self.origin != ADOPTED and not any(kept)

    @property
    def is_half_made(self) -> bool:
        """One of ours that a run made and did not come to send. What somebody else put there is not for us to judge."""
        return self.generated is not None and self.origin != FROM_OUTSIDE and self.was_never_sent

    @property
    def last_noted(self) -> dt.datetime | None:
        """The latest of all these moments."""
        return max((value for value in vars(self).values() if isinstance(value, dt.datetime)), default=None)


@dataclass(frozen=True)
class Version:
    """One key pair in a key store: its certificate and its record. The private key stays in the store."""

    certificate: Certificate
    record: Record
    path: str = ""

    @property
    def thumbprint(self) -> str:
        return self.certificate.thumbprint


@dataclass(frozen=True)
class WrongLink:
    """A link of a key store that is missing or wrong, in two sentences: what is wrong, and the command that mends it.

    `thumbprint`: the version that it should name, as far as the records tell. `stops`: whether nothing is done to the
    store until it is mended.
    """

    name: str
    problem: str
    remedy: str
    thumbprint: str | None = None
    stops: bool = True

    @property
    def sentence(self) -> str:
        return f"Key store: {self.problem} {self.remedy}"


@dataclass(frozen=True)
class StoreContents:
    """Everything a key store holds at one moment. `others` are neither current nor successor, oldest first."""

    current: Version | None = None
    successor: Version | None = None
    others: tuple[Version, ...] = ()
    wrong_links: tuple[WrongLink, ...] = ()

    @property
    def versions(self) -> tuple[Version, ...]:
        return tuple(version for version in (self.current, self.successor, *self.others) if version)

    @property
    def is_empty(self) -> bool:
        return not self.versions

    @property
    def last_noted(self) -> dt.datetime | None:
        """The latest moment that a record holds."""
        return max((at for version in self.versions if (at := version.record.last_noted)), default=None)

    @property
    def obstacle(self) -> WrongLink | None:
        """The link that has to be mended before anything is done to the store."""
        return next((link for link in self.wrong_links if link.stops), None)

    def why_no(self, stage: str, location: str) -> str:
        """What to say where nothing is `current`, or the `successor`."""
        lost = next((link.sentence for link in self.wrong_links if link.name == stage), None)
        return lost or f"The key store {location} holds no {stage} certificate."

    @property
    def predecessors(self) -> tuple[Version, ...]:
        """Versions whose key once was, or may have been, registered and is not retired yet."""
        return tuple(
            version
            for version in self.others
            if not version.record.retired and (version.record.promoted or version.record.intent)
        )

    @property
    def predecessor(self) -> Version | None:
        """The version that `current` replaced."""
        name = self.current.record.predecessor if self.current else None
        return next((version for version in self.others if version.thumbprint == name), None)

    def find(self, thumbprint: str) -> Version | None:
        return next((version for version in self.versions if version.thumbprint == thumbprint), None)

    def holds(self, credential: KeyCredential) -> bool:
        """Whether the credential's certificate is in this store: managed, else foreign."""
        return any(credential.holds(version.certificate) for version in self.versions)
