# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the next sign-in may be made, within the service's loop rule. Pure: times in, a pause out."""

from __future__ import annotations

import datetime as dt
import typing as t

from .policy import BUDGET_WINDOW, SIGN_IN_PAUSE, ProofPolicy


def wait_for_budget(policy: ProofPolicy, made: t.Sequence[dt.datetime], now: dt.datetime) -> float:
    """Seconds until one more sign-in stays within the budget; 0 when one is free now."""
    if not policy.budget:
        return 0.0
    recent = sorted(_recent(made, now))
    if len(recent) < policy.budget:
        return 0.0
    frees_one = recent[-policy.budget] + BUDGET_WINDOW
    return max(0.0, (frees_one - now).total_seconds())


def pause_after_refusal(
    policy: ProofPolicy, made: t.Sequence[dt.datetime], now: dt.datetime, remaining: float
) -> float:
    """Seconds to the next attempt so that the budget lasts until the deadline, which is `remaining` seconds away.

    The last `sign_ins - 1` attempts are kept back for the successes that must follow the first one.
    """
    if not policy.budget:
        return max(policy.interval, SIGN_IN_PAUSE)
    window = BUDGET_WINDOW.total_seconds()
    recent = _recent(made, now)
    frees_in_time = sum(1 for moment in recent if (moment + BUDGET_WINDOW - now).total_seconds() <= remaining)
    free = policy.budget - len(recent) + frees_in_time
    later_windows = policy.budget * max(0.0, remaining - window) / window
    attempts = max(1.0, free + later_windows - (policy.sign_ins - 1))
    return max(policy.interval, remaining / attempts, SIGN_IN_PAUSE)


def _recent(made: t.Sequence[dt.datetime], now: dt.datetime) -> list[dt.datetime]:
    """Those that count. A time far ahead was noted while a clock was wrong, and would block for as long."""
    return [moment for moment in made if now - BUDGET_WINDOW < moment <= now + BUDGET_WINDOW]
