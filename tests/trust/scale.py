# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How hard to attack: a part of everything in `make test`, most of it in `make check`, many times as much in a soak.

The part is what meets each effect, fault and kind of kill once, and a sample of the rest. The sample is another one for
each commit, so that days of commits meet everything; EVERCERT_SAMPLE repeats one.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STRENGTH = os.environ.get("EVERCERT_STRENGTH") or "test"
SOAK = STRENGTH == "soak"
SEED = int(os.environ.get("EVERCERT_SEED") or 1)
RESULTS = Path(os.environ.get("EVERCERT_FIGURES") or ROOT / ".cache" / "trust")

# What takes its time and has relatives in `make test`: it runs in `make check`.
in_check = pytest.mark.skipif(STRENGTH == "test", reason="in make check")

# A unit test of which `make test` has a part, or nothing: `make check` runs more of them.
sampled = pytest.mark.sampled


def _commit():
    asked = ["git", "-c", "safe.directory=*", "rev-parse", "--short=8", "HEAD"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return told or "1"


# Set for the processes of one run, so that all of them choose alike.
SAMPLE = os.environ.setdefault("EVERCERT_SAMPLE", _commit())


def either(check, soak, short=None):
    """The figure for `make check`, or the one for `make soak`; `short` for `make test`, where it is another one."""
    if STRENGTH == "test" and short is not None:
        return short
    return soak if SOAK else check


def part_of(items, kind, test=0.05, check=1):
    """The first item of each kind and a share of the others, `test` in `make test` and `check` in `make check`; all of
    them in a soak. In their order."""
    share = either(check, soak=1, short=test)
    chance, met, chosen = random.Random(SAMPLE), set(), []
    for item in items:
        if (name := kind(item)) not in met or chance.random() < share:
            met.add(name)
            chosen.append(item)
    return chosen


def one_of_each(items, kind):
    """In `make test` one item of each kind, another one for each commit; all of them otherwise, in their order."""
    everything = list(items)
    if STRENGTH != "test":
        return everything
    shuffled = random.Random(SAMPLE).sample(everything, len(everything))
    return list({kind(item): item for item in shuffled}.values())


def one_of(number, items, check=1):
    """In `make test` each so-manieth item, in `make check` each `check`-th, beginning with one or another.

    All of them in a soak, and in `make check` where there are few.
    """
    everything = list(items)
    step = either(1 if len(everything) < 8 else check, soak=1, short=number)
    return everything[random.Random(SAMPLE).randrange(step) :: step]


def note(topic, **figures):
    """Keep figures for the documentation's page; those of one topic from several processes are added up.

    `figures.py` collects them. A figure is a count, or anything else where only one process notes it.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{topic}-{uuid.uuid4().hex[:8]}.json"
    path.write_text(json.dumps({"run": f"make {STRENGTH}", "figures": figures}), encoding="utf-8")
