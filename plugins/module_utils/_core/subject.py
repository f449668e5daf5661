# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new certificate is called where nobody says it: after its application, whatever that is called. Pure."""

from __future__ import annotations

import re

# The upper bound of X.509 for a common name. Some libraries count characters and some bytes: fewer fit both.
_LONGEST = 64
_SPECIAL = re.compile(r'([\\"+,;<>=#])')


def default_subject(display_name: str, app_id: str) -> str:
    """The display name as a common name, in RFC 4514; the app ID where nothing can be seen of the name.

    Display names are longer than a common name may be, and hold what has a meaning in a subject.
    """
    seen = "".join(letter if letter.isprintable() else " " for letter in display_name)
    name = " ".join(seen.split()).encode()[:_LONGEST].decode(errors="ignore").strip()
    return "CN=" + _SPECIAL.sub(r"\\\1", name or app_id)
