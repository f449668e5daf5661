# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was given, what the environment gave, and what of that does not go together."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.precedence import (
    as_a_whole,
    names_from_environment,
    names_given,
)
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import CONNECTION
from ansible_collections.evercert.entra.plugins.module_utils._ansible.ways import CREDENTIALS

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
