# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Python libraries are missing on this host: all of them at once, with the interpreter that lacks them."""

from __future__ import annotations

import sys

from .._entra.tokens import MSAL_IMPORT_ERROR
from .._keys.key_pair import CRYPTOGRAPHY_IMPORT_ERROR
from .requests_transport import REQUESTS_IMPORT_ERROR

REQUIRED = (
    ("cryptography", "42.0.0", CRYPTOGRAPHY_IMPORT_ERROR),
    ("msal", "1.31.0", MSAL_IMPORT_ERROR),
    ("requests", "2.32.2", REQUESTS_IMPORT_ERROR),
)


def missing_libraries() -> str | None:
    """A sentence that names every missing library, or None."""
    missing = [f"{name}>={version}" for name, version, error in REQUIRED if error]
    if not missing:
        return None
    wanted = " ".join(f"'{name}'" for name in missing)
    return (
        f"These Python libraries are missing on the host that runs the module: {', '.join(missing)}. "
        f"Install them for {sys.executable or 'its Python'}, for example with: "
        f"{sys.executable or 'python3'} -m pip install {wanted}"
    )
