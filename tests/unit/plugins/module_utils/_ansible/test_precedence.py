# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was given, what the environment gave, and what of that does not go together."""

from __future__ import annotations

import os

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.evercert.entra.plugins.module_utils._ansible.fleet import tenants_of
from ansible_collections.evercert.entra.plugins.module_utils._ansible.module import DiscreetModule
from ansible_collections.evercert.entra.plugins.module_utils._ansible.precedence import (
    as_a_whole,
    names_from_environment,
    names_given,
)
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import CONNECTION
from ansible_collections.evercert.entra.plugins.module_utils._ansible.ways import CREDENTIALS
from ansible_collections.evercert.entra.plugins.module_utils._events.options import read_settings

ALL = {name: f"value of {name}" for name in CONNECTION}


def test_an_option_is_given_by_any_of_its_names_and_null_is_not_given():
    given = {"secret": "s", "tenant": None, "cloud": "public", "app_id": "x"}

    assert names_given(CONNECTION, given) == {"client_secret", "cloud"}


def test_what_nobody_gave_came_from_the_environment_unless_it_has_a_default():
    assert names_from_environment(CONNECTION, {**ALL, "ca_path": None}, ["tenant_id", "client_id"]) == {
        *CREDENTIALS,
        "authority_host",
        "graph_url",
    }


@pytest.mark.parametrize("given", [[], ["tenant_id", "client_id", "auth_source"]])
def test_without_a_credential_the_environment_gives_all_of_them(given):
    assert as_a_whole(ALL, given) == ALL


@pytest.mark.parametrize("given", CREDENTIALS)
def test_beside_a_credential_the_environment_gives_none(given):
    found = as_a_whole(ALL, [given])

    left = {name for name in CREDENTIALS if found[name]}
    assert left == {given} | ({"client_certificate_passphrase"} if given == "client_certificate_path" else set())
    assert {name: found[name] for name in ALL if name not in CREDENTIALS} == {
        name: ALL[name] for name in ALL if name not in CREDENTIALS
    }


def test_a_credential_on_trial_keeps_nobody_out_and_is_kept():
    path = "client_certificate_path"

    assert as_a_whole(ALL, [path], on_trial=path) == ALL
    assert as_a_whole(ALL, [path, "client_secret"], on_trial=path)[path] == ALL[path]
    assert as_a_whole(ALL, ["client_secret"], on_trial=path)[path] is None


@pytest.mark.parametrize(
    ("environment", "opens"),
    [
        ({}, True),
        ({"AZURE_CLIENT_CERTIFICATE_PATH": "/its.pem"}, False),
        ({"AZURE_CLIENT_CERTIFICATE_PATH": " "}, True),
    ],
)
@pytest.mark.parametrize("on_trial", ["", "client_certificate_path"])
def test_a_passphrase_of_the_environment_belongs_to_its_file(environment, opens, on_trial):
    found = as_a_whole(ALL, ["client_certificate_path"], on_trial, environment)

    assert bool(found["client_certificate_passphrase"]) == opens


def test_a_passphrase_that_was_given_is_kept_whatever_the_environment_names():
    given = ["client_certificate_path", "client_certificate_passphrase"]
    found = as_a_whole(ALL, given, environment={"AZURE_CLIENT_CERTIFICATE_PATH": "/its.pem"})

    assert found["client_certificate_passphrase"] == ALL["client_certificate_passphrase"]


PASSPHRASE = {"AZURE_CLIENT_CERTIFICATE_PASSWORD": "phrase"}
FILE = {"tenant_id": "contoso.com", "client_certificate_path": "/own.pem"}


def of_a_module(given):
    with patch_module_args(given):
        return DiscreetModule(argument_spec=CONNECTION).params


def of_an_inventory(given):
    (tenant,) = tenants_of(given, None, None)
    return tenant.options


def of_an_event_source(given):
    (tenant,) = read_settings({**given, "client_id": "11111111-2222-4333-8444-555555555555"}, os.environ).tenants
    return tenant.options


@pytest.mark.parametrize("options_of", [of_a_module, of_an_inventory, of_an_event_source])
@pytest.mark.parametrize("has_a_file", [True, False])
def test_modules_inventory_and_event_source_decide_alike_about_a_passphrase(options_of, has_a_file, monkeypatch):
    for variable in [name for entry in CONNECTION.values() for name in entry.get("fallback", (None, []))[1]]:
        monkeypatch.delenv(variable, raising=False)
    around = {**PASSPHRASE, **({"AZURE_CLIENT_CERTIFICATE_PATH": "/its.pem"} if has_a_file else {})}
    for variable, value in around.items():
        monkeypatch.setenv(variable, value)

    found = options_of(FILE)

    assert found["client_certificate_path"] == "/own.pem"
    assert found["client_certificate_passphrase"] == (None if has_a_file else "phrase")
