# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run against the tenant that environment variables name: `make test-live`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emulator.switches import SEEN_LIVE

from live import settings
from live.run import run

if __name__ == "__main__":
    try:
        chosen = settings.read(os.environ)
    except settings.NotChosen as reason:
        print(f"Skipped: {reason}")
        sys.exit(0)
    except settings.Wrong as problems:
        print(problems, file=sys.stderr)
        sys.exit(2)
    sys.exit(run(chosen, print, folder=SEEN_LIVE))
