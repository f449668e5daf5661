# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Device codes that wait for a person, and the people who answer them (facts section 9)."""

from __future__ import annotations

import random
import uuid
from collections import deque
from dataclasses import dataclass

LIFETIME = 900
INTERVAL = 5
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass
class DeviceCode:
    """One sign-in that was begun on a device and is finished, or not, in a browser."""

    device_code: str
    user_code: str
    client_id: str
    scopes: tuple
    expires: float
    user: object = None
    state: str = "pending"  # approved, denied, used
    polled: float | None = None


class DeviceCodes:
    """Those of one tenant."""

    def __init__(self, clock, seed=0):
        self._clock = clock
        self._chance = random.Random(seed)
        self._codes = {}
        self._answers = deque()  # given before the code that they are for

    def start(self, client_id, scopes, lifetime=LIFETIME):
        user_code = "".join(self._chance.choice(LETTERS) for _letter in range(9))
        code = DeviceCode(uuid.uuid4().hex, user_code, client_id, scopes, self._clock.elapsed() + lifetime)
        self._codes[code.device_code] = code
        if self._answers:
            code.state, code.user = self._answers.popleft()
        return code

    def find(self, device_code):
        return self._codes.get(device_code)

    def is_expired(self, code):
        return code.expires <= self._clock.elapsed()

    def answer(self, state, user=None, user_code=None):
        """A person approves or denies: the code named, the one that waits, or else the next one that is begun."""
        waiting = [one for one in self._codes.values() if one.state == "pending" and not self.is_expired(one)]
        if user_code:
            waiting = [one for one in waiting if one.user_code == user_code]
            if not waiting:
                raise LookupError(f"No device code {user_code} is waiting.")
        if waiting:
            waiting[-1].state, waiting[-1].user = state, user
        else:
            self._answers.append((state, user))

    def expire(self):
        for code in self._codes.values():
            code.expires = self._clock.elapsed()
