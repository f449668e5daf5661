# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the action plugins run their module."""

from __future__ import annotations

import io
import types

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.evercert.entra.plugins.action import (
    application_certificate_renew,
    application_certificate_verify,
)
from ansible_collections.evercert.entra.plugins.plugin_utils._visible import show_lines_at_once
from ansible_collections.evercert.entra.plugins.plugin_utils._waiting import SLICES

BOTH = pytest.mark.parametrize("plugin", [application_certificate_renew, application_certificate_verify])


def an_action(plugin, arguments, *, async_val=0, no_log=False):
    """An action whose module answers at once; `calls` keeps how it was asked."""
    task = types.SimpleNamespace(args=arguments, async_val=async_val, check_mode=False, no_log=no_log)
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/tmp/x"))
    action = plugin.ActionModule(task, connection, None, None, None, None)
    action.calls = []
    action._early_needs_tmp_path = lambda: False

    def execute(module_args=None, task_vars=None, wrap_async=False):
        action.calls.append({"module_args": module_args, "task_vars": task_vars, "wrap_async": wrap_async})
        return {"changed": True}

    action._execute_module = execute
    return action


@BOTH
def test_the_module_of_the_same_name_runs_in_a_slice(plugin):
    action = an_action(plugin, {"app_id": "1"})

    result = action.run(task_vars={"inventory_hostname": "host"})

    assert result == {"changed": True}
    assert action.calls == [
        {
            "module_args": {"app_id": "1", "_waiting": {"slice": SLICES[0], "carry": {}}},
            "task_vars": {"inventory_hostname": "host"},
            "wrap_async": False,
        }
    ]


@BOTH
def test_async_runs_the_module_as_it_is(plugin):
    action = an_action(plugin, {"app_id": "1"}, async_val=60)

    action.run(task_vars={})

    assert action.calls == [{"module_args": None, "task_vars": {}, "wrap_async": True}]


@BOTH
def test_what_a_user_typed_is_refused(plugin):
    action = an_action(plugin, {"app_id": "1", "_waiting": {"carry": {}}})

    with pytest.raises(AnsibleActionFail, match="Unsupported option: _waiting"):
        action.run(task_vars={})
    assert not action.calls


@pytest.mark.parametrize(
    ("arguments", "carry", "expected"),
    [
        ({"app_id": "1"}, {}, "host, 1"),
        ({"app_id": "1"}, {"progress": {"display_name": "payroll"}}, "host, payroll"),
        ({"app_id": "1"}, {"progress": None}, "host, 1"),
        ({"object_id": "2"}, {}, "host, 2"),
        ({"key_store": "/etc/payroll/", "client_id": "an administrator"}, {}, "host, payroll"),
        ({}, {}, "host"),
    ],
)
def test_the_application_goes_by_the_best_name_known(arguments, carry, expected):
    action = an_action(application_certificate_renew, arguments)

    assert action._subject(carry, {"inventory_hostname": "host"}) == expected


def test_no_log_names_the_host_alone():
    action = an_action(application_certificate_renew, {"app_id": "1"}, no_log=True)

    assert action._subject({}, {"inventory_hostname": "host"}) == "host"


def test_every_call_is_on_the_original_arguments():
    """The carry of one call is not left in the task, which may run again for another loop item."""
    arguments = {"app_id": "1"}
    action = an_action(application_certificate_renew, arguments)

    action.run(task_vars={})

    assert arguments == {"app_id": "1"}


def test_a_line_leaves_for_a_pipe_as_soon_as_it_is_written():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(raw))
    stream.write("buffered\n")
    assert raw.getvalue() == b""

    show_lines_at_once(stream)
    stream.write("waiting\n")

    assert raw.getvalue() == b"buffered\nwaiting\n"


def test_a_stream_that_has_no_buffering_to_change_is_left_alone():
    show_lines_at_once(io.StringIO())
