# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as ansible-rulebook runs it, with every library's log: file of arguments, number of events."""

from __future__ import annotations

import asyncio
import json
import logging
import runpy
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "extensions/eda/plugins/event_source/certificate_expiry.py"


class Told:
    """A queue that prints each event, and is full after the last one that is waited for."""

    def __init__(self, count):
        self._left, self.is_full = count, asyncio.Event()

    async def put(self, event):
        print(json.dumps(event), flush=True)
        self._left -= 1
        if self._left <= 0:
            self.is_full.set()


async def listen(arguments, count):
    """Raises what ends the source before that."""
    told = Told(count)
    source = asyncio.ensure_future(runpy.run_path(str(SOURCE))["main"](told, arguments))
    enough = asyncio.ensure_future(told.is_full.wait())
    await asyncio.wait([source, enough], return_when=asyncio.FIRST_COMPLETED)
    if source.done():
        await source
    source.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    asyncio.run(listen(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), int(sys.argv[2])), debug=True)
