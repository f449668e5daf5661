# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten years of weekly runs: no promise is broken, every renewal is in time, and nothing grows with age."""

from __future__ import annotations

import itertools
import random

import pytest
import scale
from years import CYCLE, InADirectory, InAVault, Life

YEAR, TEN_YEARS = 52, 522
# A part of it in a vault, where a run of the tenth year costs so many requests more than one of the first.
WEEKS = {
    InADirectory: scale.either(TEN_YEARS, TEN_YEARS, short=CYCLE),
    InAVault: scale.either(TEN_YEARS // 4, TEN_YEARS, short=CYCLE // 2),
}
# Known, and red as soon as it is mended: row L2, each version is read again in each run, those that are over as well.
COSTS_MORE_WITH_AGE = (InAVault,)
MOST_FOR_A_VERSION = 2

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.mark.parametrize("kind", [InADirectory, InAVault])
def test_years_of_weekly_runs(kind, tmp_path):
    life = Life(kind(tmp_path), random.Random(scale.SEED))
    life.begin()
    for number in range(WEEKS[kind]):
        life.live(number)

    requests_stay_the_same(life.weeks, grows=kind in COSTS_MORE_WITH_AGE)
    the_store_stays_as_small(life.weeks)
    renewals = [week for week in life.weeks if "promote" in week.result.steps]
    alone = sum(week.by_itself for week in renewals)
    assert bool(alone) == life.world.forgets, "the application goes on by itself only where the operator forgot"
    scale.note("years", weekly_runs=len(life.weeks), renewals=len(renewals), of_them_without_an_operator=alone)


def requests_stay_the_same(weeks, grows):
    """What a quiet run costs, by the operator and by the application itself."""
    quiet = [week for week in weeks if week.is_quiet]
    costs = {(week.by_itself, week.requests) for week in quiet}
    assert (len(costs) > len({week.by_itself for week in quiet})) == grows, f"(by itself, requests): {sorted(costs)}"
    first = quiet[0]
    for week in quiet:
        more, versions = week.requests - first.requests, week.kept - first.kept
        assert more <= MOST_FOR_A_VERSION * max(versions, 0), f"{more} requests more with {versions} versions more"


def the_store_stays_as_small(weeks):
    """A year's most files and bytes are never more than those of the first year, but for the length of a number."""
    years = [weeks[start : start + YEAR] for start in range(0, len(weeks), YEAR)]
    files, sizes = ([max(measure(week) for week in year) for year in years] for measure in (count, size))
    assert max(files) == files[0] and max(sizes) < 1.1 * sizes[0], f"files {files}, bytes {sizes} in each year"
    for before, week in itertools.pairwise(weeks):
        assert week.history == before.history or week.result.changed, "a run that did nothing is in the history"


def count(week):
    return len(week.files)


def size(week):
    return week.bytes
