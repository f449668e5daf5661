# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evercert.entra.plugins.modules import application_report as module
from ansible_collections.evercert.entra.tests.unit.reports import OTHER_TENANT, a_certificate, a_row, text_of


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "report"


@pytest.fixture
def report(run_module, directory):
    return lambda check=False, **options: run_module(module, check, **{"directory": str(directory), **options})


@pytest.fixture
def source(tmp_path):
    """A report.json of another tenant."""

    def write(*rows, name="other.json"):
        path = tmp_path / name
        path.write_text(text_of("json", *rows), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def warned(monkeypatch):
    """What the module warned of, wherever Ansible would show it."""
    said = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: said.append(text))
    return said


def applications_in(directory):
    return json.loads((directory / "report.json").read_text(encoding="utf-8"))["applications"]


def test_a_tenant_is_written_as_files(report, payroll, directory):
    found = report()

    assert found["changed"]
    assert found["summary"]["total"] == len(applications_in(directory))
    assert set(found["files"]) == {"html", "junit", "json", "csv", "sarif", "prometheus", "markdown"}
    assert all(os.path.isfile(path) for path in found["files"].values())


def test_a_filter_narrows_the_report(report, tenant, directory):
    tenant.add_application("only-in-the-report")

    found = report(filter="displayName eq 'only-in-the-report'", formats=["json"])

    assert found["summary"] == {"total": 1, "missing": 1}
    assert [row["display_name"] for row in applications_in(directory)] == ["only-in-the-report"]
    assert os.listdir(directory) == ["report.json"]


def test_check_mode_says_the_same_and_writes_nothing(report, payroll, directory):
    predicted = report(check=True, now="2026-11-22T10:00:00Z")
    assert not directory.exists()

    assert report(now="2026-11-22T10:00:00Z") == predicted


def test_what_changed_since_the_last_report_is_told(report, tenant):
    first = report(formats=["json"])
    tenant.add_application("just-made")

    second = report(formats=["json"])

    assert first["changes"] is None
    assert {name: second["changes"][name] for name in ("new", "gone", "status_changed")} == {
        "new": 1,
        "gone": 0,
        "status_changed": 0,
    }


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]"])
def test_a_last_report_that_is_none_is_said_and_no_failure(report, directory, warned, content):
    directory.mkdir()
    (directory / "report.json").write_text(content, encoding="utf-8")

    found = report(formats=["json"])

    assert found["changes"] is None
    assert "Nothing is compared with the last report" in warned[0]


def test_reports_with_other_filters_are_not_compared(report, warned):
    report(formats=["json"])

    found = report(formats=["json"], filter="displayName eq 'administrator'")

    assert found["changes"] is None
    assert "made with another filter" in warned[0]


def test_words_and_days_make_a_failure_after_the_files_are_written(report, payroll, directory):
    found = report(filter=f"appId eq '{payroll.app_id}'", fail_on=["near_expiry", "expired"], fail_within=25)

    assert found["failed"]
    assert found["failed_on"] == {"near_expiry": 1, "fail_within": 1}
    assert found["msg"] == (
        f"The report has what fail_on names: 1 fail_within, 1 near_expiry. See {directory}/report.html."
    )
    assert len(os.listdir(directory)) == 7


def test_reports_of_tenants_are_merged_without_asking_anybody(call, directory, source):
    one = source(a_row("payroll", 12), a_row("orders", 90))
    other = source(a_row("mailer", -3, tenant=OTHER_TENANT), name="second.json")

    found = call(module, directory=str(directory), sources=[one, other])

    assert found["summary"] == {"total": 3, "near_expiry": 1, "healthy": 1, "expired": 1}
    assert found["tenants"] == 2
    assert [row["display_name"] for row in found["attention"]] == ["mailer", "payroll"]


def test_a_tenant_in_two_sources_is_refused(call, directory, source):
    sources = [source(a_row("payroll")), source(a_row("orders"), name="second.json")]

    found = call(module, directory=str(directory), sources=sources)

    assert found["failed"]
    assert f"is in {sources[0]} and in {sources[1]}" in found["msg"]
    assert not (directory / "report.json").exists()


@pytest.mark.parametrize("ids", [("app_id", "object_id"), ("app_id",), ("object_id",)])
def test_results_take_the_place_of_what_a_source_says(call, directory, source, ids):
    """One ID is enough: a play knows one of its application, and a source has both."""
    row = a_row("payroll", 12)
    names = {name: row[name] for name in ("tenant_id", *ids)}
    steps = [{"step": "prove", "detail": "Proven."}, {"step": "promote", "detail": "Current."}]
    result = {"steps": steps, "certificate": {"thumbprint": "AB", "not_after": "2027-05-01T00:00:00Z"}}
    results = [{**names, "host": "web1", "name": "payroll", "result": result}]

    found = call(module, directory=str(directory), sources=[source(row, a_row("orders"))], results=results)

    assert found["summary"] == {"total": 2, "renewed": 1, "healthy": 1}
    assert applications_in(directory)[0]["steps"] == steps


def test_the_days_are_those_of_the_key_stores_current_certificate(call, directory):
    """Whatever a stranger registered beside it: with the current one, access ends."""
    ours = {**a_certificate("aa", 2), "stage": "current"}
    row = a_row("payroll", status="near_expiry", certificates=[ours, a_certificate("bb", 700)])
    results = [{"tenant_id": row["tenant_id"], "host": "web1", "result": {"applications": [row]}}]

    found = call(module, directory=str(directory), results=results, fail_within=14, now="2026-11-22T10:00:00Z")

    assert found["failed_on"] == {"fail_within": 1}
    assert (found["attention"][0]["days_left"], found["attention"][0]["expires"]) == (2, ours["not_after"])
    assert ours["thumbprint"] in (directory / "report.csv").read_text(encoding="utf-8")
    assert 'within_days="7"} 1' in (directory / "report.prom").read_text(encoding="utf-8")


def test_one_application_on_two_hosts_is_told_apart(call, directory):
    """Pipelines take two tests of one name for one."""
    row = a_row("payroll", 12)
    results = [
        {"tenant_id": row["tenant_id"], "host": host, "result": {"applications": [row]}} for host in ("web1", "web2")
    ]

    found = call(module, directory=str(directory), results=results)

    assert [entry["host"] for entry in found["attention"]] == ["web1", "web2"]
    lines = (directory / "report.xml").read_text(encoding="utf-8").splitlines()
    of_each = [line.partition("><")[0] for line in lines if "<testcase " in line]
    assert len(set(of_each)) == len(of_each) == 2


def test_a_plan_of_renewals_is_a_report(call, directory):
    planned = {"steps": [{"step": "generate", "detail": "A key pair."}], "certificate": {"not_after": "(generated)"}}
    results = [{"tenant_id": OTHER_TENANT, "app_id": "a-1", "name": "payroll", "planned": True, "result": planned}]

    found = call(module, directory=str(directory), results=results)

    assert found["summary"] == {"total": 1, "planned": 1}


def test_what_cannot_be_meant_is_all_named_before_anything_is_sent(report, directory):
    found = report(directory="here", formats=["pdf", "html", "doc"], fail_on=["red", "expired", "blue"], fail_within=-1)

    assert found["failed"]
    assert found["problems"] == [
        "fail_within must not be negative, and is -1.",
        "directory must be an absolute path, or begin with ~ or a variable such as $HOME, and 'here' is relative.",
        "formats does not know doc, pdf. It takes html, junit, json, csv, sarif, prometheus, markdown.",
        found["problems"][3],
    ]
    assert found["problems"][3].startswith("fail_on does not know blue, red. It takes error, warning, healthy, ")


def test_sources_and_results_that_are_none_are_all_named(call, directory, tmp_path):
    results = [{"tenant_id": OTHER_TENANT, "result": {"ping": "pong"}}]

    found = call(
        module, directory=str(directory), sources=["/nowhere.json", str(tmp_path)], results=results, filter="x"
    )

    assert len(found["problems"]) == 4
    assert not directory.exists()


def test_a_misplaced_private_key_is_refused_and_shown_nowhere(call, directory):
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----"
    results = [{"tenant_id": OTHER_TENANT, "result": {"failed": True, "msg": key}}]

    found = call(module, directory=str(directory), results=results, filter=key)

    assert len([problem for problem in found["problems"] if "holds a private key" in problem]) == 2
    assert "MIIE" not in str(found["problems"])
    assert not directory.exists()


def test_a_report_says_which_tenant_it_is_of(call, directory):
    found = call(module, directory=str(directory), access_token="abc", tenant_id=None)

    assert "tenant_id is needed (AZURE_TENANT_ID): a report says which tenant it is of." in found["problems"]


def test_a_listing_that_fails_half_way_leaves_the_last_report(report, tenant, directory):
    report(formats=["json"])
    before = (directory / "report.json").read_bytes()

    found = report(formats=["json"], client_secret="wrong")

    assert found["failed"]
    assert found["diagnosis"]["code"] == "secret_invalid"
    assert (directory / "report.json").read_bytes() == before
