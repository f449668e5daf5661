# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a number of sign-ins proves. Pure."""

from __future__ import annotations

# The usual measure of being sure enough.
CONFIDENCE = 0.95


def would_detect(sign_ins: int, restarts: int = 0) -> float | None:
    """The smallest share of token servers refusing a key that so many accepted sign-ins would have met; None for none.

    Each sign-in meets a server of the service's choosing: where a share s refuses, n in a row are accepted with
    (1 - s)^n. A count that was started again was one more chance to be lucky, so it proves less.
    """
    if sign_ins < 1:
        return None
    lucky: float = 1 - CONFIDENCE ** (1 / (1 + restarts))  # what each of the counts may come to
    share: float = 1 - lucky ** (1 / sign_ins)
    return round(share, 2)
