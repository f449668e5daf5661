# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a plan and a broken promise: asked once more of what is about to leave."""

from __future__ import annotations

from .._core.diagnosis import explain
from .._core.errors import Unsafe
from .._core.model import Application, Certificate, KeyCredential
from .._core.safety import KeyWrite, why_unsafe
from .run import Run


def refuse_unsafe(
    run: Run, application: Application | None, *, keeps: frozenset[str] | None = None, removes: str | None = None
) -> None:
    """Asked once more, of what is about to leave: nothing is sent that would lose a usable key or a foreign entry."""
    write = KeyWrite(
        now=run.connection.clock.service_time(),
        store=run.contents,
        memory=run.memory,
        application=application,
        keeps=keeps,
        removes=removes,
        removed=tuple(run.progress.removed),
        signed_in=tuple(run.tokens),
        is_named=run.is_named,
    )
    why = why_unsafe(write)
    if why:
        name = f"application {run.progress.display_name or run.progress.app_id} (object ID {run.progress.object_id})"
        raise stopped(f"Nothing was sent to {name}: {why}.")


def stopped(message: str) -> Unsafe:
    """What stands between a plan and a broken promise."""
    diagnosis = explain("unsafe", "", {})
    return Unsafe(f"{message} {diagnosis.remedy}", diagnosis)


def not_shown(run: Run, certificate: Certificate) -> Unsafe:
    return Unsafe(
        f"Nothing was removed: the application {run.progress.display_name} does not show the current certificate "
        f"{certificate.thumbprint}, so the removal could lock it out. Run again.",
        explain("unsafe", "", {}),
    )


def unless_protected(application: Application, entry: KeyCredential) -> KeyCredential:
    """The entry, unless removing it would break what it is for."""
    why = application.why_protected(entry)
    if why:
        message = f"Key credential {entry.key_id} of application {application.display_name} is not removed: {why}."
        raise Unsafe(message, explain("unsafe", "", {}))
    return entry
