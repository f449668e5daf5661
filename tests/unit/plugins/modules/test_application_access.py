# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.modules import application_access, application_recovery


@pytest.fixture
def access(run_module, payroll):
    return lambda check=False, **options: run_module(application_access, check, **{"app_id": payroll.app_id, **options})


def test_access_is_repaired_once_and_a_check_foretells_it(access, tenant, payroll):
    tenant.enable(payroll, False)

    planned, done, again = access(check=True), access(), access()

    assert [one["step"] for one in planned["steps"]] == ["enable_service_principal"]
    assert (planned["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert planned["diff"] == done["diff"]


def test_what_the_identity_lacks_is_listed(access):
    found = access(permissions=[{"resource": "microsoft_graph", "roles": ["User.Read.All"]}])

    assert found["missing_permissions"] == [
        {
            "task": "grant or withdraw application permissions of Microsoft Graph",
            "kind": "application permission",
            "any_of": ["AppRoleAssignment.ReadWrite.All"],
        }
    ]
    assert found["diagnosis"]["code"] == "permission_denied"


def test_every_problem_of_the_options_is_told_at_once(access):
    found = access(state="absent", object_id="x", timeout_propagation=0, permissions=[{"resource": "", "roles": []}])

    told = " ".join(found["problems"])
    for words in ("object_id must be a GUID", "timeout_propagation must be greater", "names no role", "is empty"):
        assert words in told


def test_nothing_is_withdrawn_that_is_not_named(access):
    assert access(state="absent")["problems"] == [
        "state absent needs permissions: nothing is withdrawn that is not named."
    ]


def test_a_recovery_without_its_action_says_where_it_runs(run_module, payroll, key_store):
    found = run_module(application_recovery, app_id=payroll.app_id, key_store=key_store)

    assert "run by its action plugin, on the control node" in found["msg"]
