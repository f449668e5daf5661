# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of a play share where they run in Ansible's own processes: access tokens and turns at the service."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import time
import typing as t

from .._core.quota import Quota, Turns, refuse, take_turn
from .._entra.tokens import AccessToken
from .._steps.connection import Connection
from .arguments import Options
from .play_memory import PlayMemory
from .specs import CONNECTION

# Never shared: a sign-in with the key store is proof that its key is accepted, a person's is for one task, and a token
# that was handed in belongs to whoever did that.
NEVER_SHARED = ("key_store", "device_code", "access_token")
# Seconds before its end from which on a token is not used any more.
MARGIN = 300.0
# Seconds to wait for another process: while it signs in, and while it notes something. After that everybody acts for
# itself, as if nothing were shared.
SIGN_IN_PATIENCE = 5.0
NOTE_PATIENCE = 0.5
# Seconds between two lines about a wait. All processes together say one.
LINE_EVERY = 10.0

Say = t.Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Sharing:
    """The memory of the play, and how a person is told of waits."""

    memory: PlayMemory
    say: Say = lambda line: None
    monotonic: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


_current: Sharing | None = None


def current() -> Sharing | None:
    """What this process shares with others; nothing where a module has a process of its own."""
    return _current


@contextlib.contextmanager
def shared(sharing: Sharing | None) -> t.Iterator[None]:
    global _current
    before, _current = _current, sharing
    try:
        yield
    finally:
        _current = before


def share(connection: Connection, options: Options) -> None:
    """Let a connection use what this process shares, if it does."""
    if _current is None:
        return
    graph, identity = connection.graph, connection.identity
    graph.turns = SharedTurns(_current, connection.service.cloud.graph_url, connection.service.tenant_id)
    tokens = SharedTokens(_current, identity_of(identity.name, options))
    connection.forget_tokens = tokens.forget_all
    if identity.name not in NEVER_SHARED:
        sign_in = graph.sign_in
        graph.sign_in, graph.drop_token = (lambda: tokens.get(sign_in)), tokens.drop


def identity_of(source: str, options: Options) -> str:
    """A digest of all that decides whose token it is. Every option and variable counts: each may name the identity."""
    path = options.get("client_certificate_path")
    with contextlib.suppress(OSError):
        found = os.stat(path) if path else None
        path = f"{path} {found.st_ino} {found.st_mtime_ns}" if found else None
    given = {name: str(options.get(name)) for name in CONNECTION}
    return hashlib.sha256(json.dumps([source, path, given, dict(os.environ)], sort_keys=True).encode()).hexdigest()


class SharedTokens:
    """The access token of one identity. One process signs in, the others wait for it and take what it got."""

    def __init__(self, sharing: Sharing, identity: str) -> None:
        self._sharing = sharing
        self._key = f"token {identity}"

    def get(self, sign_in: t.Callable[[], AccessToken]) -> AccessToken:
        """The token that is there, else of a new sign-in, which raises as ever and is then not remembered."""
        now, age = self._sharing.monotonic(), self._age()
        with self._sharing.memory.alone(self._key, SIGN_IN_PATIENCE) as entry:
            known = entry.read()
            if known and known["ends"] > now and known["age"] == age:
                return AccessToken(known["token"], known["source"], known["correlation_id"], is_reused=True)
            token = sign_in()
            if token.seconds and token.seconds > MARGIN:
                ends = now + token.seconds - MARGIN
                parts = {"token": token.value, "source": token.source, "correlation_id": token.correlation_id}
                entry.write({**parts, "ends": ends, "age": age})
        return token

    def drop(self, token: AccessToken) -> None:
        """Forget a token that was refused, unless another has taken its place."""
        with self._sharing.memory.alone(self._key, NOTE_PATIENCE) as entry:
            known = entry.read()
            if known and known["token"] == token.value:
                entry.write(None)

    def forget_all(self) -> None:
        """Forget the tokens of everybody: permissions were granted, and a token has those of the time it was issued."""
        with self._sharing.memory.alone("age", NOTE_PATIENCE) as entry:
            entry.write({"age": ((entry.read() or {}).get("age") or 0) + 1})

    def _age(self) -> int:
        with self._sharing.memory.alone("age", NOTE_PATIENCE) as entry:
            return (entry.read() or {}).get("age") or 0


class SharedTurns:
    """The quotas of one tenant."""

    def __init__(self, sharing: Sharing, graph_url: str, tenant_id: str) -> None:
        self._sharing = sharing
        self._whose = f"{graph_url} {tenant_id}"
        self._tenant = f" for tenant {tenant_id}" if tenant_id else ""

    def await_turn(self, quota: Quota) -> None:
        """Wait until this process may send, and count it."""
        while True:
            pause, is_speaker = self._take(quota)
            if not pause:
                return
            if is_speaker:
                reached = f"Graph's limit of {quota.name} is reached{self._tenant}"
                self._sharing.say(f"{reached}; going on in {max(1.0, pause):.0f} s")
            self._sharing.sleep(min(pause, LINE_EVERY))

    def refused(self, quota: Quota, seconds: float) -> None:
        """The service refused what was just sent, and asks everybody for a pause."""
        with self._noting(quota) as (known, note):
            note(refuse(known, self._sharing.monotonic(), seconds))

    def _take(self, quota: Quota) -> tuple[float, bool]:
        """The pause, and whether it is this process that tells of it."""
        now, is_speaker = self._sharing.monotonic(), False
        with self._noting(quota) as (known, note):
            turns, pause = take_turn(known, quota, str(os.getpid()), now)
            note(turns)
        if pause:
            with self._sharing.memory.alone(f"speaker {quota.name} {self._whose}", NOTE_PATIENCE) as entry:
                is_speaker = (entry.read() or {}).get("next", 0.0) <= now
                if is_speaker:
                    entry.write({"next": now + LINE_EVERY})
        return pause, is_speaker

    @contextlib.contextmanager
    def _noting(self, quota: Quota) -> t.Iterator[tuple[Turns, t.Callable[[Turns], None]]]:
        with self._sharing.memory.alone(f"turns {quota.name} {self._whose}", NOTE_PATIENCE) as entry:
            known = entry.read()
            turns = Turns(tuple(known["given"]), known["kept"], known["closed"], known["counted"]) if known else Turns()
            yield turns, lambda new: entry.write(_as_values(new))


def _as_values(turns: Turns) -> dict[str, t.Any]:
    return {
        "given": turns.given,
        "kept": dict(turns.kept),
        "closed": turns.closed_until,
        "counted": turns.is_counted,
    }
