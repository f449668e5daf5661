# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The applications of many tenants: several read at once, each whole or not at all. Read-only."""

from __future__ import annotations

import datetime as dt
import json
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .._core.errors import EvercertError
from .._core.model import Application
from .._entra.applications import as_listed, list_applications, parse_application
from .connection import Connection


@dataclass(frozen=True)
class Source:
    """One tenant to read, and which of its applications (OData)."""

    connection: Connection
    odata_filter: str | None = None


@dataclass(frozen=True)
class Listing:
    """What one tenant answered, and its time then; or why there is nothing."""

    now: dt.datetime
    applications: tuple[Application, ...] = ()
    failure: EvercertError | None = None
    is_cached: bool = False


def read_tenants(sources: t.Sequence[Source], at_once: int) -> list[Listing]:
    """One listing for each source, in their order. A tenant that fails keeps no other one from being read."""
    if min(at_once, len(sources)) <= 1:
        return [_read(source) for source in sources]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(_read, sources))


def _read(source: Source) -> Listing:
    connection = source.connection
    try:
        found = tuple(list_applications(connection.graph, connection.parse_certificate, source.odata_filter))
    except EvercertError as failure:
        return Listing(connection.clock.now(), failure=failure)
    return Listing(connection.clock.now(), found)


def remember(applications: t.Iterable[Application]) -> str:
    """A listing as a text for a cache: public facts only, and nothing of what was decided on them."""
    return json.dumps([as_listed(application) for application in applications])


def recall(text: object) -> tuple[Application, ...] | None:
    """The listing in such a text, or None where it is something else: a cache may hold anything."""
    try:
        return tuple(parse_application(body, _no_certificate) for body in json.loads(str(text)))
    except (ValueError, TypeError, AttributeError, EvercertError):
        return None


def _no_certificate(_der: bytes) -> t.NoReturn:
    raise ValueError("a cache holds no certificates")
