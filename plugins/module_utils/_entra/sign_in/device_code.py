# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in as a person: a code is shown here and entered in a browser anywhere."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.diagnosis import explain
from ..._core.errors import NetworkFailure, SignInRefused
from ..clock import Timing
from ..clouds import host_of
from ..device_prompt import DevicePrompt
from ..tokens import AccessToken, TokenService

# "Microsoft Graph Command Line Tools", the public client of Microsoft's own that tools for Graph sign people in with;
# many independent repositories name this ID. In a tenant or cloud without it, client_id names another.
GRAPH_COMMAND_LINE_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
# RFC 8628, section 3.5: so many seconds more after each "slow_down".
SLOW_DOWN = 5.0


@dataclass(frozen=True)
class Person:
    """Somebody who sees what is shown, and the delegated permissions to ask for."""

    show: t.Callable[[DevicePrompt], None] = field(repr=False)
    scopes: t.Sequence[str]


@dataclass(frozen=True)
class DeviceCode:
    """Identity: a person."""

    client_id: str | None
    person: Person | None
    timing: Timing = field(repr=False)
    name: str = "device_code"

    def problems(self) -> list[str]:
        if self.person:
            return []
        where = "auth_source device_code works on the control node only, where somebody sees the code"
        return [f"{where}: use the module in a task of a play, or choose another auth_source."]

    def token(self, service: TokenService) -> AccessToken:
        client_id, person = self.client_id or GRAPH_COMMAND_LINE_TOOLS, t.cast(Person, self.person)
        prompt = service.begin_device_code(client_id, person.scopes)
        person.show(prompt)
        interval, ends = prompt.interval, self.timing.monotonic() + prompt.seconds
        while self.timing.monotonic() < ends:
            self.timing.wait(interval, "a person to sign in")
            try:
                return service.with_device_code(client_id, prompt)
            except (SignInRefused, NetworkFailure) as failure:
                error = failure.diagnosis.evidence.get("error")
                if error == "slow_down":
                    interval += SLOW_DOWN
                elif error != "authorization_pending" and failure.diagnosis.retry != "later":
                    raise
        diagnosis = explain("sign_in_expired", host_of(service.authority), {"message": None})
        raise SignInRefused(diagnosis.sentence, diagnosis)
