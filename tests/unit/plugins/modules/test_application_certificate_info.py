# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.modules import application_certificate_info as module
from ansible_collections.evercert.entra.plugins.modules import (
    application_certificate_renew,
    application_certificate_verify,
)


@pytest.fixture
def info(run_module):
    return lambda **options: run_module(module, **options)


def test_one_application_is_reported(info, payroll):
    found = info(app_id=payroll.app_id)

    (application,) = found["applications"]
    assert (application["display_name"], application["status"]) == ("payroll", "near_expiry")
    assert found["summary"] == {"total": 1, "near_expiry": 1}
    assert found["changed"] is False


def test_a_claim_is_compared_however_it_is_written(info, payroll, old):
    text = old.thumbprint.lower()
    written = ":".join(text[start : start + 2] for start in range(0, 40, 2))

    assert info(app_id=payroll.app_id, expected_thumbprint=written)["summary"] == {"total": 1, "near_expiry": 1}
    assert info(app_id=payroll.app_id, expected_thumbprint="A" * 40)["summary"] == {"total": 1, "unregistered": 1}


def test_the_whole_tenant_is_reported_when_nothing_is_named(info, payroll):
    found = info(return_applications="none")

    assert found["summary"]["total"] >= 2
    assert found["applications"] == []


def test_a_filter_narrows_the_list(info, tenant):
    tenant.add_application("only-this-one")

    assert info(filter="displayName eq 'only-this-one'")["summary"] == {"total": 1, "missing": 1}


def test_a_moment_may_be_named_for_what_if(info, payroll):
    found = info(app_id=payroll.app_id, now="2050-01-01T00:00:00Z")

    assert found["applications"][0]["status"] == "expired"


def test_an_unknown_application_is_a_failure_that_says_where_to_look(info):
    found = info(app_id="99999999-2222-4333-8444-555555555555")

    assert found["failed"]
    assert found["msg"].startswith(
        "No application with app ID 99999999-2222-4333-8444-555555555555 exists in this tenant."
    )


def test_several_applications_of_one_name_are_listed(info, tenant):
    made = [tenant.add_application("twin").app_id for _round in range(2)]

    found = info(display_name="twin")

    assert found["failed"]
    assert found["msg"] == (
        f"2 applications have the display name 'twin': app IDs {', '.join(sorted(made))}. Select one by app_id."
    )


@pytest.mark.parametrize("sign_in", [True, False])
def test_a_token_needs_its_tenant_only_where_the_key_is_tried(info, payroll, key_store, sign_in):
    token = {"auth_source": "access_token", "access_token": "t0ken", "tenant_id": None}

    found = info(app_id=payroll.app_id, key_store=key_store, sign_in=sign_in, **token)

    assert found.get("msg", "").startswith("tenant_id is needed (AZURE_TENANT_ID) beside access_token") is sign_in


def test_an_unreachable_host_is_a_status(info, payroll):
    found = info(app_id=payroll.app_id, authority_host="https://nonexistent.invalid")

    (application,) = found["applications"]
    assert application["status"] == "unreachable"
    assert "nonexistent.invalid could not be resolved" in application["findings"][0]["message"]


def test_bad_options_are_all_named_before_anything_is_sent(info):
    found = info(app_id="payroll", renew_before=-1, expected_thumbprint="x", sign_in=True, cloud="mars")

    assert found["failed"]
    assert len(found["problems"]) == 5
    assert found["msg"] == " ".join(found["problems"])


@pytest.mark.parametrize("loss", ["removed", "emptied", "linked elsewhere"])
def test_a_certificate_whose_private_key_is_gone_is_not_healthy(info, run_module, tenant, pem_of, key_store, loss):
    pair = tenant.issue("payroll", -10, 170)
    application = tenant.add_application("payroll", [pair])
    named = {"app_id": application.app_id, "key_store": key_store}
    run_module(application_certificate_renew, **named, adopt_path=pem_of(pair), sign_in_budget=0)
    (before,) = info(**named)["applications"]
    key = Path(key_store).resolve() / "versions" / pair.thumbprint / "key.pem"
    key.unlink()
    if loss == "emptied":
        key.touch(0o600)
    if loss == "linked elsewhere":
        key.symlink_to(pem_of(pair))

    (found,) = info(**named)["applications"]

    assert (before["status"], before["certificates"][0]["in_key_store"]) == ("healthy", True)
    assert (found["status"], found["certificates"][0]["in_key_store"]) == ("key_unavailable", False)
    assert found["certificates"][0]["managed"]
    assert [finding["reason"] for finding in found["findings"]] == ["key_unavailable"]
    assert str(key) in found["findings"][0]["message"] and "Restore the file" in found["findings"][0]["remedy"]


@pytest.mark.parametrize("harm", ["rm {0}/current", "cp -rL {0} {0}.copy && rm -r {0} && mv {0}.copy {0}"])
def test_a_key_store_that_lost_its_links_is_told_by_all_with_the_command_that_mends_it(
    info, run_module, tenant, pem_of, key_store, harm
):
    """As after a copy that does not keep links. A check says what the run says."""
    pair = tenant.issue("payroll", -10, 170)
    application = tenant.add_application("payroll", [pair])
    named = {"app_id": application.app_id, "key_store": key_store, "sign_in_budget": 0}
    quick = {**named, "sign_ins": 1, "initial_pause": 0}
    run_module(application_certificate_renew, **quick, adopt_path=pem_of(pair))
    assert run_module(application_certificate_renew, **quick, force=True)["changed"]
    before = Path(key_store, "current").readlink()
    subprocess.run(["sh", "-c", "umask 077; " + harm.format(key_store)], check=True)

    told = [run_module(application_certificate_renew, check, **quick, force=True) for check in (True, False)]
    told.append(run_module(application_certificate_verify, **quick))
    itself = {"auth_source": "key_store", "client_secret": None, "client_id": None}
    told.append(run_module(application_certificate_renew, **quick, **itself, object_id=application.object_id))
    found = [info(**named)["applications"][0], info(**named, **itself)["applications"][0]]

    assert {one["status"] for one in found} == {"key_unavailable"}
    assert [[finding["reason"] for finding in one["findings"]] for one in found] == [["wrong_link"]] * 2
    remedy = found[0]["findings"][0]["remedy"]
    assert all(one["failed"] and remedy in one["msg"] for one in told)
    subprocess.run(["sh", "-c", remedy[len("Run '") : -len("'.")]], check=True)
    assert Path(key_store, "current").readlink() == before
    assert info(**named)["applications"][0]["status"] == "healthy"
    assert run_module(application_certificate_verify, **quick)["verified"]
