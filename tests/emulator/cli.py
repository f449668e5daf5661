# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command: python tests/emulator."""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
import threading
from contextlib import nullcontext
from pathlib import Path

from . import scenario
from .app import Emulator
from .server import HttpsServer, MachineServer


def parser():
    made = argparse.ArgumentParser(
        prog="python tests/emulator",
        description="Microsoft Entra and Microsoft Graph for rehearsals: stateful, over HTTPS, with faults on demand.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    made.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    made.add_argument("--name", action="append", default=[], help="one more host name that its certificate is for")
    made.add_argument("--directory", type=Path, help="for ca.pem, environment.sh, endpoint.json, keys/ (default: new)")
    made.add_argument("--scenario", type=Path, help="YAML or JSON file that describes the tenant")
    made.add_argument("--applications", type=int, default=0, metavar="N", help="generate so many applications more")
    made.add_argument("--seed", type=int, help="for everything random (default: the scenario's, or 0)")
    made.add_argument("--log", type=Path, help="request log, one JSON line each (default: DIRECTORY/requests.jsonl)")
    made.add_argument("--record", type=Path, help="full exchanges, one JSON line each, for the contract check")
    made.add_argument("--throttle", action="store_true", help="count resource units and answer 429 beyond the limits")
    made.add_argument("--identity", default="manager", help="whose client id and secret are printed (default: manager)")
    made.add_argument("--switch", action="append", default=[], metavar="NAME=JSON", help="decide what is open")
    made.add_argument("--machine", action="store_true", help="serve managed identities too, by plain HTTP")
    return made


def main(arguments=None):
    options = parser().parse_args(arguments)
    directory = options.directory or Path(tempfile.mkdtemp(prefix="entra-emulator-"))
    emulator = Emulator(_tenant(options, directory), log=options.log or _log_in(directory), record=options.record)
    with HttpsServer(emulator, directory, options.host, options.port, options.name) as server:
        for name, value in server.describe(options.identity).items():
            print(f"export {name}='{value}'")
        with MachineServer(emulator) if options.machine else nullcontext() as machine:
            if machine:
                print(f"export AZURE_POD_IDENTITY_AUTHORITY_HOST='{machine.url}'")
            print("ready", flush=True)
            _wait_for_signal()
    return 0


def _log_in(directory):
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "requests.jsonl"


def _tenant(options, directory):
    description = scenario.read(options.scenario) if options.scenario else {}
    description["generate"] = description.get("generate", 0) + options.applications
    if options.seed is not None:
        description["seed"] = options.seed
    tenant = scenario.build(description, keys_directory=directory / "keys")
    tenant.throttle.enabled = tenant.throttle.enabled or options.throttle
    tenant.switches.set(**{name: json.loads(value) for name, _equals, value in map(_parted, options.switch)})
    return tenant


def _parted(text):
    return text.partition("=")


def _wait_for_signal():
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_received: stop.set())
    stop.wait()
