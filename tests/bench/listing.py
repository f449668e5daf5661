# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory of a listing: the module's own process against a bare pager, taken in turn."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from world import PLACE, Cost, run

MODULES = "ansible_collections.evercert.entra.plugins.modules"
FIELDS = "id,appId,displayName,createdDateTime,keyCredentials,tokenEncryptionKeyId"
SAMPLES = 5


@dataclass(frozen=True)
class Comparison:
    """Medians of both, over the same samples."""

    name: str
    ours: Cost
    floor: Cost


def comparisons(world):
    """A listing that returns numbers, one that returns every application, and one that becomes files."""
    pager = [sys.executable, Path(__file__).with_name("bare_pager.py"), FIELDS]
    wanted = {
        "summary": _module("application_certificate_info", return_applications="none"),
        "all applications": _module("application_certificate_info", return_applications="all"),
        "report in seven formats": _module("application_report", directory=str(PLACE / "report")),
    }
    costs = {name: [] for name in ("bare", *wanted)}
    for sample in range(SAMPLES + 1):  # the first one warms up
        for name, command in {"bare": pager, **wanted}.items():
            cost = run(command, world.variables)
            costs[name] += [cost] if sample else []
    floor = _median(costs["bare"])
    return [Comparison(name, _median(costs[name]), floor) for name in wanted]


def _module(name, **options):
    return [sys.executable, "-m", f"{MODULES}.{name}", json.dumps({"ANSIBLE_MODULE_ARGS": options})]


def _median(costs):
    return Cost(median(cost.seconds for cost in costs), median(cost.megabytes for cost in costs))
