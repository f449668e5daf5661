# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A variable that was never filled is no option that was not given: the answer would be wider, or compare nothing."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.modules import (
    application_access,
    application_certificate,
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
    application_report,
)

NOTHING = ["", " ", "\n", "\u200b", "\ufeff\u00a0"]
INFO, RENEW, VERIFY = application_certificate_info, application_certificate_renew, application_certificate_verify


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize(
    "option", ["app_id", "object_id", "display_name", "expected_thumbprint", "key_store", "filter"]
)
def test_a_report_of_one_application_never_becomes_one_of_the_tenant(run_module, payroll, option, nothing):
    one = {} if option in ("app_id", "object_id", "display_name", "filter") else {"app_id": payroll.app_id}

    found = run_module(INFO, **one, **{option: nothing})

    assert found["failed"] and found["problems"] == [
        f"{option} is given and empty, as where a variable was never filled. Give it a value, or leave it out (omit)."
    ]


@pytest.mark.parametrize("module", [application_access, application_certificate, INFO, RENEW, VERIFY])
@pytest.mark.parametrize("check", [True, False])
def test_no_module_takes_an_empty_text_for_an_option_that_is_not_given(run_module, payroll, module, check):
    found = run_module(module, check, object_id=payroll.object_id, app_id="", key_store="\t", client_id="\u2060")

    assert [problem.partition(" is ")[0] for problem in found["problems"]] == ["client_id", "app_id", "key_store"]


def test_a_page_of_a_tenant_wants_to_know_which(run_module):
    assert run_module(application_report, directory="/x", tenant_id=" ")["msg"].startswith(
        "tenant_id is given and empty"
    )


def test_what_is_omitted_or_null_is_not_given(run_module, payroll):
    nothing = dict.fromkeys(
        ["object_id", "display_name", "key_store", "expected_thumbprint", "client_certificate_path"]
    )

    assert run_module(INFO, app_id=payroll.app_id, **nothing)["summary"]["total"] == 1


def test_a_variable_of_the_environment_that_is_set_to_nothing_is_not_set(run_module, payroll, monkeypatch):
    for name in ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLOUD_ENVIRONMENT", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.setenv(name, " ")

    assert run_module(INFO, app_id=payroll.app_id)["summary"]["total"] == 1


def test_what_cannot_be_seen_around_a_value_is_no_part_of_it(run_module, payroll, old, key_store):
    (found,) = run_module(
        INFO,
        app_id=f"\ufeff{payroll.app_id}\n",
        expected_thumbprint=f"\u200e{old.thumbprint} ",
        key_store=f"{key_store}\n",
    )["applications"]

    assert found["app_id"] == payroll.app_id and found["status"] == "key_unavailable"
