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
from .._entra.graph import is_passing
from .._entra.surroundings import (
    EVERYTHING,
    Limits,
    Surroundings,
    list_service_principals,
    read_default_limits,
    read_surroundings,
    unread,
)
from .connection import Connection, identity_of, refuse_other_application
from .gather import read_until_shown, try_sign_in, warn_of_newer_keys
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
    contents = connection.key_store.look() if connection.key_store else None
    if contents:
        refuse_other_application(connection, contents)
    application, trouble = _read(connection, contents)
    _warn_of(connection, trouble)
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
        keyless=_keyless(connection, contents),
        directory="read" if application else "refused" if trouble else "not_asked",
    )
    if current and attempt:
        why = attempt.diagnosis.code if attempt.diagnosis else None
        key_id = current.record.key_id
        note_check(connection, current.thumbprint, verified=attempt.accepted, reason=why, key_id=key_id)
    warn_of_newer_keys(connection, application, contents or StoreContents())
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


def _keyless(connection: Connection, contents: StoreContents | None) -> dict[str, str]:
    """The certificates in the key store whose private key is gone; a retired one needs none."""
    wanted = [version.thumbprint for version in contents.versions if not version.record.retired] if contents else []
    found = {thumbprint: connection.store.why_keyless(thumbprint) for thumbprint in wanted}
    return {thumbprint: why for thumbprint, why in found.items() if why}


def _surroundings(connection: Connection, application: Application | None) -> Surroundings:
    """Policies and service principal, as far as they may be read: a status never fails because of them.

    Where they were not read because of trouble, that is said: nothing found would read as nothing wrong.
    """
    if not application:
        return NONE
    try:
        found = read_surroundings(connection.graph, application, connection.parse_certificate)
    except GraphRefused as refusal:
        found = _unread(refusal) if is_passing(refusal.status) else NONE
    except ServiceError as failure:
        found = _unread(failure)
    for what in found.unread:
        connection.warn(
            f"Nothing is known of {what} of application {application.display_name}: Graph did not answer for that just "
            "now. Run again."
        )
    return found


def _unread(failure: ServiceError) -> Surroundings:
    return Surroundings((unread(failure.diagnosis.code),), None, EVERYTHING)


def _default_limits(connection: Connection) -> Limits | None:
    try:
        return read_default_limits(connection.graph)
    except GraphRefused as refusal:  # whatever else speaks against reading ends the listing itself
        if not is_passing(refusal.status):
            return None
        why = unread(refusal.diagnosis.code)
    connection.warn(f"{why.why} What they allow is not known.")
    return (why,)


def _read(connection: Connection, contents: StoreContents | None) -> tuple[Application | None, Diagnosis | None]:
    """The application, or the diagnosis of why it could not be read."""
    current = contents.current if contents and not contents.obstacle else None
    if connection.is_own_identity and current is None:
        return None, None
    try:
        if connection.identity.name != "access_token":
            connection.discover()
        if connection.is_own_identity and current and _has_ended(connection, current):
            return None, None
        return connection.find_application(), None
    except ApplicationNotFound:
        raise
    except (SignInRefused, NetworkFailure, GraphRefused) as failure:
        return None, failure.diagnosis


def _warn_of(connection: Connection, trouble: Diagnosis | None) -> None:
    """A status is an answer, but that nobody could look is no detail of it. An application that may not read itself is
    as it should be."""
    if trouble and not (connection.is_own_identity and trouble.code == "permission_denied"):
        who = f"auth_source {connection.identity.name}"
        connection.warn(f"The directory was not read ({who}, {trouble.code}): {trouble.cause} {trouble.remedy}")


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
