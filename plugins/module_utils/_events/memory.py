# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was told already: one event for a finding until it changes, ends, or was told long ago. Pure."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass, field

from .observation import Observation


@dataclass(frozen=True)
class Told:
    """An application whose finding was told, and when by the monotonic clock."""

    observation: Observation
    at: float


@dataclass
class Memory:
    """The findings of one tenant that were told. Lost with the process: after a restart each is told once more.

    Nothing is kept on disk on purpose. An event that was noted as told, and whose action was killed, would be lost;
    an event told twice starts a renewal that finds nothing to do.
    """

    repeat_after: float  # seconds; 0 tells a finding once only
    told: dict[str, Told] = field(default_factory=dict)

    def news(self, due: t.Iterable[Observation], others: t.Iterable[Observation], now: float) -> list[Observation]:
        """What has to be told: a new, changed or long-standing finding (in `due`), or one that has ended.

        `others` are applications whose findings were told and that a complete poll saw without any. An application
        that the poll did not see at all has been deleted, and is told with the status `gone`.
        """
        found = {one.object_id: one for one in due}
        fresh = [one for one in found.values() if self._is_news(one, now)]
        well = {one.object_id: one for one in others}
        ended = [
            well.get(object_id) or dataclasses.replace(told.observation, status="gone", findings=())
            for object_id, told in self.told.items()
            if object_id not in found
        ]
        return [*fresh, *ended]

    def note(self, told: Observation, is_due: bool, now: float) -> None:
        """Keep that an event was handed over; what was not handed over is news again."""
        if is_due:
            self.told[told.object_id] = Told(told, now)
        else:
            self.told.pop(told.object_id, None)

    def _is_news(self, seen: Observation, now: float) -> bool:
        before = self.told.get(seen.object_id)
        if before is None or before.observation.fingerprint != seen.fingerprint:
            return True
        return bool(self.repeat_after) and now - before.at >= self.repeat_after
