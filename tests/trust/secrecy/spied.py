# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose interpreter keeps whatever was sent to it in files and in its environment."""

from __future__ import annotations

import sys

# Keeps the environment and the files that it is given, then is Python.
SPY = """#!/bin/sh
seen=$(mktemp {folder}/XXXXXX)
env > "$seen"
for one in "$@"; do if [ -f "$one" ]; then cat "$one" >> "$seen"; fi; done
exec {python} "$@"
"""


class Host:
    """A host of the inventory, and everything that came to it."""

    def __init__(self, folder):
        folder.mkdir()
        self.seen = folder / "seen"
        self.seen.mkdir()
        self.python = folder / "python"
        self.python.write_text(SPY.format(folder=self.seen, python=sys.executable))
        self.python.chmod(0o700)

    @property
    def variables(self):
        return {"ansible_connection": "local", "ansible_python_interpreter": str(self.python)}

    @property
    def heard(self):
        return b"\n".join(path.read_bytes() for path in self.seen.iterdir())
