# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The questions in order, a renewal by the collection itself, and one table at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import answers
from .facts import FACTS
from .service import NotObserved, Service, ThrowAway
from .settings import THROW_AWAY

RENEWAL = Path(__file__).with_name("renewal.yml")


def run(settings, say, service=None, renew=None, folder=None):
    """The exit status: 0 unless the tenant could not be looked at or left as it was, or the renewal failed."""
    service = service or Service(settings)
    try:
        application = _application(service) if settings.may_change else None
    except NotObserved as reason:
        say(f"Nothing was changed: {reason}.")
        return 1
    say(f"Tenant {settings.tenant}: " + (f"changing {application.name}" if application else "reading only"))
    renewed = (renew or by_playbook)(settings, application, say) if application else None
    rows, observed = [], {}
    for fact in FACTS:
        if application is None and fact.changes:
            continue
        rows.append(_row(fact, service, application, observed))
        say(_line(*rows[-1]))
    counts = {verdict: sum(1 for row in rows if row[0] == verdict) for verdict in ("confirmed", "REFUTED", "measured")}
    unknown = sum(1 for row in rows if row[0] == "not observed")
    say(
        f"{counts['confirmed']} confirmed, {counts['REFUTED']} refuted, {counts['measured']} measured, "
        f"{unknown} not observed" + ("" if application else "; the others need an application that may be changed")
    )
    if folder and observed:
        path = answers.write(folder, service.now().date(), FACTS, observed)
        say(f"Written to {path}, without any ID. Commit it: the emulator and its page of rules go by it.")
    if renewed is not None:
        say(f"Renewal by the collection: {'proven' if renewed else 'FAILED'}")
    if application and application.left:
        say(f"Look at {application.name}: certificates of this run may be left on it, because {application.left}.")
        return 1
    return 1 if renewed is False or unknown == len(rows) else 0


def _application(service):
    """The application that may be changed: its name has to say so."""
    application = ThrowAway(service, service.settings.application)
    if not application.name.startswith(THROW_AWAY):
        raise NotObserved(
            f"the application {application.name} is not for throwing away; its name must begin with {THROW_AWAY}"
        )
    return application


def _row(fact, service, application, answers_so_far):
    """Verdict, statement, what was observed and the evidence; the application is as before again."""
    try:
        observed, evidence = fact.ask(service, application)
        answers_so_far[fact.name] = observed
    except NotObserved as reason:
        return "not observed", fact.statement, "", str(reason)
    finally:
        if fact.changes:
            application.clear()
    return fact.verdict(observed), fact.statement, str(observed), evidence


def _line(verdict, statement, observed, evidence):
    return (
        f"{verdict:<13} {statement}: {observed} ({evidence})" if observed else f"{verdict:<13} {statement} ({evidence})"
    )


def by_playbook(settings, application, say):
    """Two renewals, a health check and a retirement, as a user would run them; whether all of it was proven."""
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "application": {"app_id": application.app_id, "object_id": application.object_id},
            "key_store": f"{folder}/store",
            "sign_in_interval": settings.interval,
        }
        Path(folder, "given.json").write_text(json.dumps(given))
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", str(RENEWAL)]
        variables = {**os.environ, "AZURE_TENANT_ID": settings.tenant, "AZURE_CLIENT_ID": settings.client_id}
        variables["ANSIBLE_LOCALHOST_WARNING"] = "0"
        try:
            done = subprocess.run([*command, "-e", f"@{folder}/given.json"], env=variables, check=False)
        finally:
            application.clear()
        if not application.left:
            say("The application is as it was before the renewal.")
        return done.returncode == 0
