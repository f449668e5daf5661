# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that somebody wrote to the service principal in place of the application. Read-only."""

from __future__ import annotations

from .._core.errors import ServiceError
from .._core.model import Application, Version
from .._core.status import Finding, Snapshot
from .._core.verdict import misplaced
from .._entra.surroundings import read_service_principal
from .connection import Connection


def warn_of_wrong_object(connection: Connection, before: Snapshot) -> None:
    """Say where a certificate in use is, when the application does not show it."""
    application, store = before.application, before.store
    in_use = [version for version in (store.current, store.successor) if version and _may_be_somewhere(version)]
    if application:
        for version in in_use:
            finding = find_misplaced(connection, application, version)
            if finding:
                connection.warn(f"{finding.message} {finding.remedy}")


def find_misplaced(connection: Connection, application: Application, version: Version) -> Finding | None:
    """Look at the service principal only where the application does not show the certificate."""
    if application.find_credential(version.certificate):
        return None
    try:
        principal = read_service_principal(connection.graph, application.app_id, connection.parse_certificate)
    except ServiceError:
        return None  # it may not be read, or there is none
    return misplaced(application, principal, version.certificate) if principal else None


def _may_be_somewhere(version: Version) -> bool:
    """One that was never handed out is on no object at all."""
    record = version.record
    return bool(record.intent or record.registered or record.promoted or record.stop_after)
