# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every contestant lists tenants of growing size: what a whole process takes, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, median

from contestants import ours
from peers import peers
from world import Broken, emulated, run

SIZES = (1, 100, 1_000, 10_000, 100_000)
FEW = 10_000  # up to so many, a figure is the median of SAMPLES
SAMPLES = 3
TOO_LONG = 3  # minutes
NOBODY_ELSE = Path(__file__).with_name("listed.yml")


@dataclass
class Runner:
    """A contestant on its way through the sizes; `taken` has the seconds for each so far."""

    contestant: object
    taken: dict = field(default_factory=dict)
    problem: str = ""
    command: tuple = ()
    costs: list = field(default_factory=list)

    def may_start(self, size):
        if not self.problem and len(self.taken) > 1:
            slope, fixed = linear_regression(list(self.taken), list(self.taken.values()))
            minutes = (fixed + slope * size) / 60
            self.problem = f"about {minutes:.0f} minutes" if minutes > TOO_LONG else ""
        return not self.problem

    def attempt(self, step, *arguments):
        """One step; when a peer fails, that is its problem."""
        try:
            return step(*arguments)
        except Broken as problem:
            if not self.contestant.is_peer:
                raise
            self.problem = str(problem).splitlines()[0]
            return None

    def sample(self, world):
        mark = world.counters()["mark"]
        cost = self.attempt(run, *self.command)
        if cost:
            counted = world.counters(mark)
            self.costs.append((cost.seconds, cost.cpu, cost.megabytes, counted["total"], counted["resource_units"]))

    def figure(self, size):
        head = {"contestant": self.contestant.name, "applications": size}
        if self.problem:
            return {**head, "skipped": self.problem}
        seconds, cpu, megabytes, requests, units = (median(taken) for taken in zip(*self.costs))
        self.taken[size] = seconds
        counted = {"requests": int(requests), "resource_units": int(units)}
        return {**head, "seconds": round(seconds, 3), "cpu": round(cpu, 3), "megabytes": round(megabytes), **counted}


def figures(sizes, skipped):
    """One figure for each contestant and size; sentences about peers that cannot be had are appended to `skipped`."""
    runners = [Runner(contestant) for contestant in (*ours(), *peers(skipped))]
    for number, size in enumerate(sorted(sizes)):
        print(f"Listing {size:,} applications.", flush=True)
        with emulated(size - 1, NOBODY_ELSE) as world:
            starting = [runner for runner in runners if runner.may_start(size)]
            _take_turns(starting, world, SAMPLES if size <= FEW else 1, warms_up=number == 0)
        yield from (runner.figure(size) for runner in runners)


def _take_turns(runners, world, samples, warms_up):
    """Each in turn, so that all meet the same load."""
    for runner in runners:
        runner.command, runner.costs = runner.attempt(runner.contestant.prepare, world) or (), []
    for _sample in range(samples + warms_up):
        for runner in runners:
            if not runner.problem:
                runner.sample(world)
    for runner in runners:
        runner.costs = runner.costs[warms_up:]
