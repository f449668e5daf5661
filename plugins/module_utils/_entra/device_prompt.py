# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person needs to sign in elsewhere, as the service names it (facts: "OAuth 2.0 device authorization grant")."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .._core.diagnosis import said
from .._core.errors import UntrustedAnswer
from .answers import odd, refusal_of
from .transport import Response

# What an answer about a device code may leave out, in seconds, and what no answer makes us wait.
_USUAL_INTERVAL, _LONGEST_INTERVAL = 5.0, 60.0
_USUAL_LIFETIME, _LONGEST_LIFETIME = 900.0, 3600.0


@dataclass(frozen=True)
class DevicePrompt:
    """What a person needs to sign in elsewhere, and the code with which the device asks whether that is done."""

    device_code: str = field(repr=False)
    user_code: str
    message: str
    seconds: float
    interval: float


def parse_prompt(answer: Response, host: str) -> DevicePrompt:
    """The prompt in an answer; what it says is shown to a person, so it is text of one line."""
    body = answer.json_object() or {}
    device_code, user_code = body.get("device_code"), _line(body.get("user_code"))
    if answer.status != 200:
        raise refusal_of(answer, host)
    if not isinstance(device_code, str) or not user_code:
        raise UntrustedAnswer(*odd(f"The answer of {host} holds no code to sign in with.", host))
    message = _line(body.get("message"))
    address = _line(body.get("verification_uri")) or "the address that Microsoft names for it"
    return DevicePrompt(
        device_code,
        user_code,
        message or f"To sign in, open {address} in a web browser and enter the code {user_code}.",
        _seconds(body.get("expires_in"), _USUAL_LIFETIME, _LONGEST_LIFETIME),
        _seconds(body.get("interval"), _USUAL_INTERVAL, _LONGEST_INTERVAL),
    )


def _line(text: object) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in said(text) or "").strip()


def _seconds(value: object, usual: float, longest: float) -> float:
    """A span that an answer names as a number or as text."""
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else usual
    except (ValueError, OverflowError):
        return usual
    return usual if math.isnan(seconds) else min(max(1.0, seconds), longest)
