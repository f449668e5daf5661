# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same death in a playbook: as a task of its own, and in the role with its several calls and its health check.

`make soak` dies at every moment, `make check` dies at one, just after the write: a play takes seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import oracle
import pytest
import scale
from real import a_place

AMBUSH = Path(__file__).resolve().parent / "ambush"
INTERPRETER = """\
#!/bin/sh
PYTHONPATH='{ambush}' EVERCERT_TRACE='{trace}' EVERCERT_KILL_AT='{kill_at}' exec '{python}' "$@"
"""


def as_a_task(arguments):
    return [{"evercert.entra.application_certificate_renew": arguments}]


def in_the_role(arguments):
    names = ("sign_ins", "sign_in_interval", "initial_pause", "sign_in_budget", "timeout_propagation", "overlap")
    variables = {f"renew_{name}": arguments[name] for name in names}
    application = {name: arguments[name] for name in ("app_id", "object_id", "key_store")}
    return [
        {
            "ansible.builtin.include_role": {"name": "evercert.entra.renew"},
            "vars": {**variables, "renew_applications": [application]},
        }
    ]


class Controller:
    """Plays on a host whose Python is ambushed: modules have processes of their own there."""

    killed = 2  # how a play ends whose module was killed: a failed task

    def __init__(self, folder, tasks, arguments):
        self._folder = folder
        connection = ("tenant_id", "authority_host", "graph_url", "ca_path", "auth_source")
        defaults = {"group/evercert.entra.entra": {name: arguments[name] for name in connection}}
        play = {"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}
        self.trace = folder / "trace"
        (folder / "play.json").write_text(json.dumps([play]), encoding="utf-8")

    def play(self, kill_at=""):
        """The exit code and what was said; `trace` holds the moments afterwards."""
        self.trace.unlink(missing_ok=True)
        host = {"ansible_connection": "local", **self.ambushed(str(kill_at))}
        (self._folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {"testhost": host}}}))
        command = [Path(sys.executable).parent / "ansible-playbook", "-i", "inventory.json", "play.json"]
        variables = os.environ | self.variables(str(kill_at))
        done = subprocess.run(command, cwd=self._folder, env=variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def variables(self, kill_at):
        """Of the process that plays."""
        return {}

    def ambushed(self, kill_at):
        """The variables of the host."""
        python = self._folder / "python"
        python.write_text(
            INTERPRETER.format(ambush=AMBUSH, trace=self.trace, kill_at=kill_at, python=sys.executable),
            encoding="utf-8",
        )
        python.chmod(0o700)
        return {"ansible_python_interpreter": str(python)}


class InProcess(Controller):
    """Modules run in the workers of Ansible: it is those that are killed, and Ansible ends the play."""

    killed = 1

    def variables(self, kill_at):
        plugins = {"ANSIBLE_CALLBACK_PLUGINS": str(AMBUSH / "callbacks"), "ANSIBLE_CALLBACKS_ENABLED": "lie_in_wait"}
        return {**plugins, "EVERCERT_TRACE": str(self.trace), "EVERCERT_KILL_AT": kill_at}

    def ambushed(self, kill_at):
        return {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "entra_in_process": "always"}


WAYS = [(Controller, as_a_task), (Controller, in_the_role), (InProcess, in_the_role)]


@scale.in_check
@pytest.mark.parametrize(("controls", "tasks"), WAYS, ids=lambda each: each.__name__)
def test_a_play_whose_module_is_killed_loses_nothing_and_the_next_one_converges(
    controls, tasks, server, processes, tmp_path
):
    place = a_place(server, processes, tmp_path, server.emulator.tenant.issue("somebody", -10, 200))
    before = tuple(place.credentials.values())
    foreign = before[1]
    template = tmp_path / "template"
    shutil.copytree(place.key_store, template, symlinks=True)
    arguments = place.as_the_application(overlap=0)
    controller = controls(tmp_path, tasks(arguments), arguments)
    code, said = controller.play()
    assert code == 0, said
    moments = controller.trace.read_text(encoding="utf-8").splitlines()
    fatal = [number for number, moment in enumerate(moments) if scale.SOAK or is_the_write(moment)]
    assert fatal, moments

    for number in fatal:
        place.begin_again(template, before)
        where = f"killed at {number}: {moments[number]}"
        code, said = controller.play(number)
        assert code == controls.killed and len(controller.trace.read_text().splitlines()) == number + 1, (
            f"{where}: {said}"
        )
        oracle.no_lock_out(place, where)
        oracle.consumers_sign_in(place, where)
        oracle.nothing_foreign_lost(place, foreign, where)
        oracle.no_key_lost(place, [foreign.certificate.thumbprint], where)
        oracle.nothing_secret_told(place, [], where)

        code, said = controller.play()
        assert code == 0, f"{where}: {said}"
        oracle.converged(place, foreign, (), where)
    scale.note("real_kills", modules_killed_in_plays=len(fatal))


def is_the_write(moment):
    return moment.startswith("received POST") and moment.endswith("addKey")
