# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the emulator and print how to reach it: start.py DIRECTORY EMULATOR [ARGUMENT ...]

It ends when the ansible-playbook that started it ends, in whatever way: a second process watches both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 60  # seconds


def main():
    if sys.argv[1] == "--watch":
        return watch(int(sys.argv[2]), sys.argv[3:])
    directory, command = Path(sys.argv[1]), sys.argv[2:]
    directory.mkdir(parents=True, exist_ok=True)
    endpoint, log = directory / "endpoint.json", directory / "emulator.log"
    endpoint.unlink(missing_ok=True)
    with log.open("wb") as output:
        watcher = subprocess.Popen(
            [sys.executable, __file__, "--watch", str(playbook_above(os.getppid())), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and watcher.poll() is None:
        if b"\nready\n" in log.read_bytes():
            print(endpoint.read_text(encoding="utf-8"))
            return 0
        time.sleep(0.05)
    sys.exit(f"The emulator did not start. It said: {log.read_text(encoding='utf-8')}")


def watch(playbook, command):
    emulator = subprocess.Popen([sys.executable, *command])
    while emulator.poll() is None and is_alive(playbook):
        time.sleep(0.2)
    emulator.terminate()
    return emulator.wait()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def playbook_above(pid):
    """The ansible-playbook process that started this task: its worker processes, below it, end with each task."""
    found = None
    while pid > 1:
        parent, command = process(pid)
        if "ansible-playbook" in command:
            found = pid
        elif found:
            break
        pid = parent
    return found or os.getppid()


def process(pid):
    """A process's parent and command line; minimal systems have no ps, others no /proc."""
    status = Path("/proc", str(pid))
    if status.exists():
        parent = status.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        return int(parent), status.joinpath("cmdline").read_text(encoding="utf-8")
    asked = ["ps", "-o", "ppid=,command=", "-p", str(pid)]
    parent, command = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split(None, 1)
    return int(parent), command


if __name__ == "__main__":
    sys.exit(main())
