# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a number of sign-ins proves. Pure."""

from __future__ import annotations

# The usual measure of being sure enough.
CONFIDENCE = 0.95


def would_detect(sign_ins: int) -> float | None:
    """The smallest share of token servers refusing a key that so many accepted sign-ins would have met; None for none.

    Each sign-in meets a server of the service's choosing: where a share s refuses, all n are accepted with (1 - s)^n.
    """
    if sign_ins < 1:
        return None
    share: float = 1 - (1 - CONFIDENCE) ** (1 / sign_ins)
    return round(share, 2)
