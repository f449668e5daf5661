# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook at its most talkative, and everything that it leaves behind, searched."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from secrecy.watch import Watch

HERE = Path(__file__).resolve().parent
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
# "Debug output can also include secret information despite no_log settings" (DEFAULT_DEBUG): ansible-core writes the
# arguments of every module there, in this one line. All else that it says is searched.
CORES_OWN = re.compile(rb"^ *\d+ [\d.]+: done with _execute_module \(.*$", re.MULTILINE)
KEY_FILES = ("key.pem", "bundle.pem", "bundle.pfx")


class Stage:
    """A folder below which everything happens. `inputs` holds secrets, because the test itself has put them there."""

    def __init__(self, folder, hunt):
        self.folder, self.hunt = folder, hunt
        self.inputs, self.stores = folder / "inputs", folder / "stores"
        for path in (self.inputs, self.stores, *(folder / name for name in ("home", "cache", "junit"))):
            path.mkdir(mode=0o700)
        self.printed, self.arguments, self.environments = b"", set(), set()

    def keep(self, name, content):
        """An input: a file that only its owner reads."""
        path = self.inputs / name
        path.touch(0o600)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def play(self, playbook, hosts, variables, *options, **environment):
        """The exit code. Variables come from a file, as from a vault: no secret is in a playbook or inventory."""
        inventory = self.keep("inventory.json", json.dumps({"all": {"hosts": hosts}}))
        secret = self.keep("variables.json", json.dumps(variables))
        command = [PLAYBOOK, playbook, "-i", inventory, "-e", f"@{secret}", "-vvvvvv", "--diff", *options]
        return self._run(command, environment)

    def list(self, text, *options, **environment):
        """The exit code of `ansible-inventory --list` for such a file, which holds its secrets itself."""
        inventory = self.keep("stage.evercert_entra.yml", text)
        command = [PLAYBOOK.with_name("ansible-inventory"), "-i", inventory, "--list", "-vvvvvv", *options]
        return self._run(command, environment)

    def listen(self, arguments, events):
        """The exit code of the event source, ended after so many events; its arguments come from a file, too."""
        given = self.keep("arguments.json", json.dumps(arguments))
        return self._run([sys.executable, HERE / "listener.py", given, str(events)], {})

    def _run(self, command, environment):
        with Watch(str(self.folder).encode()) as seen:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env={**os.environ, **self._surroundings(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        self.printed += done.stdout
        self.arguments |= seen.arguments
        self.environments |= seen.environments
        return done.returncode

    def play_tasks(self, tasks, variables, defaults=None, **environment):
        play = {"name": "Attack", "hosts": "all", "gather_facts": False, "tasks": tasks}
        path = self.folder / "play.json"
        path.write_text(json.dumps([{**play, "module_defaults": {"group/evercert.entra.entra": defaults or {}}}]))
        return self.play(str(path), {"testhost": HOST}, variables, **environment)

    def _surroundings(self):
        temporary = str(self.folder)
        return {
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.folder / "cache"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "everything,ansible.builtin.junit",
            "ANSIBLE_DEBUG": "1",
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / "home" / "async"),
            "ANSIBLE_LOCAL_TEMP": temporary,
            "ANSIBLE_LOG_PATH": str(self.folder / "ansible.log"),
            "ANSIBLE_LOG_VERBOSITY": "6",
            "ANSIBLE_REMOTE_TEMP": temporary,
            "EVERYTHING": str(self.folder / "results.jsonl"),
            "EARS": temporary,
            "HOME": str(self.folder / "home"),
            "JUNIT_OUTPUT_DIR": str(self.folder / "junit"),
            "PYTHONPATH": os.pathsep.join([str(HERE / "ears"), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "TMPDIR": temporary,
        }

    # Afterwards

    @property
    def results(self):
        """What the callback was told of each task at last: the result, and whether it counts as failed."""
        lines = (self.folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
        return {line["task"]: {**line["result"], "failed": line["failed"]} for line in map(json.loads, lines)}

    @property
    def key_files(self):
        """The only places of the collection's own where a private key may be."""
        return [path for name in KEY_FILES for path in self.stores.rglob(f"versions/*/{name}")]

    def learn_keys(self):
        """The keys that were made meanwhile become needles; they are where they belong, for their owner alone."""
        for path in self.key_files:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            if path.name == "key.pem":
                key = serialization.load_pem_private_key(path.read_bytes(), None)
                self.hunt.add_private_key("private key in a store", key)

    def heard(self, log):
        """How many lines "syslog" or "journal" was sent."""
        return len((self.folder / log).read_text(encoding="utf-8").splitlines())

    def findings(self):
        """Where anything secret was found, and whose it is."""
        found = self.hunt.found_in_files(self.folder, but=[self.inputs, *self.key_files])
        found["(printed)"] = sorted(self.hunt.found_in(CORES_OWN.sub(b"", self.printed)))
        found["(arguments)"] = sorted(self.hunt.found_in(b"\0".join(self.arguments)))
        found["(environments)"] = sorted(self.hunt.found_in(b"\0".join(self.environments)))
        return {place: names for place, names in found.items() if names}


HOST = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
