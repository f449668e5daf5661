# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status of one application, or of all that match: what the info module reports. Read-only in Entra and in keys."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass, field

from .._core.diagnosis import Diagnosis
from .._core.errors import ApplicationNotFound, GraphRefused, NetworkFailure, ServiceError, SignInRefused
from .._core.model import Application, StoreContents, Version
from .._core.policy import RenewalPolicy
from .._core.status import SignIn
from .._core.verdict import Facts, Verdict, judge
from .._entra.applications import list_applications
from .._entra.surroundings import (
    Limits,
    Surroundings,
    list_service_principals,
    read_default_limits,
    read_surroundings,
)
from .connection import Connection, identity_of, refuse_other_application
from .gather import read_until_shown, try_sign_in
from .history import note_check

NONE = Surroundings()


@dataclass(frozen=True)
class Report:
    """One application's verdict with what it rests on."""

    facts: Facts
    verdict: Verdict
    history: tuple[dict[str, t.Any], ...] = field(default=())


def inspect_one(
    connection: Connection, policy: RenewalPolicy, *, claim: str | None, sign_in: bool, history: int
) -> Report:
    """The selected application. A refused or impossible sign-in for reading is a status here, not a failure."""
    contents = connection.key_store.read() if connection.key_store else None
    if contents:
        refuse_other_application(connection, contents)
    application, trouble = _read(connection, contents)
    if contents:
        refuse_other_application(connection, contents, application)
    current = contents.current if contents else None
    if application and current and not application.find_credential(current.certificate):
        application = read_until_shown(connection, application, current, {})
    attempt, failure = _sign_in(connection, application, current) if sign_in and current else (None, None)
    facts = Facts(
        now=connection.clock.now(),
        application=application,
        store=contents,
        trouble=trouble or failure,
        reads_as_itself=connection.is_own_identity,
        sign_in=attempt,
        claim=claim,
    )
    if current and attempt:
        why = attempt.diagnosis.code if attempt.diagnosis else None
        key_id = current.record.key_id
        note_check(connection, current.thumbprint, verified=attempt.accepted, reason=why, key_id=key_id)
    around = _surroundings(connection, application)
    facts = dataclasses.replace(facts, limits=around.limits, service_principal=around.service_principal)
    events = connection.key_store.history(history) if connection.key_store and history else []
    app_id, object_id = identity_of(connection, application, current)
    named = dataclasses.replace(facts, app_id=app_id, object_id=object_id)
    return Report(named, judge(named, policy), tuple(events))


def inspect_all(
    connection: Connection, policy: RenewalPolicy, odata_filter: str | None, *, service_principals: bool = False
) -> t.Iterator[Report]:
    """Every application that matches, one at a time. Failing to list is a failure.

    One request more tells the tenant's default policy; a policy of one application would take one for each of them.
    """
    limits = _default_limits(connection)
    listed = list_service_principals(connection.graph, connection.parse_certificate) if service_principals else ()
    principals = {principal.app_id.lower(): principal for principal in listed}
    for application in list_applications(connection.graph, connection.parse_certificate, odata_filter):
        principal = principals.get(application.app_id.lower())
        facts = Facts(connection.clock.now(), application, None, limits=limits, service_principal=principal)
        yield Report(facts, judge(facts, policy))


def _surroundings(connection: Connection, application: Application | None) -> Surroundings:
    """Policies and service principal, as far as they may be read: a status never fails because of them."""
    try:
        return read_surroundings(connection.graph, application, connection.parse_certificate) if application else NONE
    except ServiceError:
        return NONE


def _default_limits(connection: Connection) -> Limits | None:
    try:
        return read_default_limits(connection.graph)
    except GraphRefused:
        return None  # whatever else speaks against reading ends the listing itself


def _read(connection: Connection, contents: StoreContents | None) -> tuple[Application | None, Diagnosis | None]:
    """The application, or the diagnosis of why it could not be read."""
    current = contents.current if contents else None
    if connection.is_own_identity and current is None:
        return None, None
    try:
        connection.service.discovery() if connection.identity.name != "access_token" else None
        if connection.is_own_identity and current and _has_ended(connection, current):
            return None, None
        return connection.find_application(), None
    except ApplicationNotFound:
        raise
    except (SignInRefused, NetworkFailure, GraphRefused) as failure:
        return None, failure.diagnosis


def _has_ended(connection: Connection, version: Version) -> bool:
    return version.certificate.not_after <= connection.clock.service_time()


def _sign_in(
    connection: Connection, application: Application | None, current: Version
) -> tuple[SignIn | None, Diagnosis | None]:
    """One sign-in with the current key, when asked for: accepted, refused, or no answer about it."""
    try:
        return try_sign_in(connection, application, current, "info"), None
    except ServiceError as failure:
        return None, failure.diagnosis
