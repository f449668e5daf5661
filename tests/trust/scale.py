# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How hard to attack: a few minutes' worth in `make test`, much more in `make soak`; and what came of it."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

SOAK = os.environ.get("EVERCERT_SOAK") == "1"
SEED = int(os.environ.get("EVERCERT_SEED") or 1)
RESULTS = Path(os.environ.get("EVERCERT_FIGURES") or Path(__file__).resolve().parents[2] / ".cache" / "trust")


def either(test, soak):
    """The figure for `make test`, or the one for `make soak`."""
    return soak if SOAK else test


def note(topic, **figures):
    """Keep figures for the documentation's page; those of one topic from several processes are added up.

    `figures.py` collects them. A figure is a count, or anything else where only one process notes it.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{topic}-{uuid.uuid4().hex[:8]}.json"
    path.write_text(json.dumps({"run": either("make test", "make soak"), "figures": figures}), encoding="utf-8")
