# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the figures are taken: an emulator with a large tenant, and modules run against it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / ".cache" / "bench"
PROGRAMS = Path(sys.executable).parent
PATIENCE = 300  # seconds; hundreds of key pairs take their time


class Broken(Exception):
    """Something did not run; the message is one sentence."""


@dataclass(frozen=True)
class World:
    """A running emulator, as the modules find it: by environment variables."""

    directory: Path
    endpoint: dict
    process_id: int
    generated: int

    @property
    def variables(self):
        return os.environ | self.endpoint | {"ANSIBLE_DEPRECATION_WARNINGS": "false"}

    def counters(self, since=0):
        """Requests by operation and by status since a mark, and what they cost."""
        return self._control(f"/counters/{since}")

    def act(self, action, **arguments):
        """Bend the emulated world."""
        return self._control(f"/actions/{action}", json.dumps(arguments).encode())

    def _control(self, path, content=None):
        trust = ssl.create_default_context(cafile=self.endpoint["ENTRA_CA_PATH"])
        https = urllib.request.HTTPSHandler(context=trust)
        opener = urllib.request.build_opener(https, urllib.request.ProxyHandler({}))
        url, headers = f"{self.endpoint['ENTRA_EMULATOR_CONTROL']}{path}", {"Content-Type": "application/json"}
        with opener.open(urllib.request.Request(url, content, headers), timeout=PATIENCE) as answer:
            return json.load(answer)

    def cpu_seconds(self):
        """What the emulator itself has used so far; it shares the machine with what is measured."""
        times = Path(f"/proc/{self.process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(map(int, times[11:13])) / os.sysconf("SC_CLK_TCK")

    def trust(self, bundle):
        """Whoever is measured trusts these authorities too; a task out in the field trusts more than a hundred."""
        with Path(self.endpoint["ENTRA_CA_PATH"]).open("ab") as file:
            file.write(bundle.read_bytes())

    def key_pair(self, name):
        return self.directory / "keys" / f"{name}.pem"

    def key_store(self, name):
        return self.directory / "stores" / name

    def run_module(self, name, **options):
        """A module through Ansible, as a task runs it."""
        command = [PROGRAMS / "ansible", "localhost", "-m", f"evercert.entra.{name}", "-a", json.dumps(options)]
        run(command, self.variables)


@contextmanager
def emulated(applications, scenario=None):
    """An emulator with so many generated applications, for as long as the block runs."""
    scenario = scenario or Path(__file__).with_name("tenant.yml")
    PLACE.mkdir(parents=True, exist_ok=True)
    log = PLACE / "emulator.log"
    command = [sys.executable, ROOT / "tests" / "emulator", "--directory", PLACE]
    command += ["--scenario", scenario, "--applications", str(applications), "--name", "graph.microsoft.com"]
    # What is measured here without an overlap happens after a week elsewhere, when no key is young.
    command += ["--switch", "young_key_refused=0"]
    with log.open("wb") as output:
        emulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + PATIENCE
        while b"\nready\n" not in log.read_bytes():
            if emulator.poll() is not None or time.monotonic() > deadline:
                raise Broken(f"The emulator did not start; see {log.relative_to(ROOT)}.")
            time.sleep(0.05)
        endpoint = json.loads((PLACE / "endpoint.json").read_text(encoding="utf-8"))
        yield World(PLACE, endpoint, emulator.pid, applications)
    finally:
        emulator.terminate()
        emulator.wait()


@dataclass(frozen=True)
class Cost:
    """What one process took; `cpu` is in seconds too, with that of what it started."""

    seconds: float
    megabytes: float
    cpu: float = 0.0


def run(command, variables, watch=None):
    """Run a command to its end and measure it, with what it started; its output is shown only when it fails."""
    words = [str(word) for word in command]
    output = PLACE / "output.log"
    started = time.monotonic()
    with output.open("wb") as said:
        process = subprocess.Popen(words, env=variables, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        if watch:
            watch(process.pid)
        _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = output.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise Broken(f"{Path(words[0]).name} ended with {process.returncode}: {tail}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Cost(seconds, kilobytes / 1024, usage.ru_utime + usage.ru_stime)
