# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments and environments of a play's processes, looked at again and again while it runs."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

INTERVAL = 0.04  # seconds; a module lives ten times as long


class Watch:
    """A context manager; afterwards `arguments` and `environments` hold all that was seen."""

    def __init__(self, mark):
        self._mark = mark  # in the environment of every process that is meant
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_around, daemon=True)
        self.arguments, self.environments = set(), set()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._ended.set()
        self._thread.join()

    def _look_around(self):
        while not self._ended.wait(INTERVAL):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):  # it has ended
                    environment = (process / "environ").read_bytes()
                    if self._mark in environment:
                        self.environments.add(environment)
                        self.arguments.add((process / "cmdline").read_bytes())
