# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module in a process that is not its own: what it says arrives, and nothing of it stays."""

from __future__ import annotations

import json
import os
import sys

import pytest
from ansible.module_utils import _internal, basic
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common import warnings
from ansible_collections.evercert.entra.plugins.plugin_utils import _core_parts, _in_process

OPTIONS = {"name": {"type": "str", "fallback": (basic.env_fallback, ["ENTRA_TEST_NAME"])}, "secret": {"no_log": True}}


def module(act):
    """A module's main around `act`."""

    def main():
        act(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True))

    return main


@pytest.fixture
def run(tmp_path):
    """Run a main; its result, and what ansible-core is told of the command."""

    def make(main, environment=None, **arguments):
        told = _in_process.run_here(main, _core_parts.packed(arguments), environment or {}, str(tmp_path))
        lines = [line for line in told["stdout_lines"] if line.startswith("{")]
        return (json.loads(lines[-1]) if lines else None), told

    return make


def test_a_result_arrives(run):
    result, told = run(module(lambda made: made.exit_json(changed=True, named=made.params["name"])), name="payroll")

    assert (result["changed"], result["named"], told["rc"], told["stderr"]) == (True, "payroll", 0, "")


def test_a_failure_arrives(run):
    result, told = run(module(lambda made: made.fail_json(msg="No.")))

    assert result["failed"] and result["msg"] == "No." and told["rc"] == 1


def test_check_mode_and_diff_mode_are_the_tasks(run):
    def act(made):
        made.exit_json(modes=[made.check_mode, made._diff])

    result, _told = run(module(act), _ansible_check_mode=True, _ansible_diff=True)

    assert result["modes"] == [True, True]


def test_options_are_checked_by_the_module_itself(run):
    result, _told = run(module(lambda made: made.exit_json()), nmae="payroll")

    assert result["failed"] and "Unsupported parameters" in result["msg"]


def test_secrets_are_taken_out_of_results(run):
    result, told = run(module(lambda made: made.exit_json(said=f"with {made.params['secret']}")), secret="s3cret-word")

    assert result["said"].startswith("with ***") and "s3cret-word" not in json.dumps(told)


def test_a_warning_is_part_of_the_result(run, monkeypatch):
    """On the controller it would be shown at once, and not be in what the task registers."""
    monkeypatch.setattr(_internal, "is_controller", True)

    result, _told = run(module(lambda made: (made.warn("Once."), made.exit_json())))

    assert result["warnings"][0]["event"]["msg"] == "Once."


def test_one_modules_warnings_are_not_the_next_ones(run):
    run(module(lambda made: (made.warn("Once."), made.exit_json())))
    result, _told = run(module(lambda made: made.exit_json()))

    assert "warnings" not in result


def test_a_mistake_in_the_code_is_a_failure_without_a_way_out(run):
    def act(made):
        raise RuntimeError("broken")

    result, told = run(module(act))

    assert result["failed"] and told["rc"] == 1 and "broken" in json.dumps(result["exception"])


def test_a_timeout_of_the_task_is_not_taken_for_a_mistake(run):
    class Timeout(BaseException):
        pass

    def act(made):
        raise Timeout

    with pytest.raises(Timeout):
        run(module(act))
    assert basic._ANSIBLE_ARGS is None


def test_the_environment_is_the_tasks_and_only_then(run, monkeypatch):
    monkeypatch.setenv("ENTRA_TEST_NAME", "outside")

    def act(made):
        os.environ["ENTRA_TEST_LEFT"] = "behind"
        made.exit_json(named=made.params["name"])

    result, _told = run(module(act), {"ENTRA_TEST_NAME": "inside"})

    assert result["named"] == "inside"
    assert os.environ["ENTRA_TEST_NAME"] == "outside" and "ENTRA_TEST_LEFT" not in os.environ


def test_relative_paths_start_where_commands_of_a_local_connection_start(run, tmp_path):
    before = os.getcwd()

    result, _told = run(module(lambda made: made.exit_json(where=os.getcwd())))

    assert (result["where"], os.getcwd()) == (str(tmp_path), before)


def test_nothing_of_it_stays(run, monkeypatch):
    monkeypatch.setattr(_internal, "is_controller", True)
    state = (basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, basic._PARSED_MODULE_ARGS, sys.stdout, sys.stderr)

    run(module(lambda made: (made.warn("Once."), made.exit_json())), secret="s3cret-word")

    assert state == (basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, basic._PARSED_MODULE_ARGS, sys.stdout, sys.stderr)
    assert _internal.is_controller and not warnings._global_warnings


def test_only_the_modules_own_command_is_meant():
    visit = _in_process.Visit("ping", lambda: None, {}, "/")
    built = visit.stand_in({})

    assert visit.is_meant_by(("python3", True, built.b_module_data)) and visit.is_undone
    assert not visit.is_meant_by(("mkdir /tmp/x", True, None, b""))
    assert not _in_process.Visit("ping", lambda: None, {}, "/").is_meant_by([built.b_module_data])


def test_what_is_sent_in_its_place_does_nothing():
    built = _in_process.Visit("ping", lambda: None, {}, "/").stand_in({"secret": "s3cret"})

    exec(built.b_module_data, {})
    assert built.module_style == "new" and b"s3cret" not in built.b_module_data


def test_secrets_are_not_in_what_is_shown_of_it():
    visit = _in_process.Visit("ping", lambda: None, {"ENTRA": "s3cret"}, "/")
    visit.stand_in({"secret": "s3cret"})

    assert "s3cret" not in repr(visit)
