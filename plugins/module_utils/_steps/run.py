# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One renewal under way: what it wants, how far it is, and what it has seen. Plain values that survive a pause."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t
from dataclasses import dataclass, field

from .._core.errors import InvalidInput, KeyStoreError
from .._core.memory import Memory, summary
from .._core.model import Application, KeyCredential, Record, StoreContents, Version
from .._core.plan import Plan, Step
from .._core.policy import ProofPolicy, RenewalPolicy
from .._core.status import Finding, Snapshot
from .._core.times import format_iso
from .._entra.assertion import Signer
from .._entra.tokens import AccessToken
from .connection import Connection, identity_of

# How often a record is told that the directory shows its certificate.
SEEN_STEP = dt.timedelta(minutes=1)


class KeyPairLike(Signer, t.Protocol):
    """A key pair that came from outside, as `_keys` loads it."""


@dataclass
class ProofProgress:
    """How far a proof is. Times are seconds of the monotonic clock."""

    required: int = 0
    consecutive: int = 0
    attempts: int = 0
    restarts: int = 0
    started: float = 0.0
    deadline: float = 0.0
    next_at: float = 0.0
    correlation_ids: list[str] = field(default_factory=list)
    trouble: dict[str, t.Any] | None = None  # the diagnosis of the last answer that was not the one wanted


@dataclass
class Progress:
    """Everything a later call needs to go on with this run. Public facts only: it travels through results."""

    app_id: str = ""
    object_id: str = ""
    display_name: str = ""
    readable: bool = True
    forbidden: bool = False  # the identity was told that it may not read; else it could not ask
    finding: Finding | None = None
    steps: tuple[Step, ...] = ()
    not_retirable: tuple[str, ...] = ()
    position: int = 0
    made: str | None = None
    unsettled: bool | None = None
    sent: bool = False
    memory: Memory = field(default_factory=Memory)
    looked: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    retired: list[dict[str, t.Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # certificates that this run leaves for the next one to retire
    vanished: list[dict[str, t.Any]] = field(default_factory=list)
    before: list[dict[str, t.Any]] | None = None
    after: list[dict[str, t.Any]] | None = None
    deadlines: dict[str, float] = field(default_factory=dict)
    proof: ProofProgress = field(default_factory=ProofProgress)

    @property
    def under_way(self) -> Step | None:
        """None before there is a plan, and past its last step: another run may have done what was left."""
        return self.steps[self.position] if self.position < len(self.steps) else None

    @property
    def done(self) -> tuple[Step, ...]:
        """The steps that are, or in check mode would be, carried out."""
        return tuple(step for step in self.steps if step.name != "retire" or step.thumbprint not in self.left)

    def to_values(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_values(cls, values: t.Mapping[str, t.Any]) -> Progress:
        """The reverse of `to_values`. Raises InvalidInput where the parts are not those of a progress."""
        try:
            known = dict(values)
            known["finding"] = Finding(**known["finding"]) if known.get("finding") else None
            known["steps"] = tuple(Step(**step) for step in known["steps"])
            known["not_retirable"] = tuple(known["not_retirable"])
            known["memory"] = Memory(**known["memory"])
            known["proof"] = ProofProgress(**known["proof"])
            return cls(**known)
        except (TypeError, ValueError, KeyError) as error:
            raise InvalidInput(["_waiting holds something else than an earlier call has handed over."]) from error


@dataclass
class Run:
    """A renewal's working state: the connection, the policy, and the progress that a pause must not lose."""

    connection: Connection
    policy: RenewalPolicy
    proof: ProofPolicy
    progress: Progress
    provided: KeyPairLike | None = None
    pfx_passphrase: str | None = None
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    latest: Application | None = None
    writes: bool = False
    is_named: bool = False  # the user names the credential that changes, whoever's it is
    history_failed: bool = False

    @property
    def now(self) -> dt.datetime:
        """The moment to note. The option `now` decides what is due, and is noted nowhere."""
        return self.connection.clock.service_time()

    @property
    def memory(self) -> Memory:
        """What every read of this run has shown, those before its plan and those of earlier calls included."""
        return self.connection.memory

    def version(self, thumbprint: str | None) -> Version:
        """The version a step acts on; None is the one this run made. Raises KeyStoreError when it is gone."""
        name = thumbprint or self.progress.made or ""
        found = self.connection.store.read().find(name)
        if not found:
            raise KeyStoreError(f"Certificate {name} is no longer in the key store {self.connection.store.location}.")
        return found

    def remember(self, version: Version, **changes: t.Any) -> Version:
        """Write to a version's record, durably."""
        record: Record = dataclasses.replace(version.record, **changes)
        self.connection.store.write_record(version.thumbprint, record)
        return dataclasses.replace(version, record=record)

    def remember_algorithm(self) -> None:
        """What the authority takes in place of the first choice: else every run would begin with a refusal."""
        algorithm, contents = self.connection.service.algorithm, self.contents
        version = contents.current or contents.successor
        if version and algorithm.is_news_to(version.record.assertion_alg):
            self.remember(version, assertion_alg=algorithm.to_remember)

    def log(self, event: str, version: Version, **facts: t.Any) -> None:
        """A line in the store's history. That is for people: where it cannot be written, they are told so instead."""
        line = {"at": format_iso(self.now), "event": event, "thumbprint": version.thumbprint}
        try:
            self.connection.store.append_history({**line, **facts})
        except KeyStoreError as error:
            if not self.history_failed:
                self.connection.warn(f"The history of this renewal is not complete. {error.message}")
            self.history_failed = True

    def deadline(self, name: str, seconds: float) -> float:
        """The monotonic time at which waiting for `name` ends; set once, so that pauses do not extend it."""
        limit = self.connection.timing.monotonic() + seconds
        return self.progress.deadlines.setdefault(name, limit)

    def read(self, new_connection: bool = False) -> Application:
        """Read the application and take note of every entry in it."""
        application = self.connection.find_application(new_connection, self.progress.object_id)
        self.take_note(application)
        return application

    def read_until(self, name: str, done: t.Callable[[Application], object], what: str) -> Application | None:
        """Read until the application is as wanted, or None at the propagation deadline."""
        deadline, pause = self.deadline(f"{what} {name}", self.policy.propagation.total_seconds()), 1.0
        while True:
            application = self.read(new_connection=pause > 1.0)
            if done(application):
                return application
            left = deadline - self.connection.timing.monotonic()
            if left <= 0:
                return None
            self.connection.timing.wait(min(pause, left), f"the directory to show {what} {name} ({left:.0f} s left)")
            pause = min(pause * 1.5, 10.0)

    @property
    def contents(self) -> StoreContents:
        """What the key store holds; nothing where there is none."""
        store = self.connection.key_store
        return store.read() if store else StoreContents()

    def take_note(self, application: Application) -> None:
        self.latest = application
        self.progress.object_id = application.object_id
        self.progress.app_id = application.app_id
        self.progress.display_name = application.display_name
        self.progress.after = [summary(entry) for entry in application.key_credentials]
        contents = self.contents
        self.memory.own(contents)
        for version in contents.versions:
            shown = application.find_credential(version.certificate)
            if shown and shown.key_id not in self.progress.removed and not version.record.retired:
                self._note_seen(version, shown)

    def begin_writing(self) -> None:
        """From here on the key store may be changed; what was seen before is remembered first."""
        self.writes = True
        if self.latest:
            self.take_note(self.latest)
        for version in self.contents.versions:
            self._note_shown_before(version)

    def _note_shown_before(self, version: Version) -> None:
        """What the latest read does not show may have been shown by an earlier one."""
        shown, record = self._last_shown(version), version.record
        if shown and not record.retired and (record.seen is None or shown - record.seen >= SEEN_STEP):
            self.remember(version, seen=shown)

    def _last_shown(self, version: Version) -> dt.datetime | None:
        return self.memory.last_shown(version.certificate, self.progress.removed)

    def _note_seen(self, version: Version, entry: KeyCredential) -> None:
        """A later run must not overlook it either, so the record keeps it: once a minute is exact enough."""
        record = version.record
        key_id = entry.key_id if entry.certificate else record.key_id  # anybody may set an identifier
        is_recent = record.seen is not None and abs(self.now - record.seen) < SEEN_STEP
        if self.writes and not (is_recent and record.registered and record.key_id == key_id):
            self.remember(version, seen=self.now, registered=record.registered or self.now, key_id=key_id)

    def was_seen_lately(self, version: Version) -> bool:
        """Whether the directory showed it, to this run or an earlier one, less than the propagation time ago."""
        seen = [version.record.seen, self._last_shown(version)]
        return any(moment and self.now - moment < self.policy.propagation + SEEN_STEP for moment in seen)

    def forget_seen(self, version: Version) -> Version:
        """It counts as removed, or is about to be sent again."""
        self.memory.forget(version.certificate)
        return self.remember(version, seen=None)

    def missing_foreign(self, application: Application) -> list[dict[str, t.Any]]:
        """Foreign entries that any read of this run has shown and that this one does not."""
        self.memory.own(self.contents)
        known = {entry.key_id for entry in application.key_credentials}.union(self.progress.removed)
        return [entry for key_id, entry in self.memory.foreign().items() if key_id not in known]


def take_up(connection: Connection, progress: Progress) -> None:
    """What earlier calls have counted and seen counts in this one, too."""
    progress.memory.absorb(connection.memory)
    connection.graph.tried, connection.memory = progress.looked, progress.memory


def start(
    connection: Connection,
    policy: RenewalPolicy,
    snapshot: Snapshot,
    plan: Plan,
    provided: KeyPairLike | None,
    pfx_passphrase: str | None,
) -> Run:
    """A run at its first step."""
    app_id, object_id = identity_of(connection, snapshot.application, snapshot.store.current)
    progress = Progress(
        app_id=app_id,
        object_id=object_id,
        readable=snapshot.application is not None,
        forbidden=snapshot.unreadable is not None,
        finding=plan.finding,
        steps=plan.steps,
        not_retirable=plan.not_retirable,
        memory=connection.memory,
    )
    run = Run(connection, policy, connection.proof, progress, provided, pfx_passphrase)
    if snapshot.application:
        run.take_note(snapshot.application)
        progress.before = progress.after
    current, sign_in = snapshot.store.current, snapshot.current_sign_in
    if current and sign_in and sign_in.accepted and connection.is_own_identity:
        run.tokens[current.thumbprint] = connection.graph.token
    return run
