# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the guide on scale, from measured figures and quotas: scale_page.py shows them, --write puts them in.

Measured is what tests/bench/measured.yml says; tests/bench/marginal.py measures it anew. --check compares the page with
the figures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from workload import QUOTAS, Fleet, works

import guide

MEASURED = guide.ROOT / "tests" / "bench" / "measured.yml"


def tables(fleet: Fleet, measured: dict[str, Any]) -> dict[str, str]:
    return {
        "measured": _measured(measured),
        "quotas": guide.list_table(("Counted by", "What", "Limit"), _quotas()),
        "fleet": guide.list_table(FLEET_HEAD, _fleet(fleet, measured)),
        "memory": _memory(fleet, measured),
    }


FLEET_HEAD = ("Work", "Requests to Graph", "Writes", "Least by quotas", "On one control node", "Nodes for one night")


def _measured(measured: dict[str, Any]) -> str:
    words = {"cpu_seconds": "Processor seconds", "requests": "Requests", "authority_requests": "of them for tokens"}
    words |= {"key_credential_reads": "reads of keyCredentials", "writes": "writes", "resource_units": "Resource units"}
    names = {
        "status": "status (``report``)",
        "nothing_due": "nothing due (``renew``)",
        "renewal": "renewal (``renew``)",
    }
    rows = [(names[name], *(f"{measured[name][word]:g}" for word in words)) for name in names]
    text = guide.list_table(("One application more", *words.values()), rows)
    listed, on = measured["listing"]["cpu_milliseconds"], measured["measured"]
    text += f"\nA listing costs {listed:g} milliseconds of processor time per application.\n"
    return text + f"Measured on {on['date']} with {on['on']}.\n"


def _quotas() -> Iterator[tuple[str, ...]]:
    for quota in QUOTAS:
        yield (quota.scope, quota.counted, f"{quota.amount:,} in {quota.seconds} s")


def _fleet(fleet: Fleet, measured: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for work in works(fleet, measured):
        least, one = _duration(work.by_quotas), _duration(work.on_one_node(fleet))
        yield (work.name, f"{work.requests:,.0f}", f"{work.writes:,.0f}", least, one, str(work.nodes(fleet)))


def _memory(fleet: Fleet, measured: dict[str, Any]) -> str:
    hosts = fleet.applications * measured["host_kilobytes"] / 1024 / 1024
    workers = fleet.forks * measured["renewal"]["worker_megabytes"] / 1024
    largest = measured["renewal"]["worker_megabytes"]
    return (
        f"Ansible keeps about {measured['host_kilobytes']:g} KiB for each host of an inventory, so that\n"
        f"{fleet.applications:,} hosts in one inventory are {hosts:.1f} GiB in every process that reads it.\n"
        f"{fleet.forks} forks of at most {largest} MB each are {workers:.1f} GiB if they share nothing.\n"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.0f} h" if seconds < 72 * 3600 else f"{seconds / 86400:,.1f} days"


def main() -> int:
    found = tables(Fleet(), yaml.safe_load(MEASURED.read_text(encoding="utf-8")))
    return guide.main("guide_scale.rst", found, "tests/bench/scale_page.py")


if __name__ == "__main__":
    sys.exit(main())
