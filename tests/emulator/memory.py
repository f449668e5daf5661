# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the login service remembers of earlier requests; both memories are off by default."""

from __future__ import annotations

from collections import defaultdict, deque

from .rules_assertion import key_not_found

LOOP_WINDOW = 300


class Loops:
    """Counts identical requests for 50196, which Microsoft tracks by cookie and the emulator by their content."""

    def __init__(self):
        self._seen = defaultdict(deque)

    def count(self, call):
        """How many such requests came in the last 5 minutes, this one included."""
        now = call.tenant.clock.elapsed()
        ignored = ("client_assertion", "client_secret")
        content = tuple(sorted((name, value) for name, value in call.form.items() if name not in ignored))
        seen = self._seen[content]
        while seen and seen[0] <= now - LOOP_WINDOW:
            seen.popleft()
        seen.append(now)
        return len(seen)


class Refusals:
    """A failing lookup that stays cached (facts section 6); off by default."""

    def __init__(self):
        self._until = {}

    def _key(self, sign_in):
        header = sign_in.assertion.header
        return sign_in.client_id, header.get("x5t#S256"), header.get("x5t"), header.get("kid")

    def check(self, sign_in):
        if self._until.get(self._key(sign_in), 0) > sign_in.tenant.clock.elapsed():
            raise key_not_found(sign_in)

    def remember(self, sign_in, error):
        seconds = sign_in.tenant.switches.remember_refusals
        if seconds and error.code == 700027 and "was not found" in error.text:
            self._until[self._key(sign_in)] = sign_in.tenant.clock.elapsed() + seconds
