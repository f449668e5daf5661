# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The day when an operator's credential ends, in results and as a warning; looked up once in a play."""

from __future__ import annotations

import typing as t

from .._core.operators import UNKNOWN, Credential
from .._core.times import format_iso, parse_iso_or_none
from .._steps.connection import Connection
from .._steps.operators import find_credential
from .arguments import Options
from .sharing import SIGN_IN_PATIENCE, current, identity_of

Values = dict[str, t.Any]


def with_operator(connection: Connection, options: Options, values: Values) -> Values:
    """The return values, with `operator_expires`; a person is warned from 30 days before."""
    return {**values, "operator_expires": _expires(connection, options)}


def _expires(connection: Connection, options: Options) -> str | None:
    if connection.is_stand_in:
        return UNKNOWN  # it was refused, and a warning says why
    credential, now = _look_up_once(connection, options), connection.clock.service_time()
    if credential is None:
        return None
    warning = credential.warning(now)
    if warning:
        connection.warn(warning)
    return UNKNOWN if credential.ends is None else format_iso(credential.ends) if warning else None


def _look_up_once(connection: Connection, options: Options) -> Credential | None:
    sharing = current()
    if sharing is None:
        return find_credential(connection)
    key = f"operator {identity_of(connection.identity.name, options)}"
    with sharing.memory.alone(key, SIGN_IN_PATIENCE) as entry:
        known = entry.read()
        if known is None:
            found = find_credential(connection)
            known = {"name": found.name if found else None, "ends": format_iso(found.ends) if found else None}
            entry.write(known)
    return Credential(known["name"], parse_iso_or_none(known["ends"])) if known["name"] else None
