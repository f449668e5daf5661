# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An action's call of a module, with ansible-core's own parts around it: which door it takes, and what comes back."""

from __future__ import annotations

import os
import sys
import types

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.module_utils.basic import AnsibleModule
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import shell_loader
from ansible.template import Templar, trust_as_template
from ansible.utils.display import Display
from ansible_collections.evercert.entra.plugins.plugin_utils import _core_parts, _door
from ansible_collections.evercert.entra.plugins.plugin_utils._either_door import EitherDoorAction

NAME = "application_certificate_info"
VARIABLES = {"ansible_python_interpreter": sys.executable}


def main():
    made = AnsibleModule(argument_spec={"app_id": {}, "secret": {"no_log": True}}, supports_check_mode=True)
    made.exit_json(changed=True, app_id=made.params["app_id"], variable=os.environ.get("ENTRA_TEST"), pid=os.getpid())


class Action(EitherDoorAction):
    modules = (types.SimpleNamespace(__name__=f"somewhere.modules.{NAME}", main=main),)

    def run(self, tmp=None, task_vars=None):
        raise NotImplementedError


def an_action(tmp_path, variables, **task):
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))
    wanted = {"async_val": 0, "environment": None, "delegate_to": None, "check_mode": False, "no_log": False}
    made = types.SimpleNamespace(**{"action": f"evercert.entra.{NAME}", "args": {}, "diff": False, **wanted, **task})
    shell = shell_loader.get("sh")
    shell.tmpdir = None
    connection = types.SimpleNamespace(transport="local", become=None, _shell=shell, socket_path=None)
    play_context = types.SimpleNamespace(executable="/bin/sh")
    return Action(made, connection, play_context, loader, Templar(loader=loader, variables=variables), None)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call the module; its result, or "a process of its own" in place of one."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ActionBase, "get_shell_option", lambda self, option, default=None: default)
    core = ActionBase._execute_module

    def execute(action, **named):
        return core(action, **named) if action._visit else "a process of its own"

    monkeypatch.setattr(ActionBase, "_execute_module", execute)

    def make(arguments=None, variables=None, change=None, **task):
        chosen = {**VARIABLES, **(variables or {})}
        action = an_action(tmp_path, chosen, **task)
        (change or (lambda made: None))(action)
        return action._execute_module(module_args=arguments or {}, task_vars=chosen)

    return make


def test_the_module_runs_in_this_process(call):
    result = call({"app_id": "1"})

    assert (result["changed"], result["app_id"], result["pid"]) == (True, "1", os.getpid())


def test_the_environment_of_the_task_reaches_it(call):
    environment = [{"ENTRA_TEST": "outer"}, {"ENTRA_TEST": trust_as_template("{{ 40 + 2 }}")}]

    assert call(environment=environment)["variable"] == "42"
    assert "ENTRA_TEST" not in os.environ


def test_a_refused_option_is_its_failure(call):
    result = call({"apid": "1"})

    assert result["failed"] and "Unsupported parameters" in result["msg"]


def with_become(action):
    action._connection.become = types.SimpleNamespace(name="sudo")


def remote(action):
    action._connection.transport = "ssh"


@pytest.mark.parametrize(
    "task",
    [
        {"change": with_become},
        {"change": remote},
        {"async_val": 5},
        {"variables": {"ansible_python_interpreter": "/nowhere/python"}},
        {"variables": {"ansible_python_interpreter": "auto"}},
        {"variables": {"entra_in_process": "never"}},
        {"environment": [{"PYTHONPATH": "/nowhere"}]},
        {"action": "evercert.entra.something_else"},
    ],
    ids=["become", "ssh", "async", "python", "discovery", "never", "environment", "another module"],
)
def test_a_process_of_its_own(call, task):
    assert call(**task) == "a process of its own"


def test_what_must_run_here_and_cannot_says_why(call):
    with pytest.raises(AnsibleActionFail, match=r"entra_in_process is always, but become \(sudo\) is used\."):
        call(variables={"entra_in_process": "always"}, change=with_become)


def test_a_wish_that_there_is_not_is_refused(call):
    with pytest.raises(AnsibleActionFail, match="entra_in_process must be auto, always or never, not 'True'"):
        call(variables={"entra_in_process": True})


def test_the_wish_may_be_a_template(call):
    assert call(variables={"entra_in_process": trust_as_template("{{ 'never' }}")}) == "a process of its own"


def test_the_python_may_be_a_template(call):
    python = trust_as_template("{{ ansible_playbook_python }}")

    assert call(variables={"ansible_python_interpreter": python, "ansible_playbook_python": sys.executable})["changed"]


def test_a_python_that_was_discovered_counts(call):
    facts = {"discovered_interpreter_python": sys.executable}

    assert call(variables={"ansible_python_interpreter": "auto_silent", "ansible_facts": facts})["changed"]


def test_with_delegation_the_other_hosts_python_counts(call):
    elsewhere = {"ansible_delegated_vars": {"other": {"ansible_python_interpreter": "/nowhere/python"}}}

    assert call(variables=elsewhere, delegate_to="other") == "a process of its own"


def test_files_that_are_kept_need_a_module_that_is_sent(call, monkeypatch):
    real = C.config.get_config_value
    kept = "DEFAULT_KEEP_REMOTE_FILES"
    monkeypatch.setattr(C.config, "get_config_value", lambda name, **rest: name == kept or real(name, **rest))

    assert call() == "a process of its own"


def test_an_ansible_core_with_other_names_gets_processes(call, monkeypatch):
    monkeypatch.setattr(_core_parts, "MISFITS", ["ansible.nowhere.x"])
    told = []
    monkeypatch.setattr(Display, "warning", lambda self, text: told.append(text))

    assert call() == "a process of its own"
    assert len(told) == 1 and "ansible.nowhere.x" in told[0]
    with pytest.raises(AnsibleActionFail, match=r"entra_in_process is always, but ansible-core .* ansible\.nowhere\.x"):
        call(variables={"entra_in_process": "always"})


def test_an_untested_ansible_core_gets_processes_and_one_warning_unless_it_is_forced(call, monkeypatch):
    monkeypatch.setattr(_core_parts, "VERSION", f"{_door.NEWEST[0]}.{_door.NEWEST[1] + 1}.0rc1")
    told = []
    monkeypatch.setattr(Display, "warning", lambda self, text: told.append(text))

    assert call() == "a process of its own"
    assert call(variables={"entra_in_process": "never"}) == call(change=remote) == "a process of its own"
    assert len(told) == 1
    assert call(variables={"entra_in_process": "always"})["changed"] and len(told) == 1


def test_a_command_that_is_not_the_modules_own_does_not_run_it(call, monkeypatch):
    """Whatever else ansible-core would have done meanwhile is done as ever."""
    others = []
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", lambda self, cmd, **more: others.append(cmd))

    def also_list(action):
        core = action._configure_module
        action._configure_module = lambda **named: (
            action._low_level_execute_command("ls", in_data=b""),
            core(**named),
        )[1]

    assert call({"app_id": "1"}, change=also_list)["app_id"] == "1"
    assert others == ["ls"]


def test_a_mistake_of_the_module_is_not_tried_again(call, monkeypatch):
    begun = []

    def end_badly():
        begun.append(True)
        raise KeyboardInterrupt

    monkeypatch.setattr(Action.modules[0], "main", end_badly)

    with pytest.raises(KeyboardInterrupt):
        call()
    assert begun == [True]


def test_no_directory_is_made_for_what_is_not_sent(call):
    def forbid(action):
        action._make_tmp_path = lambda: pytest.fail("a directory was made")

    assert call(change=forbid)["changed"]
