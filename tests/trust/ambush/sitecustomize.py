# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python imports this at its start where the folder is on PYTHONPATH: modules that Ansible runs are ambushed too."""

from __future__ import annotations

import os
import sys

if os.environ.get("EVERCERT_TRACE"):
    import ambush

    number = os.environ.get("EVERCERT_KILL_AT")
    sys.meta_path.insert(0, ambush.Finder(ambush.Ambush(os.environ["EVERCERT_TRACE"], int(number) if number else None)))
