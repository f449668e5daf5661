# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration behind `make demo`: audit, check, renew, verify, audit, against the emulator.

Every sentence of the summary is checked against what the emulator knows, which is more than any client can see.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import checkout
import rehearsal
from digest import digest
from rehearsal import Application, Failed, Tenant

PLACE = checkout.CACHE / "demo"
DEPARTED = "ledger-sync"  # another tool "rotates" this one and trusts the status that it gets
EXPIRED = "invoice-mailer"
TAKEN_OVER = ("payroll-sync", "web-shop", "hr-portal", "document-vault", DEPARTED)
SHOWN = (*TAKEN_OVER, EXPIRED)
# The emulator's servers disagree for some seconds after a write; these settings fit a demonstration of a minute.
HASTE = {
    "renew_sign_ins": 3,
    "renew_sign_in_interval": 1,
    "renew_initial_pause": 2,
    "renew_sign_in_budget": 0,
    "renew_timeout_propagation": 60,
    "renew_overlap": 0,
}


def main() -> int:
    started = time.monotonic()
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    try:
        with rehearsal.emulated(PLACE) as tenant:
            show(tenant)
    except Failed as failure:
        print(f"\nThe demonstration failed: {failure}", file=sys.stderr)
        return 1
    print(f"\nThat took {time.monotonic() - started:.0f} seconds. Nothing was left running; all files are in")
    print(f"{PLACE.relative_to(checkout.ROOT)}. Read on: README.md, then docs/docsite/rst/guide_start.rst.")
    return 0


def show(tenant: Tenant) -> None:
    applications = {application.name: application for application in tenant.applications}
    foreign = {name: foreign_entries(tenant, applications[name]) for name in SHOWN}
    inventory = rehearsal.write_inventory(tenant, SHOWN, TAKEN_OVER, HASTE)

    say(
        f"""
        An emulated Microsoft Entra tenant with {len(applications)} applications is running. It enforces the service's
        rules, and its servers see a change one after the other, some seconds apart.
        """
    )
    head("Start with the certificates you have")
    say(
        f"""
        {len(TAKEN_OVER)} key pairs in use today are taken into key stores. One sign-in with each; nothing changes in
        Entra.
        """
    )
    adopt(inventory, applications)

    head("Meanwhile, another tool rotates a certificate")
    status, claimed = rehearsal.rotate_without_proof(tenant, applications[DEPARTED])
    expect(claimed not in tenant.registered(applications[DEPARTED]).values(), "the silent failure did not happen")
    say(f"{DEPARTED}: the write was answered with {status}, and the tool says: certificate rotated to {claimed}.")

    head("Report: what needs attention in the tenant?")
    playbook("report", inventory, "tenant")
    say(f"{DEPARTED} looks near expiry there, no worse. Compared with its key store it is another matter:")
    told = playbook("report", inventory, DEPARTED)
    expect("unregistered" in told, f"the report does not call {DEPARTED} unregistered")

    head("Renew, in check mode: what would be done?")
    before = rehearsal.fingerprint(PLACE / "stores"), {name: tenant.registered(applications[name]) for name in SHOWN}
    playbook("renew", inventory, "applications", "--check")
    after = rehearsal.fingerprint(PLACE / "stores"), {name: tenant.registered(applications[name]) for name in SHOWN}
    expect(before == after, "check mode changed something")

    head("Renew: register, wait, prove, promote, confirm health, retire")
    say("The predecessors leave at once, as the overlap is set to none here. It is a week otherwise.")
    playbook("renew", inventory, "applications")

    head("Verify: sign in with what the consumers read now")
    playbook("verify", inventory, "applications")

    head("Report: and now?")
    playbook("report", inventory, "tenant")

    head("What this proved")
    summarise(tenant, [applications[name] for name in SHOWN], foreign, claimed)


def adopt(inventory: Path, applications: dict[str, Application]) -> None:
    playbook("renew", inventory, ":".join(TAKEN_OVER), "-e", "renew_stop_after=promoted", quiet=True)
    for name in TAKEN_OVER:
        expect(applications[name].current is not None, f"{name} was not taken over")
        print(f"  {name:<16} {applications[name].current}")


def summarise(
    tenant: Tenant, applications: list[Application], foreign: dict[str, dict[str, str]], claimed: str
) -> None:
    """Each claim is asked of the emulator: of the directory's truth, and of the slowest token server."""
    sign_ins = attempts = retired = 0
    for application in applications:
        expect(
            application.current in tenant.registered(application).values(),
            f"the current certificate of {application.name} is not registered",
        )
        expect(
            tenant.signs_in(application, application.current),
            f"the current certificate of {application.name} does not sign in everywhere",
        )
        kept = tenant.registered(application)
        expect(
            all(kept.get(key_id) == found for key_id, found in foreign[application.name].items()),
            f"a certificate of others on {application.name} was touched",
        )
        proofs = application.events("proven")
        sign_ins += sum(event["sign_ins"] for event in proofs)
        attempts += sum(event["attempts"] for event in proofs)
        gone = {event["thumbprint"] for event in application.events("retired")}
        expect(not gone & set(kept.values()), f"a retired certificate is still on {application.name}")
        retired += len(gone)
    others = sum(map(len, foreign.values()))
    say(
        f"""
        {len(applications)} applications have a new or repaired certificate. Every one is on the application, and signs
        in even at the slowest of the emulator's token servers. {sign_ins} sign-ins in a row were accepted before the
        consumers' files were switched, in {attempts} attempts: the others came too early and were waited for.
        """
    )
    repaired = next(application for application in applications if application.name == DEPARTED)
    fate = "was registered and proven" if repaired.current == claimed else "was replaced by one that is proven"
    say(f"The rotation that was reported and never applied was found; certificate {claimed} {fate}.")
    say(f"{retired} predecessors were retired after that, and the directory has none of them any more.")
    say(f"{EXPIRED} had expired: an administrator's identity gave it a new certificate.")
    say(f"The {others} certificates of other systems on these applications are exactly as they were.")


def foreign_entries(tenant: Tenant, application: Application) -> dict[str, str]:
    """Registered certificates whose private key is not in the file in use today."""
    own = rehearsal.thumbprint(application.key_pair.read_text(encoding="utf-8"))
    return {key_id: found for key_id, found in tenant.registered(application).items() if found != own}


def playbook(name: str, inventory: Path, target: str, *options: str, quiet: bool = False) -> str:
    """One of the collection's playbooks. What it says is shown while it runs; everything is in a log."""
    arguments = ["-e", f"target={target}", *options]
    if name == "report":
        arguments += ["-e", f"report_directory={PLACE / 'report' / target}"]
    command = [str(Path(sys.executable).parent / "ansible-playbook"), f"evercert.entra.{name}", "-i", str(inventory)]
    calm = {
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_FORKS": str(len(SHOWN)),
    }
    log = PLACE / f"{len(list(PLACE.glob('*.log'))) + 1}-{name}.log"
    if not quiet:
        print(f"  $ ansible-playbook evercert.entra.{name} {' '.join(arguments)}\n")
    with (
        log.open("w", encoding="utf-8") as everything,
        subprocess.Popen(
            [*command, *arguments],
            env=os.environ | calm,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running,
    ):
        for line in digest(copied(running.stdout or (), everything)):
            if not quiet:
                print("  " + line, flush=True)
    if running.returncode:
        raise Failed(f"playbook {name} ended with {running.returncode}; see {log.relative_to(checkout.ROOT)}")
    return log.read_text(encoding="utf-8")


def copied(lines: Iterable[str], log: TextIO) -> Iterator[str]:
    for line in lines:
        log.write(line)
        yield line


def head(text: str) -> None:
    print(f"\n=== {text} ===\n", flush=True)


def say(text: str) -> None:
    print(textwrap.fill(" ".join(text.split()), 110) + "\n", flush=True)


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(f"{otherwise}.")


if __name__ == "__main__":
    sys.exit(main())
