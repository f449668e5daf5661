# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graph and key store → Snapshot: the reads, and the sign-ins that a decision rests on. Nothing is changed."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from dataclasses import dataclass

from .._core.diagnosis import Diagnosis, explain
from .._core.errors import GraphRefused, KeyStoreError, SignInRefused
from .._core.model import Application, StoreContents, Version
from .._core.policy import SIGN_IN_PAUSE
from .._core.restored import newer_elsewhere, sentence
from .._core.status import SignIn, Snapshot
from .._core.take_over import is_untouched
from .connection import Connection, identity_of, refuse_other_application

# How often something was absent or refused so far.
Looked = dict[str, int]
# Absent on this many reads in a row, a second apart, each on a new connection: replicas disagree for a while.
ABSENT_READS = 3


@dataclass(frozen=True)
class Series:
    """How often a sign-in has to be refused before anything follows from it: one replica alone proves nothing."""

    name: str  # under which the refusals are counted
    required: int
    pause: float
    what: str


def gather(connection: Connection, looked: Looked | None = None) -> Snapshot:
    """What a renewal decides on. `looked` keeps count over the calls of one renewal that had to wait."""
    looked = {} if looked is None else looked
    store = connection.store.read()
    if store.obstacle:
        raise KeyStoreError(store.obstacle.sentence)
    refuse_other_application(connection, store)
    connection.memory.own(store)
    application, unreadable, current_sign_in = _read_directory(connection, store)
    refuse_other_application(connection, store, application)
    current = store.current
    if unreadable and current_sign_in is None:
        current_sign_in = _try_unread(connection, store)
    if current and not store.successor and application and not application.find_credential(current.certificate):
        application = read_until_shown(connection, application, current, looked)
        if not application.find_credential(current.certificate):
            current_sign_in = _try_key(connection, application, current)
    elif current and not store.successor and current_sign_in and not current_sign_in.accepted:
        current_sign_in = _refused_again(connection, current, current_sign_in, looked)
        store = _without_claim(store, current, current_sign_in)
    predecessor_sign_in = _predecessor_sign_in(connection, application, store, current_sign_in)
    is_lost = _is_refused(current_sign_in) and not (predecessor_sign_in and predecessor_sign_in.accepted)
    return Snapshot(
        now=connection.clock.now(),
        store=store,
        application=application,
        unreadable=unreadable,
        current_sign_in=current_sign_in,
        predecessor_sign_in=predecessor_sign_in,
        successor_sign_in=_successor_sign_in(connection, application, store, looked),
        still_known=_find_known(connection, application, store) if is_lost else None,
    )


def read_until_shown(connection: Connection, application: Application, version: Version, looked: Looked) -> Application:
    """Read again until the certificate shows or it was absent on enough reads."""
    while _count(looked, "absent") < ABSENT_READS:
        connection.timing.wait(1, "reading the application again: its current certificate was not shown")
        application = connection.find_application(new_connection=True, object_id=application.object_id)
        if application.find_credential(version.certificate):
            break
    return application


def _count(looked: Looked, what: str) -> int:
    looked[what] = looked.get(what, 0) + 1
    return looked[what]


def try_sign_in(connection: Connection, application: Application | None, version: Version, purpose: str) -> SignIn:
    """What one sign-in with a key of the store comes to. Only a final answer about it counts: trouble is raised."""
    app_id, _object_id = identity_of(connection, application, version)
    try:
        connection.sign_in_patiently(app_id, version, purpose)
    except SignInRefused as refusal:
        if refusal.diagnosis.retry == "later":
            raise
        return SignIn(refusal.diagnosis)
    return SignIn()


def warn_of_newer_keys(connection: Connection, application: Application | None, store: StoreContents) -> None:
    """Nobody else says it after a restore: the good certificate of the lost time looks like somebody else's."""
    if application is None:
        return
    for entry in newer_elsewhere(application, store, connection.clock.now()):
        connection.warn(sentence(entry, application, connection.store.location))


def _try_key(connection: Connection, application: Application | None, version: Version) -> SignIn:
    """The same where only a refusal for being this key decides something: any other one is the result."""
    found = try_sign_in(connection, application, version, "check")
    if found.diagnosis and connection.may_be_late(found.diagnosis):
        # No key can be tried before the service principal is repaired: what the directory shows has to do.
        return SignIn(explain("certificate_not_registered", "", found.diagnosis.evidence))
    if found.diagnosis and not found.diagnosis.blames_key:
        raise SignInRefused(found.diagnosis.sentence, found.diagnosis)
    return found


def _try_unread(connection: Connection, store: StoreContents) -> SignIn | None:
    """Who may not read for another identity sees by a sign-in alone that the current certificate was lost.

    It is made while a predecessor is a way back. Only what is about the key decides something.
    """
    current, predecessor = store.current, store.predecessor
    if not current or store.successor or not predecessor or predecessor.record.retired:
        return None
    found = try_sign_in(connection, None, current, "check") if _can_try(connection, current) else None
    return None if found and found.diagnosis and not found.diagnosis.blames_key else found


def _read_directory(
    connection: Connection, store: StoreContents
) -> tuple[Application | None, Diagnosis | None, SignIn | None]:
    """The application, or why it may not be read, and what the sign-in with the current key came to if it was made."""
    own = connection.is_own_identity
    if connection.identity.name != "access_token":
        connection.discover()
    if own and not _can_try(connection, store.current):
        return None, None, None
    try:
        application = connection.find_application()
        return application, None, SignIn() if own else None
    except SignInRefused as refusal:
        if own and refusal.diagnosis.blames_key:
            return None, None, SignIn(refusal.diagnosis)
        raise
    except GraphRefused as refusal:
        if refusal.status != 403:
            raise
        return None, refusal.diagnosis, SignIn() if own else None


def _can_try(connection: Connection, version: Version | None) -> bool:
    """A key that has ended by the service's clock is not worth a sign-in."""
    return version is not None and version.certificate.not_after > connection.clock.service_time()


def refused_each_time(
    connection: Connection, looked: Looked, series: Series, ask: t.Callable[[], SignIn], code: str | None = None
) -> SignIn:
    """Sign in as often as that, earlier calls included. The last answer: such a refusal, or what ended the series."""
    while True:
        answer = ask()
        if answer.accepted or (code and answer.diagnosis and answer.diagnosis.code != code):
            return answer
        count = _count(looked, series.name)
        if count >= series.required:
            return answer
        connection.timing.wait(series.pause, f"{series.what}: refused {count} of {series.required} times")


def _refused_again(connection: Connection, version: Version, first: SignIn, looked: Looked) -> SignIn:
    """Where the directory may not be read, refusals say that a certificate is absent."""
    what = f"the next sign-in with {version.thumbprint}, which is not registered by the last answer"
    answers = itertools.chain([first], iter(lambda: _try_key(connection, None, version), None))
    series = Series("refused", ABSENT_READS, SIGN_IN_PAUSE, what)
    return refused_each_time(connection, looked, series, lambda: next(answers), "certificate_not_registered")


def _without_claim(store: StoreContents, current: Version, sign_in: SignIn) -> StoreContents:
    """Refused as not registered outweighs a record that says registered; nothing else is known without reading."""
    if sign_in.diagnosis is None or sign_in.diagnosis.code != "certificate_not_registered":
        return store
    record = dataclasses.replace(current.record, registered=None)
    return dataclasses.replace(store, current=dataclasses.replace(current, record=record))


def _predecessor_sign_in(
    connection: Connection, application: Application | None, store: StoreContents, current: SignIn | None
) -> SignIn | None:
    """Only asked for when the current certificate is refused: then a predecessor that works is a way back."""
    predecessor = store.predecessor
    if not _is_refused(current) or not predecessor or predecessor.record.retired or store.successor:
        return None
    return _try_key(connection, application, predecessor) if _can_try(connection, predecessor) else None


def _is_refused(sign_in: SignIn | None) -> bool:
    return sign_in is not None and not sign_in.accepted


def _find_known(connection: Connection, application: Application | None, store: StoreContents) -> Version | None:
    """Before giving up: a key of the store that still signs in, the youngest first. A restored store may have one."""
    if store.successor:
        return None  # which is tried, and gone on with
    for version in reversed(store.others):
        is_known = application is None or application.find_credential(version.certificate) is not None
        is_open = not version.record.retired and version != store.predecessor and _can_try(connection, version)
        if is_known and is_open and _try_key(connection, application, version).accepted:
            return version
    return None


def _successor_sign_in(
    connection: Connection, application: Application | None, store: StoreContents, looked: Looked
) -> SignIn | None:
    """Tried is what somebody may know and the directory does not show, and what was in use before us in a vault."""
    successor = store.successor
    if not successor or successor.record.refused or not _can_try(connection, successor):
        return None
    is_shown = application is not None and application.find_credential(successor.certificate) is not None
    if is_shown and (store.current or not is_untouched(successor)):
        return None
    left_by_stop = successor.record.stop_after == "generated" and not successor.record.intent
    # Without reading, a record says nothing: the write may never have been applied, or was lost since it signed in;
    # and the record of a restored store does not know of the write.
    if application and not left_by_stop and not is_shown:
        return None
    found = _try_key(connection, application, successor)
    return _refused_again(connection, successor, found, looked) if successor.record.accepted else found
