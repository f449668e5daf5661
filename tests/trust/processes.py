# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as processes of their own, many and fast: one parent imports everything, each run is a fork of it.

As a program it is that parent: each line it reads is a list of runs to start at once, each line it writes their ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


class Processes:
    """The parent, seen from a test. A context manager."""

    def __enter__(self):
        command = [sys.executable, __file__]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        return self

    def __exit__(self, *exception):
        self._parent.stdin.close()
        self._parent.wait()

    def run(self, *runs):
        """Start these runs at once; how each ended: its exit code (negative for a signal) and its result."""
        self._parent.stdin.write(json.dumps(runs) + "\n")
        ends = json.loads(self._parent.stdout.readline())
        return [(end["code"], json.loads(end["said"]) if end["said"].strip() else None) for end in ends]


def a_run(folder, arguments, kill_at=None):
    """One run of application_certificate_renew; `folder` gets its output and its trace."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"folder": str(folder), "arguments": arguments, "kill_at": kill_at}


def trace_of(folder):
    """The moments of a run."""
    return (folder / "trace").read_text(encoding="utf-8").splitlines()


def main():
    sys.path[:0] = [str(TESTS), str(TESTS / "trust" / "ambush")]
    import sometimes

    sometimes.watch()  # before anything takes a function by its name
    from ansible_collections.evercert.entra.plugins.modules import application_certificate_renew

    for line in sys.stdin:
        children = [(_start(application_certificate_renew, run), run) for run in json.loads(line)]
        ends = []
        for pid, run in children:
            _pid, status = os.waitpid(pid, 0)
            said = Path(run["folder"], "out").read_text(encoding="utf-8")
            ends.append({"code": os.waitstatus_to_exitcode(status), "said": said})
        print(json.dumps(ends), flush=True)


def _start(module, run):
    pid = os.fork()
    if pid == 0:
        try:
            _be(module, run)
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code or 0)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    return pid


def _be(module, run):
    """The child: its output goes to a file, and the ambush is laid."""
    from ambush import DURABLE, TRANSPORT, Ambush
    from ansible.module_utils.testing import patch_module_args

    folder = Path(run["folder"])
    output = os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    (folder / "trace").unlink(missing_ok=True)
    hidden = Ambush(folder / "trace", run["kill_at"])
    for name in (DURABLE, TRANSPORT):
        hidden.lie_in_wait(sys.modules[name])
    with patch_module_args(run["arguments"]):
        module.main()


if __name__ == "__main__":
    main()
