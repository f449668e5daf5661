# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run did, from what its tasks have left with each host."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.evercert.entra.plugins.plugin_utils._remediation_summary import remediation_summary

DUE = {"finding": "near_expiry", "steps": [{"step": "generate", "detail": "x"}, {"step": "promote", "detail": "y"}]}
IDLE = {"finding": None, "steps": []}
CERTIFICATE = {
    "thumbprint": "9F",
    "key_id": "5b",
    "not_after": "2027-01-01T00:00:00Z",
    "path": "/store",
    "content": "PEM",
}


def summary(hostvars, is_plan=False, **groups):
    named = {f"remediate_{name}": hosts for name, hosts in groups.items()}
    return remediation_summary(list(hostvars), hostvars, named, is_plan)


def row(variables, **groups):
    [found] = summary({"payroll": variables}, **groups)["hosts"]
    return found


@pytest.mark.parametrize(
    ("variables", "groups", "outcome"),
    [
        ({"renew_plan": IDLE}, ["healthy"], "healthy"),
        ({"renew_plan": DUE}, ["due"], "not_begun"),
        ({"renew_plan": DUE}, ["canary"], "not_begun"),
        ({"renew_plan": DUE, "renew_promotion": DUE}, ["due", "begun", "proven"], "renewed"),
        ({"renew_plan": DUE, "renew_promotion": IDLE}, ["due", "begun", "proven"], "completed"),
        ({"renew_plan": DUE}, ["due", "begun"], "failed"),
        ({"renew_plan": {"failed": True, "msg": "x"}}, ["failed"], "failed"),
        ({}, [], "failed"),
    ],
)
def test_how_far_a_host_has_come_is_its_outcome(variables, groups, outcome):
    assert row(variables, **{name: ["payroll"] for name in groups})["outcome"] == outcome


def test_in_check_mode_what_is_due_is_planned_with_its_steps():
    found = summary({"payroll": {"renew_plan": DUE}}, is_plan=True, due=["payroll"])

    assert found["plan"] and not found["stopped"] and found["counts"] == {"planned": 1}
    assert [step["step"] for step in found["hosts"][0]["steps"]] == ["generate", "promote"]


def test_the_worst_comes_first_and_what_was_not_begun_says_that_it_was_stopped():
    hostvars = {name: {"renew_plan": DUE} for name in ("fine", "later", "broken")}

    found = summary(hostvars, healthy=["fine"], due=["later", "broken"], begun=["broken"])

    assert [one["host"] for one in found["hosts"]] == ["broken", "later", "fine"]
    assert found["stopped"] and found["counts"] == {"failed": 1, "not_begun": 1, "healthy": 1}


def test_what_changed_is_told_by_public_facts_alone():
    done = {**DUE, "certificate": CERTIFICATE, "next_renewal": "2026-12-01T00:00:00Z", "invocation": {"secret": "s"}}
    retired = {
        "steps": [{"step": "retire", "detail": "z"}],
        "retired": [{"key_id": "4a"}],
        "vanished": [{"key_id": "3c"}],
    }
    variables = {
        "entra_app_id": "1f",
        "entra_client_secret": "s3cret",
        "renew_promotion": done,
        "renew_retirement": retired,
    }

    found = row(variables, due=["payroll"], begun=["payroll"], proven=["payroll"])

    assert [step["step"] for step in found["steps"]] == ["generate", "promote", "retire"]
    assert found["certificate"] == {name: CERTIFICATE[name] for name in ("thumbprint", "key_id", "not_after")}
    assert (found["retired"], found["vanished"]) == ([{"key_id": "4a"}], [{"key_id": "3c"}])
    assert found["failure"] is None and "s3cret" not in str(found) and "invocation" not in str(found)


def test_a_failure_has_its_task_its_message_and_the_diagnosis():
    diagnosis = {"code": "application_disabled", "remedy": "Enable it."}
    noted = {"msg": {"task": "Fail with the diagnosis", "message": "health is not confirmed"}}
    variables = {"renew_promotion": DUE, "renew_health": {"diagnosis": diagnosis}, "__remediate_failure": noted}

    found = row(variables, due=["payroll"], begun=["payroll"])

    assert found["failure"] == {**noted["msg"], "diagnosis": diagnosis}


def test_after_a_rollback_the_certificate_is_the_one_that_is_current_again():
    promoted = {**DUE, "certificate": {"thumbprint": "9F"}, "next_renewal": "2027-04-01T00:00:00Z"}
    back = {"steps": [{"step": "roll_back", "detail": "z"}], "certificate": {"thumbprint": "1C"}, "next_renewal": "now"}

    found = row({"renew_promotion": promoted, "renew_rolled_back": back}, begun=["payroll"])

    assert (found["certificate"], found["next_renewal"]) == ({"thumbprint": "1C"}, "now")
    assert found["finding"] == "near_expiry" and found["steps"][-1]["step"] == "roll_back"


def test_a_rollback_that_did_not_happen_changes_nothing_of_it():
    promoted = {**DUE, "certificate": {"thumbprint": "9F"}, "next_renewal": "2027-04-01T00:00:00Z"}

    found = row({"renew_promotion": promoted, "renew_rolled_back": {"failed": True, "msg": "x"}}, begun=["payroll"])

    assert (found["certificate"], found["next_renewal"]) == ({"thumbprint": "9F"}, "2027-04-01T00:00:00Z")


def test_a_host_that_was_lost_says_why():
    lost = {"unreachable": True, "msg": "Connection refused"}
    noted = {"msg": {"task": "Say what is skipped", "message": "'dict object' has no attribute 'steps'"}}

    assert row({"renew_plan": lost}, failed=["payroll"])["failure"]["message"] == "Connection refused"
    found = row({"renew_promotion": lost, "__remediate_failure": noted}, begun=["payroll"])
    assert found["failure"]["message"] == "Connection refused"
    assert "was lost" in row({}, begun=["payroll"])["failure"]["message"]


def test_consumers_belong_to_the_host_of_their_key_store():
    told = [{"item": "web1", "failed": False}, {"item": "web2", "failed": True}]
    hostvars = {"payroll": {"renew_promotion": DUE, "__remediate_confirmed": {"results": told}}, "web1": {}, "web2": {}}

    groups = {f"consumers_of_{hashlib.sha256(b'payroll').hexdigest()}": ["web1", "web2"]}

    found = summary(hostvars, begun=["payroll"], consumer=["web1", "web2"], **groups)["hosts"]

    assert [one["host"] for one in found] == ["payroll"]
    assert found[0]["consumers"] == [{"host": "web1", "confirmed": True}, {"host": "web2", "confirmed": False}]
