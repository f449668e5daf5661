# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the action plugins sign in before their module runs, and what they refuse."""

from __future__ import annotations

import types
from pathlib import Path

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.evercert.entra.plugins.action import (
    application_certificate,
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
    application_report,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import explain
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, SignInRefused
from ansible_collections.evercert.entra.plugins.plugin_utils import _controller_sign_in as controller
from ansible_collections.evercert.entra.plugins.plugin_utils import _core_parts

PLUGINS = [
    application_certificate,
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
    application_report,
]
EVERY = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.__name__.rpartition(".")[2])
TOKEN = {"auth_source": "access_token", "access_token": "eyJ", "tenant_id": "t"}


def an_action(plugin, arguments, *, async_val=0, has_pipelining=True, become=None):
    """An action whose module answers at once; `calls` keeps how it was asked."""
    task = types.SimpleNamespace(args=arguments, async_val=async_val, check_mode=False, no_log=False)
    connection = types.SimpleNamespace(
        _shell=types.SimpleNamespace(tmpdir=None),
        has_pipelining=has_pipelining,
        become=become,
        transport="paper",
        is_pipelining_enabled=lambda wrap_async: False,
    )
    action = plugin.ActionModule(task, connection, None, None, None, None)
    action.calls = []
    action._early_needs_tmp_path = lambda: False

    def execute(module_args=None, task_vars=None, wrap_async=False):
        action.calls.append((module_args, action._is_pipelining_enabled("new"), wrap_async))
        return {"changed": True}

    action._execute_module = execute
    return action


@pytest.fixture
def signed_in(monkeypatch):
    """What the sign-in was asked for."""
    asked = []

    def sign_in(options, say, scopes):
        asked.append((options, scopes))
        return dict(TOKEN)

    monkeypatch.setattr(controller, "sign_in", sign_in)
    return asked


def test_every_module_has_an_action_plugin_of_its_name():
    """Without one, auth_source device_code would end in the module, which cannot show a code."""
    plugins = Path(application_certificate.__file__).parents[1]
    names = [{path.stem for path in (plugins / folder).glob("*.py")} for folder in ("modules", "action")]

    assert names[0] <= names[1]


@EVERY
def test_the_module_gets_the_token_through_a_pipe(plugin, signed_in):
    action = an_action(plugin, {"app_id": "1", "auth_source": "device_code", "tenant": "t"})

    assert action.run(task_vars={"inventory_hostname": "host"})["changed"]

    ((arguments, is_piped, wrap_async),) = action.calls
    assert {name: value for name, value in arguments.items() if name != "_waiting"} == {"app_id": "1", **TOKEN}
    assert is_piped and not wrap_async


@EVERY
def test_no_other_way_to_sign_in_concerns_the_controller(plugin, signed_in):
    action = an_action(plugin, {"app_id": "1", "auth_source": "auto"})

    action.run(task_vars={})

    ((arguments, is_piped, _async),) = action.calls
    assert "access_token" not in arguments and not is_piped and not signed_in


@EVERY
def test_what_only_reads_asks_for_no_more(plugin, signed_in):
    an_action(plugin, {"auth_source": "device_code"}).run(task_vars={})

    reads = plugin in (application_certificate_info, application_certificate_verify, application_report)
    assert signed_in[0][1] == (controller.READ if reads else controller.WRITE)


@EVERY
def test_the_tasks_own_options_stay_as_they_are(plugin, signed_in):
    """A task may run again for another loop item."""
    given = {"auth_source": "device_code", "tenant": "t"}

    an_action(plugin, given).run(task_vars={})

    assert given == {"auth_source": "device_code", "tenant": "t"}


@EVERY
def test_async_runs_the_module_as_it_is(plugin, signed_in):
    action = an_action(plugin, {"app_id": "1"}, async_val=60)

    action.run(task_vars={})

    assert action.calls == [(None, False, True)]


@EVERY
def test_async_is_refused_where_a_person_signs_in(plugin, signed_in):
    with pytest.raises(AnsibleActionFail, match="device_code cannot be combined with async, where nobody sees"):
        an_action(plugin, {"auth_source": "device_code"}, async_val=60).run(task_vars={})
    assert not signed_in


def test_a_connection_without_pipelining_is_refused_before_the_sign_in(signed_in):
    action = an_action(application_certificate_info, {"auth_source": "device_code"}, has_pipelining=False)

    with pytest.raises(AnsibleActionFail, match=r"needs pipelining.*connection plugin paper has none\. Use"):
        action.run(task_vars={})
    assert not signed_in


def test_an_ansible_core_that_decides_on_pipelining_in_an_unknown_way_is_refused(signed_in, monkeypatch):
    monkeypatch.setattr(_core_parts, "MISFITS", [_core_parts.PIPELINING])
    action = an_action(application_certificate_info, {"auth_source": "device_code"})

    with pytest.raises(AnsibleActionFail, match=r"needs pipelining.*ansible-core .* decides on it in another way"):
        action.run(task_vars={})
    assert not action.calls


def test_a_become_method_without_pipelining_is_refused(signed_in):
    become = types.SimpleNamespace(pipelining=False, name="su")
    action = an_action(application_certificate_info, {"auth_source": "device_code"}, become=become)

    with pytest.raises(AnsibleActionFail, match="become method su has none"):
        action.run(task_vars={})


def test_files_that_are_kept_are_refused(signed_in, monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: name == "DEFAULT_KEEP_REMOTE_FILES")

    with pytest.raises(AnsibleActionFail, match="ANSIBLE_KEEP_REMOTE_FILES, which would leave the token in a file"):
        an_action(application_certificate_info, {"auth_source": "device_code"}).run(task_vars={})
    assert not signed_in


@pytest.mark.parametrize(
    "error, expected",
    [
        (InvalidInput(["A.", "B."]), {"failed": True, "msg": "A. B.", "problems": ["A.", "B."]}),
        (SignInRefused("No.", explain("sign_in_declined", "host", {})), {"failed": True, "msg": "No."}),
    ],
    ids=["options", "refusal"],
)
def test_a_failed_sign_in_is_the_tasks_failure(monkeypatch, error, expected):
    def refuse(*asked):
        raise error

    monkeypatch.setattr(controller, "sign_in", refuse)
    action = an_action(application_certificate_info, {"auth_source": "device_code"})

    result = action.run(task_vars={})

    assert expected.items() <= result.items()
    assert result["diagnosis"]["code"] in ("invalid_input", "sign_in_declined")
    assert not action.calls


@pytest.mark.parametrize("given", [{"sources": ["/report.json"]}, {"results": [{"tenant_id": "t", "result": {}}]}])
def test_nobody_is_asked_for_a_code_where_no_tenant_is_asked(signed_in, given):
    action = an_action(application_report, {"auth_source": "device_code", "directory": "/report", **given})

    assert action.run(task_vars={})["changed"]
    assert signed_in == []
