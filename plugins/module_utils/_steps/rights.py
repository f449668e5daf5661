# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop before the first effect when the identity clearly lacks what a planned step needs, and name all of it."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.access import Registration
from .._core.diagnosis import explain
from .._core.errors import NotPermitted, Unsafe
from .._core.model import BLUEPRINT, Application
from .._core.privileges import BLUEPRINT_PERMISSION, BLUEPRINT_REMEDY, are_readable, find_lacks
from .connection import Connection


def refuse_lacks(connection: Connection, needs: t.Sequence[str]) -> None:
    """Raises NotPermitted with everything missing. A token that does not say what it may do is left to Graph."""
    lacks = find_lacks(connection.graph.token.claims(), needs)
    if not lacks:
        return
    missing = " ".join(lack.sentence for lack in lacks)
    message = f"Nothing was changed: the identity that signed in lacks what the planned steps need. {missing}"
    evidence = {"missing": [name for lack in lacks for name in lack.any_of]}
    raise NotPermitted(message, explain("permission_denied", "", evidence), lacks)


def refuse_blueprint(application: Application | Registration | None) -> None:
    """Raises Unsafe: an agent identity blueprint is no application to renew, and needs other permissions."""
    if application is None or application.kind != BLUEPRINT:
        return
    cause = (
        f"{application.display_name} (app ID {application.app_id}) is an agent identity blueprint, which this "
        "collection leaves alone."
    )
    remedy = BLUEPRINT_REMEDY
    diagnosis = explain("permission_denied", "", {"message": None, "missing": [BLUEPRINT_PERMISSION]})
    raise Unsafe(f"Nothing was changed: {cause} {remedy}", dataclasses.replace(diagnosis, cause=cause, remedy=remedy))


def can_tell_rights(connection: Connection) -> bool:
    """Whether the token says what its identity may do."""
    return are_readable(connection.graph.token.claims())
