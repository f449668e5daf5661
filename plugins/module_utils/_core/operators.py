# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the credential that an operator signs in with: nothing renews it, so somebody has to be told. Pure."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass

TELL_BEFORE = dt.timedelta(days=30)
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Credential:
    """What somebody signs in with: its name for people, and when it ends; None where that cannot be known."""

    name: str
    ends: dt.datetime | None = None

    def ends_soon(self, now: dt.datetime) -> bool:
        return self.ends is not None and self.ends - now <= TELL_BEFORE

    def warning(self, now: dt.datetime) -> str | None:
        """What a person has to hear of it, from 30 days before its end."""
        if self.ends is None or not self.ends_soon(now):
            return None
        days = (self.ends - now).days
        return (
            f"The {self.name} ends on {self.ends:%Y-%m-%d %H:%M} UTC, in {days} day(s). Make a new one and give it "
            "here before: whatever signs in with it fails from then on."
        )


def end_of_secret(passwords: t.Sequence[tuple[str | None, dt.datetime | None]], secret: str) -> dt.datetime | None:
    """The end of the secret among those of its application, which are known by their first three characters alone.

    None where several might be it, as one of them may have been given up long ago.
    """
    ends = [end for hint, end in passwords if hint and secret.startswith(hint)]
    return ends[0] if len(ends) == 1 else None
