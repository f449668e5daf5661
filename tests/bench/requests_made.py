# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests an operation makes, counted by the emulator. These figures are exact, so they are bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rows import counted

PAGE = 999
IDENTITIES = 2  # manager and reader come with every tenant
# The emulator notes each part of a $batch beside the batch itself; what the collection reads in one travels once.
PARTS_OF_A_BATCH = ("get_application_policies", "get_default_policy", "get_service_principal")
RENEWAL = {
    "sign_ins": 3,
    "sign_in_interval": 0,
    "initial_pause": 0,
    "overlap": 0,
}


@dataclass(frozen=True)
class Count:
    """What was counted, and the most that it may be."""

    operation: str
    requests: int
    bound: int
    details: str


def comparisons(world):
    """Every operation whose number of requests is bounded; what they were is printed."""
    for count in counts(world, world.generated + len(APP_IDS) + IDENTITIES):
        print(f"{count.operation}: {count.details}", flush=True)
        yield counted(f"requests: {count.operation}", count.requests, count.bound)


def counts(world, applications):
    for name in APP_IDS:
        world.run_module("application_certificate_renew", adopt_path=str(world.key_pair(name)), **_subject(world, name))
    # Where the directory may not be read, the key ID comes from addKey: only a second renewal has one to retire.
    world.run_module("application_certificate_renew", **_subject(world, "by-itself"), **RENEWAL)
    status = {"app_id": APP_IDS["by-add-key"], "key_store": str(world.key_store("by-add-key"))}
    yield _count(world, "status of one application", 4, "application_certificate_info", **status)
    for operation, name, bound, how in RENEWALS:
        options = _subject(world, name) | RENEWAL | how
        yield _count(world, operation, bound, "application_certificate_renew", **options)
    bound = math.ceil(applications / PAGE) + 3  # discovery, sign-in, the default policy
    listing = f"listing {applications:,} applications"
    yield _count(world, listing, bound, "application_certificate_info", return_applications="none")


APP_IDS = {
    "by-itself": "00000000-aaaa-4000-8000-000000000501",
    "by-add-key": "00000000-aaaa-4000-8000-000000000502",
    "by-update": "00000000-aaaa-4000-8000-000000000503",
}
OBJECT_IDS = {"by-itself": "00000000-bbbb-4000-8000-000000000501"}
RENEWALS = (
    ("renewal as itself, addKey", "by-itself", 12, {"force": True}),
    ("renewal as administrator, addKey", "by-add-key", 12, {"add_method": "add_key"}),
    ("renewal as administrator, PATCH", "by-update", 14, {"add_method": "update"}),
)


def _subject(world, name):
    chosen = {"app_id": APP_IDS[name], "key_store": str(world.key_store(name))}
    if name in OBJECT_IDS:
        chosen |= {"object_id": OBJECT_IDS[name], "auth_source": "key_store"}
    return chosen


def _count(world, operation, bound, module, **options):
    mark = world.counters()["mark"]
    world.run_module(module, **options)
    found = world.counters(mark)["operations"]
    parts = {name: found.pop(name) for name in PARTS_OF_A_BATCH if "batch" in found and name in found}
    details = ", ".join(f"{number} {name}" for name, number in sorted(found.items()))
    details += f" (holding {' and '.join(parts)})" if parts else ""
    return Count(operation, sum(found.values()), bound, details)
