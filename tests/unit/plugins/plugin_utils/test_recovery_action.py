# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of a recovery: what is refused before anybody signs in, and how the modules get the token."""

from __future__ import annotations

import types

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.evercert.entra.plugins.action import application_recovery
from ansible_collections.evercert.entra.plugins.plugin_utils import _controller_sign_in as controller

TASK = {
    "tenant_id": "11111111-2222-3333-4444-555555555555",
    "app_id": "11111111-2222-3333-4444-555555555555",
    "key_store": "/nowhere",
    "client_id": "11111111-2222-3333-4444-555555555555",
    "client_secret": "s3cret",
}
TOKEN = {
    "auth_source": "access_token",
    "access_token": "eyJ",
    "tenant_id": "t",
    "cloud": "public",
    "authority_host": "a",
    "graph_url": "g",
}
ACCESS = {
    "steps": [],
    "missing": [],
    "granted": [],
    "blocked": [],
    "not_handled": [],
    "app_id": "a",
    "object_id": "o",
    "diff": {"before": {"permissions": []}, "after": {"permissions": []}},
}
RENEWAL = {"changed": False, "steps": [], "certificate": None, "diff": {"before": {}, "after": {}}}
VERIFY = {"verified": True, "checks": []}


def an_action(arguments, check=False, no_log=False, **task):
    """An action whose modules find nothing wrong; `calls` keeps how they were asked."""
    task = types.SimpleNamespace(**{"args": arguments, "async_val": 0, "check_mode": check, "no_log": no_log, **task})
    connection = types.SimpleNamespace(
        _shell=types.SimpleNamespace(tmpdir=None), has_pipelining=True, become=None, transport="paper"
    )
    action = application_recovery.ActionModule(task, connection, None, None, None, None)
    action.calls = []
    action._early_needs_tmp_path = lambda: False

    def execute(module_name, module_args, task_vars):
        name = module_name.removeprefix("evercert.entra.")
        piped = action._is_pipelining_enabled("new")
        action.calls.append((name, module_args, action._task.check_mode, piped))
        answer = {"application_access": ACCESS, "application_certificate_renew": RENEWAL}.get(name, VERIFY)
        return {**answer, "warnings": ["once"]}

    action._execute_module = execute
    return action


@pytest.fixture
def asked(monkeypatch):
    """The permissions that a person was asked for, at each sign-in."""
    found = []

    def sign_in(options, say, scopes):
        found.append(scopes)
        return dict(TOKEN)

    monkeypatch.setattr(controller, "sign_in", sign_in)
    return found


def test_one_sign_in_serves_every_module_through_a_pipe(asked):
    action = an_action(TASK)

    result = action.run(task_vars={"inventory_hostname": "db1"})

    assert asked == [controller.CONSENT]
    assert [(name, check) for name, _given, check, _piped in action.calls] == [
        ("application_access", True),
        ("application_certificate_renew", True),
        ("application_certificate_verify", False),
        ("application_certificate_verify", False),
    ]
    assert all(piped for _name, _given, _check, piped in action.calls)
    assert [given["access_token"] for _name, given, _check, _piped in action.calls] == ["eyJ", "eyJ", None, None]
    assert all(given["client_secret"] is None for _name, given, _check, _piped in action.calls)
    assert (result["changed"], result["verified"], result["warnings"]) == (False, True, ["once"])
    assert action._task.check_mode is False
    assert "eyJ" not in str(result)


@pytest.mark.parametrize("option", ["tenant_id", "lock_timeout", "auth_source", "graph_url", "nonsense"])
def test_a_private_key_in_the_wrong_place_is_not_quoted(option):
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----"

    result = an_action({**TASK, option: key}).run(task_vars={})

    assert result["failed"] and "MIIEvQ" not in str(result)


def test_check_mode_is_every_modules(asked):
    action = an_action(TASK, check=True)

    action.run(task_vars={})

    assert {check for _name, _given, check, _piped in action.calls} == {True}


def test_who_consents_to_nothing_is_not_asked_for_the_right_to(asked):
    an_action({**TASK, "permissions": []}).run(task_vars={})

    assert asked == [controller.WRITE]


@pytest.mark.parametrize("given", [{"key_passphrase": "k", "pfx_passphrase": "p"}, {}])
def test_passphrases_are_handed_over_when_given(asked, monkeypatch, given):
    """Without them the environment of the host counts, which an option that is handed over would hide."""
    monkeypatch.delenv("ENTRA_KEY_PASSPHRASE", raising=False)
    action = an_action({**TASK, **given})

    action.run(task_vars={})

    handed = {name: options for name, options, _check, _piped in action.calls}
    names = ("key_passphrase", "pfx_passphrase")
    renewal, verification = handed["application_certificate_renew"], handed["application_certificate_verify"]
    assert {name: renewal[name] for name in names if name in renewal} == given
    assert verification.get("key_passphrase") == given.get("key_passphrase")
    assert "pfx_passphrase" not in verification


def test_no_token_of_an_administrator_opens_a_vault(asked):
    action = an_action({**TASK, "key_store": "https://payroll.vault.azure.net/certificates/payroll"})

    result = action.run(task_vars={})

    assert "key_store must be a directory" in result["msg"]
    assert (asked, action.calls) == ([], [])


def test_what_is_wrong_with_the_options_is_told_before_anybody_signs_in(asked):
    action = an_action({**TASK, "app_id": "x", "auth_source": "key_store", "probes": [{"url": "https://elsewhere"}]})

    result = action.run(task_vars={})

    assert result["failed"] and len(result["problems"]) == 3
    assert (asked, action.calls) == ([], [])


def test_an_option_that_does_not_exist_is_told(asked):
    assert "nonsense" in an_action({**TASK, "nonsense": 1}).run(task_vars={})["msg"]
    assert asked == []


@pytest.mark.parametrize(
    ("more", "task", "words"),
    [
        ({}, {"async_val": 9}, "application_recovery cannot be combined with async"),
        ({"_waiting": {}}, {}, "Unsupported option: _waiting"),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_signs_in(asked, more, task, words):
    with pytest.raises(AnsibleActionFail, match=words):
        an_action({**TASK, **more}, **task).run(task_vars={})

    assert asked == []


def test_a_silent_task_shows_no_plan(asked, capsys):
    an_action(TASK, no_log=True).run(task_vars={"inventory_hostname": "db1"})

    assert "nothing is wrong" not in capsys.readouterr().out
