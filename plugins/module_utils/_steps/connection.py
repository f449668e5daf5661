# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outside things that a step may touch, and the few calls that every step shares."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import typing as t
from dataclasses import dataclass, field

from .._core.budget import wait_for_budget
from .._core.diagnosis import LATE_AFTER_REPAIR, Diagnosis
from .._core.errors import ApplicationNotFound, InvalidInput, KeyStoreError, Unsafe
from .._core.memory import Memory
from .._core.model import Application, StoreContents, Version
from .._core.policy import BUDGET_WINDOW, SKEW_LIMIT, ProofPolicy
from .._core.skew import Times
from .._core.which import Ids, Selector
from .._entra.applications import ParseCertificate, find_application
from .._entra.assertion import Signer
from .._entra.clock import ServiceClock, Timing
from .._entra.graph import GraphClient
from .._entra.patience import DISCOVERY, SIGN_INS
from .._entra.sign_in.key_store import KeyStoreCertificate
from .._entra.sign_in.method import SignInMethod
from .._entra.tokens import AccessToken, TokenService
from .._entra.transport import Response, Transport
from .._keys.life import KeyStore
from .._keys.store import KeyReader


@dataclass(frozen=True)
class Choice:
    """The way to sign in; with auth_source auto also each way that was passed over, and why."""

    source: str
    skipped: tuple[tuple[str, str], ...] = ()
    is_automatic: bool = False


@dataclass(frozen=True)
class SignIns:
    """The sign-ins as the managed application: noted in its key store, and kept within their budget."""

    key_store: KeyReader | None
    clock: ServiceClock
    timing: Timing
    proof: ProofPolicy
    are_noted: bool = True

    def wait(self) -> float:
        """Wait until one more fits the budget; the seconds that took."""
        waited = 0.0
        while pause := self.pause:
            self.timing.wait(pause, f"the budget of {self.proof.budget} sign-ins in 5 minutes (sign_in_budget) is used")
            waited += pause
        return waited

    @property
    def pause(self) -> float:
        """The seconds until one more fits. Without a key store nothing is counted."""
        if self.key_store is None:
            return 0.0
        now = self.clock.service_time()
        return wait_for_budget(self.proof, self.key_store.sign_ins_since(now - BUDGET_WINDOW), now)

    def note(self, thumbprint: str, purpose: str) -> None:
        """Note an attempt before it is made, so that a killed run still counts it. Check mode notes nothing."""
        if self.key_store is not None and self.are_noted:
            self.key_store.note_sign_in(self.clock.service_time(), thumbprint, purpose)

    def begin_reading(self, thumbprint: str) -> None:
        """Before the application itself signs in to read and write."""
        self.wait()
        self.note(thumbprint, "read")


@dataclass
class Connection:
    """Everything outside: the service, the identity that asks it, the key store, the clocks."""

    selector: Selector
    transport: Transport
    timing: Timing
    clock: ServiceClock
    service: TokenService
    identity: SignInMethod
    graph: GraphClient
    parse_certificate: ParseCertificate
    key_store: KeyStore | None = None
    proof: ProofPolicy = field(default_factory=ProofPolicy)
    choice: Choice | None = None
    notes_sign_ins: bool = True
    # Whether the application signs in by itself in place of an operator who was refused.
    is_stand_in: bool = False
    access_changes: list[dict[str, t.Any]] = field(default_factory=list)
    # Every entry that any read has shown: what is written is held against all of it.
    memory: Memory = field(default_factory=Memory)
    # What the recovery that this call is a part of has repaired in Entra: "service_principal", names of permissions.
    repairs: frozenset[str] = frozenset()
    warn: t.Callable[[str], None] = field(default=lambda message: None, repr=False)
    # Tokens that tasks share; those to come then have the permissions that this one granted.
    forget_tokens: t.Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def store(self) -> KeyStore:
        """The key store of a step that needs one."""
        if self.key_store is None:
            raise KeyStoreError("This step needs the option key_store.")
        return self.key_store

    @property
    def is_own_identity(self) -> bool:
        """Whether the identity is the managed application itself, signed in with its key store."""
        return self.identity.name == "key_store"

    @property
    def keeps_keys_itself(self) -> bool:
        """Whether the key store needs nobody's identity to read it and to sign."""
        return self.key_store is not None and not self.key_store.needs_identity

    @property
    def sign_ins(self) -> SignIns:
        """Those as the application, however it is that they come about."""
        return SignIns(self.key_store, self.clock, self.timing, self.proof, self.notes_sign_ins)

    def become_itself(self, app_id: str, why: str) -> None:
        """From here on the managed application itself signs in, with the current key of its store."""

        def load() -> Signer:
            contents = self.store.read()
            if contents.current is None:
                raise KeyStoreError(contents.why_no("current", self.store.location))
            return self.store.signer(contents.current.thumbprint)

        passed_over = (*(self.choice.skipped if self.choice else ()), (self.identity.name, why))
        identity = KeyStoreCertificate(app_id, self.store.location, load, self.sign_ins.begin_reading)
        self.choice = Choice(identity.name, passed_over, is_automatic=True)
        self.identity, self.is_stand_in = identity, True
        self.graph = GraphClient(
            self.transport,
            self.clock,
            self.timing,
            self.service.cloud,
            lambda: identity.token(self.service),
            self.graph.patience,
        )

    def read_as(self, token: AccessToken) -> None:
        """From here on this token reads, such as the application's own."""
        self.graph = self.graph_as(token)

    @property
    def own_app_id(self) -> str | None:
        """The application that signs in as itself, when it does."""
        return getattr(self.identity, "client_id", None) if self.is_own_identity else None

    @property
    def ids(self) -> Ids:
        """What the options say of the application's IDs, or what they mean where it signs in as itself."""
        return Ids().filled(self.selector.app_id or self.own_app_id, self.selector.object_id)

    def find_application(self, new_connection: bool = False, object_id: str | None = None) -> Application:
        """Read the selected application, by its object ID once that is known, and remember every entry of it."""
        chosen = Selector(object_id=object_id) if object_id else self.selector
        found = find_application(
            self.graph, self.parse_certificate, **dataclasses.asdict(chosen), new_connection=new_connection
        )
        if self.selector.app_id and found.app_id.lower() != self.selector.app_id.lower():
            raise ApplicationNotFound(
                f"app_id and object_id name two applications: object ID {found.object_id} has app ID {found.app_id}, "
                f"not {self.selector.app_id}."
            )
        self.memory.note(found, self.clock.service_time())
        return found

    def graph_as(self, token: AccessToken) -> GraphClient:
        """Graph with another token, such as the application's own."""
        return GraphClient(self.transport, self.clock, self.timing, self.service.cloud, lambda: token)

    def wait_for_budget(self) -> float:
        """Wait until one more sign-in as the application fits the budget; the seconds that took."""
        return self.sign_ins.wait()

    @property
    def has_budget(self) -> bool:
        """Whether one more sign-in as the application could be made at once."""
        return not self.sign_ins.pause

    def note_sign_in(self, thumbprint: str, purpose: str) -> None:
        """Note an attempt before it is made, so that a killed run still counts it. Check mode notes nothing."""
        self.sign_ins.note(thumbprint, purpose)

    def sign_in_once(self, client_id: str, signer: Signer, purpose: str) -> AccessToken:
        """One attempt with a key of the application. Raises SignInRefused or NetworkFailure."""
        self.service.discovery()
        note = functools.partial(self.note_sign_in, signer.certificate.thumbprint, purpose)
        note()
        return self.service.with_key(client_id, signer, "key_store", new_connection=True, note=note)

    def sign_in_patiently(self, client_id: str, version: Version, purpose: str) -> AccessToken:
        """Sign in with a key of the store; passing trouble is tried again, a refusal is not."""
        return self.sign_in_patiently_with(client_id, self.store.signer(version.thumbprint), purpose)

    def sign_in_patiently_with(self, client_id: str, signer: Signer, purpose: str) -> AccessToken:
        """The same with a key that may be in no store."""

        def attempt() -> AccessToken:
            self.wait_for_budget()
            return self.sign_in_once(client_id, signer, purpose)

        return self.graph.patience.repeat(SIGN_INS, attempt)

    def discover(self) -> Response:
        """The discovery document, and with it the service's time; passing trouble is waited out."""
        return self.graph.patience.repeat(DISCOVERY, self.service.discovery)

    def may_be_late(self, refusal: Diagnosis) -> bool:
        """Whether the token service may only not know yet of the service principal that was just repaired."""
        return "service_principal" in self.repairs and refusal.code in LATE_AFTER_REPAIR

    def refuse_skew(self) -> None:
        """Nothing is written while a clock is wrong: asked before the first effect, and again before each that a time
        goes into."""
        noted = self.key_store.read().last_noted if self.key_store else None
        behind = noted - self.clock.service_time() if noted else dt.timedelta()
        diagnosis = Times(self.clock.offset, self.clock.departure, behind).diagnosis
        if diagnosis:
            raise Unsafe(
                f"{diagnosis.cause} More than {SKEW_LIMIT.total_seconds():.0f} s is not accepted where something is "
                f"written: this run changes nothing more. {diagnosis.remedy}",
                diagnosis,
            )


def refuse_other_application(
    connection: Connection, contents: StoreContents, application: Application | None = None
) -> None:
    """Keys of one application on another one: everything that would be said and done about them would be wrong."""
    app_id = application.app_id if application else connection.ids.app_id
    owners = [version.record.app_id for version in contents.versions if version.record.app_id]
    if app_id and owners and app_id.lower() not in [owner.lower() for owner in owners]:
        problem = (
            f"key_store: {connection.store.location} holds the keys of application {owners[0]}, and this task is about "
            f"{app_id}. Nothing was done. Give the key store of that application, or a new directory for a new one."
        )
        raise InvalidInput([problem])


def identity_of(connection: Connection, application: Application | None, version: Version | None) -> Ids:
    """The IDs as far as known: from the directory, the options, or the store's records, that of `version` first."""
    if application:
        return Ids(application.app_id, application.object_id)
    known = connection.ids
    if version:
        known = known.filled(version.record.app_id, version.record.object_id)
    if known.are_known or connection.key_store is None:
        return known
    for other in connection.key_store.look().versions:
        known = known.filled(other.record.app_id, other.record.object_id)
    return known
