# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the collection, as ratios: python tests/bench, or make bench.

Requests are counted, so more than a goal is an error (exit code 1). Times depend on the machine and its load: they are
shown beside what they are compared with, and never an error.
"""

from __future__ import annotations

import argparse
import shutil
import sys

import doors
import fleet
import inventory
import requests_made
from listing import SAMPLES, comparisons
from tasks import MORE, marginal_costs
from world import PLACE, Broken, emulated

IDENTITIES = 2  # manager and reader come with every tenant
HEADINGS = ("figure", "ours", "compared with", "ratio", "goal", "")


def main():
    options = _parser().parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    listed = options.applications + len(requests_made.APP_IDS) + IDENTITIES
    print(f"An emulated tenant with {listed:,} applications; this takes some minutes.", flush=True)
    try:
        with emulated(options.applications) as world:
            counts = list(requests_made.counts(world, listed))
            rows = [_row_of_count(count) for count in counts]
            rows += [row for found in comparisons(world) for row in _rows_of_listing(found)]
            rows += [_row_of_tasks(marginal_costs(world, requests_made.APP_IDS["by-add-key"]))]
        if options.inventory:
            with emulated(options.inventory) as world:
                rows += list(_rows_of_inventory(inventory.comparison(world)))
        with emulated(0, fleet.scenario(2 * options.hosts)) as world:
            rows += [_row_of_door(*found) for found in doors.comparisons(world, options.hosts)]
    except Broken as problem:
        print(problem, file=sys.stderr)
        return 1
    _print_table(rows)
    print("\nThe requests:")
    for count in counts:
        print(f"  {count.operation}: {count.details}")
    print(f"\nListings: median of {SAMPLES}, whole processes. Tasks: median, over {MORE} further tasks in one play.")
    print(f"Inventory: ansible-inventory --list, median of {inventory.SAMPLES}.")
    print(f"Fleets: {doors.FORKS} forks. Processes of their own: a part of the fleet, times {doors.SHARE}.")
    return 0 if all(count.is_kept for count in counts) else 1


def _parser():
    made = argparse.ArgumentParser(prog="python tests/bench", description=__doc__.split("\n", 1)[0])
    made.add_argument("--applications", type=int, default=10_000, metavar="N", help="how many to list (10000)")
    made.add_argument("--inventory", type=int, default=30_000, metavar="N", help="in the inventory (30000), 0 for none")
    made.add_argument("--hosts", type=int, default=200, metavar="N", help="how many hosts a fleet has (200)")
    return made


def _row_of_door(figure, ours, other, name, ratio, goal):
    return (figure, f"{ours:.2f}", f"{other:.2f} {name}", f"{ratio:.2f}" if ratio else "", goal, "")


def _row_of_count(count):
    verdict = "kept" if count.is_kept else "BROKEN"
    return (f"requests: {count.operation}", str(count.requests), "", "", f"<= {count.bound}", verdict)


def _rows_of_listing(found):
    ours, floor = found.ours, found.floor
    yield _row_of_ratio(f"listing, {found.name}: seconds", ours.seconds, floor.seconds, "bare requests", 2)
    yield _row_of_ratio(f"listing, {found.name}: peak MB", ours.megabytes, floor.megabytes, "bare requests", 0)


def _rows_of_inventory(found):
    words = f"pager {found.pager.seconds:.2f} + static"
    name = f"inventory, {found.hosts:,} hosts"
    yield _row_of_ratio(f"{name}: seconds", found.ours.seconds, found.floor, words, 2, f"<= {inventory.GOAL}")
    yield _row_of_ratio(f"{name}: peak MB", found.ours.megabytes, found.static.megabytes, "static", 0)


def _row_of_tasks(costs):
    return _row_of_ratio("one more task, status: seconds", costs["status"], costs["ping"], "ansible.builtin.ping", 3)


def _row_of_ratio(figure, ours, other, name, digits, goal="shown"):
    return (figure, f"{ours:.{digits}f}", f"{other:.{digits}f} {name}", f"{ours / other:.2f}", goal, "")


def _print_table(rows):
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    print()
    for row in (HEADINGS, tuple("-" * width for width in widths), *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
