# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One figure beside what it is compared with, as plain data for speed.py."""

from __future__ import annotations


def compared(figure, ours, other, name, goal="shown"):
    """The ratio says how many times the other it is; where the goal is ">=", how many times less."""
    ratio = other / ours if goal.startswith(">=") else ours / other
    numbers = {what: round(value, 3) for what, value in (("ours", ours), ("other", other), ("ratio", ratio))}
    return {"figure": figure, **numbers, "name": name, "goal": goal}


def counted(figure, ours, bound):
    return {"figure": figure, "ours": ours, "goal": f"<= {bound}"}
