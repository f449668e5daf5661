# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the collection beside floors and other tools, measured in one run: python tests/bench, or make bench.

Requests are counted, so more than a goal is an error (exit code 1). Times depend on the machine and its load: they are
shown beside what they are compared with, and never an error.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import doors
import fleet
import inventory
import listing
import peers
import quotas
import requests_made
import speed
import tasks
import yaml
from world import PLACE, Broken, emulated

WRITTEN = Path(__file__).with_name("speed.yml")
APPLICATIONS, HOSTS_OF_AN_INVENTORY, HOSTS, HOSTS_BEYOND_THE_QUOTA = 10_000, 30_000, 200, 310


def count_and_task():
    with emulated(APPLICATIONS) as world:
        yield from requests_made.comparisons(world)
        yield from tasks.comparisons(world, requests_made.APP_IDS["by-add-key"])


def list_inventory():
    with emulated(HOSTS_OF_AN_INVENTORY) as world:
        yield from inventory.comparisons(world)


def run_fleets():
    with emulated(0, fleet.scenario(doors.FLEETS * HOSTS)) as world:
        yield from doors.comparisons(world, HOSTS)


def meet_quotas():
    with emulated(0, fleet.scenario(HOSTS_BEYOND_THE_QUOTA)) as world:
        yield from quotas.comparisons(world, HOSTS_BEYOND_THE_QUOTA)


PARTS = {"tasks": count_and_task, "inventory": list_inventory, "fleets": run_fleets, "quotas": meet_quotas}


def main():
    options = _parser().parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    skipped, listings, comparisons = [], [], []
    try:
        # Listings first: a child process inherits the peak of this one's memory, which is small until then.
        if "listings" in options.parts:
            listings += listing.figures(options.sizes, skipped)
            _print_table(speed.LISTING_HEAD, speed.listings(listings))
            _print_table(speed.GROWTH_HEAD, speed.growth(listings))
        for name in (name for name in options.parts if name in PARTS):
            comparisons += [{"part": name, **row} for row in PARTS[name]()]
    except Broken as problem:
        print(problem, file=sys.stderr)
        return 1
    _print_table(speed.COMPARISON_HEAD, speed.comparisons(comparisons))
    print("", *skipped, sep="\n")
    if options.write:
        _write(options.parts, skipped, listings, comparisons)
    return int(any(row["figure"].startswith("requests: ") for row in comparisons if speed.is_missed(row)))


def _parser():
    made = argparse.ArgumentParser(prog="python tests/bench", description=__doc__.split("\n", 1)[0])
    everything, sizes = ["listings", *PARTS], list(listing.SIZES)
    made.add_argument("--parts", nargs="+", choices=everything, default=everything, help="what to measure (all)")
    made.add_argument("--sizes", nargs="+", type=int, default=sizes, metavar="N", help="of tenants that are listed")
    made.add_argument(
        "--write", action="store_true", help=f"keep the figures of these parts in {WRITTEN.name}, for the guide"
    )
    return made


def _write(parts, skipped, listings, comparisons):
    """The figures of other parts stay, each part with the day of its run."""
    found = yaml.safe_load(WRITTEN.read_text(encoding="utf-8"))
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    found["dates"] |= dict.fromkeys(parts, today)
    found["on"] = f"{os.cpu_count()} processors, Python {platform.python_version()}"
    found["versions"] |= {"ansible-core": version("ansible-core")}
    if "listings" in parts:
        found |= {"listings": listings, "skipped": skipped}
        found["versions"] |= peers.versions()
    rows = [row for row in found["comparisons"] if row["part"] not in parts] + comparisons
    found["comparisons"] = sorted(rows, key=lambda row: list(PARTS).index(row["part"]))
    head = "".join(WRITTEN.with_name("tenant.yml").read_text(encoding="utf-8").splitlines(keepends=True)[:5])
    text = yaml.safe_dump(found, sort_keys=False, width=120)
    WRITTEN.write_text(f"{head}# Written by make bench B=--write.\n{text}", encoding="utf-8")


def _print_table(head, rows):
    rows = [head, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    rows.insert(1, tuple("-" * width for width in widths))
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
