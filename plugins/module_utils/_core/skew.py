# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a clock is wrong, and which one. Pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from .diagnosis import Diagnosis, explain
from .policy import SKEW_LIMIT

NONE = dt.timedelta()


@dataclass(frozen=True)
class Times:
    """What the clocks of one run say of each other.

    `offset`: this host's clock, ahead of the service's first answer. `departure`: that answer which lay farthest from
    the run's time, ahead of it. `behind`: the run's time, before the last moment that the key store notes.
    """

    offset: dt.timedelta = NONE
    departure: dt.timedelta = NONE
    behind: dt.timedelta = NONE

    @property
    def diagnosis(self) -> Diagnosis | None:
        """Which clock is wrong, or None while all of them agree well enough for writing."""
        row = explain("clock_skew", "", {})
        if abs(self.offset) > SKEW_LIMIT:
            cause = f"The clock of this host is {_seconds(self.offset)} the service's."
            return _said(row, self.offset, cause, row.remedy)
        if abs(self.departure) > SKEW_LIMIT:
            cause = (
                f"An answer of the service was {_seconds(self.departure)} the time of this run, which is that of the "
                "service's first answer: one of the two is wrong."
            )
            remedy = "Run again. If it happens again, find out which proxy or server answers with a wrong Date header."
            return _said(row, self.departure, cause, remedy)
        if self.behind > SKEW_LIMIT:
            cause = f"The time of this run is {_seconds(-self.behind)} the last moment that the key store notes."
            remedy = (
                "Correct the time of this host (NTP), then run again. If it is right, that moment was noted while it "
                "was wrong: correct it in the store's records."
            )
            return _said(row, -self.behind, cause, remedy)
        return None


def _seconds(difference: dt.timedelta) -> str:
    return f"{abs(difference.total_seconds()):.0f} s {'ahead of' if difference > NONE else 'behind'}"


def _said(row: Diagnosis, difference: dt.timedelta, cause: str, remedy: str) -> Diagnosis:
    evidence = {**row.evidence, "message": None, "skew_seconds": round(difference.total_seconds())}
    return dataclasses.replace(row, cause=cause, remedy=remedy, evidence=evidence)
