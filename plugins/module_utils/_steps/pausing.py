# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wait that leaves the call: what the next call goes on from, and how often that may happen."""

from __future__ import annotations

import contextlib
import typing as t

from .._core.errors import NotProven, StillWaiting
from .._core.policy import RenewalPolicy
from .connection import Connection
from .run import Progress


@contextlib.contextmanager
def handing_over(connection: Connection, progress: Progress, policy: RenewalPolicy) -> t.Iterator[None]:
    """A wait leaves this call with the progress made; not for ever, even if the service puts everything off.

    Each wait has its own deadline, and the budget of sign-ins may take 5 minutes for each.
    """
    name = progress.under_way.name if progress.under_way else "prepare"
    longest = 600 + 4 * policy.propagation.total_seconds() + 300 * connection.proof.sign_ins
    try:
        yield
    except StillWaiting as pause:
        now = connection.timing.monotonic()
        if now > progress.deadlines.setdefault(f"step {progress.position} {name}", now + longest):
            raise NotProven(f"Gave up after waiting too long to {name}, last for: {pause.what}.") from pause
        raise Interrupted(pause, progress) from pause


class Interrupted(StillWaiting):
    """A wait that a caller outside does, with the progress that the next call goes on from."""

    def __init__(self, pause: StillWaiting, progress: Progress) -> None:
        super().__init__(pause.seconds, pause.what)
        self.carry = {"progress": progress.to_values(), "lock_deadline": None}
