# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control API: everything that an integration test needs, by plain HTTP requests."""

from __future__ import annotations

import json

import pytest

CONTROL = "https://localhost/_control"


@pytest.fixture
def control(client):
    def send(method, path, **body):
        return client.session.request(method, CONTROL + path, json=body or None)

    return send


def test_it_says_that_it_is_ready_for_whom_and_at_what_time(control, tenant):
    body = control("GET", "/").json()

    assert body["ready"] is True
    assert body["now"] == "2026-11-22T10:00:00+00:00"
    assert body["tenants"] == [{"id": tenant.id, "domain": tenant.domain}]


def test_an_application_is_added_with_its_private_keys(control, client, tenant):
    body = control("POST", "/applications", name="night-batch", certificates=[{"ends": 10}], secret="s").json()

    assert tenant.application("night-batch").app_id == body["app_id"]
    assert body["certificates"][0]["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert control("GET", "/applications/night-batch").json()["key_ids"] == body["key_ids"]
    assert body["app_id"] in [one["app_id"] for one in control("GET", "/applications").json()["applications"]]
    assert client.sign_in(tenant.application("night-batch"), secret="s").status_code == 200


def test_the_oracle_answers(control, tenant, payroll, key_pair, successor):
    entry = tenant.add_credential(payroll, successor)
    tenant.sign_ins.lag(seconds=[0, 60])

    truth = control("GET", "/oracle/payroll").json()
    verdict = control("GET", f"/oracle/payroll/{successor.thumbprint}").json()

    assert truth["registered"][entry.key_id] == successor.thumbprint
    assert truth["thumbprints"] == [key_pair.thumbprint, successor.thumbprint]
    assert truth["shown"] == [list(truth["registered"])]
    assert verdict == {"primary": True, "replicas": [True, False], "slowest": False, "reasons": [None, None, 700027]}


def test_time_passes_and_goes_wrong_on_demand(control, tenant):
    control("POST", "/actions/clock", advance=60, skew=3600)

    assert control("GET", "/").json()["now"] == "2026-11-22T11:01:00+00:00"
    assert control("GET", "/").headers["Date"] == "Sun, 22 Nov 2026 11:01:00 GMT"


def test_faults_lag_switches_and_limits_are_set_and_cleared(control, tenant, payroll, client, key_pair):
    control("POST", "/actions/fault", kind="error", match="token", times=None)
    control("POST", "/actions/lag", reads=[0, 5], sign_ins=7)
    control("POST", "/actions/switches", proof_audience="either")
    control("POST", "/actions/throttle", keys=[1, 60])
    control("POST", "/actions/block_sign_in", application="payroll")
    struck = client.sign_in(payroll, key_pair).status_code
    waiting = control("GET", "/faults").json()["faults"]

    assert struck == 503
    assert [one["kind"] for one in waiting] == ["error"]
    assert [one.seconds for one in tenant.reads.lags] == [0, 5]
    assert tenant.sign_ins.lags[0].seconds == 7
    assert tenant.switches.proof_audience == "either"
    assert (tenant.throttle.enabled, tenant.throttle.limits["keys"]) == (True, (1, 60))

    control("POST", "/actions/clear")

    assert client.sign_in(payroll, key_pair).status_code == 200
    assert tenant.switches.proof_audience == "0002"
    assert not tenant.throttle.enabled


def test_someone_else_adds_and_removes_a_certificate(control, tenant, payroll, successor):
    own = control(
        "POST", "/actions/add_credential", application="payroll", certificate=successor.certificate_pem
    ).json()
    control("POST", "/actions/add_credential", application="payroll", display_name="foreign")
    named = [entry.display_name for entry in tenant.application("payroll").key_credentials]
    control("POST", "/actions/remove_credential", application="payroll", thumbprint=successor.thumbprint)

    assert own["thumbprint"] == successor.thumbprint
    assert named[-1] == "foreign"
    assert own["key_id"] not in tenant.oracle.registered("payroll")
    assert len(tenant.oracle.registered("payroll")) == 2


@pytest.mark.parametrize(
    ("action", "arguments", "refusal"),
    [
        ("disable", {}, 7000112),
        ("soft_delete", {}, 700016),
        ("remove_service_principal", {}, 7000229),
        ("block_sign_in", {}, 53003),
    ],
)
def test_an_application_loses_and_regains_its_access(control, client, payroll, key_pair, action, arguments, refusal):
    control("POST", f"/actions/{action}", application="payroll", **arguments)

    assert client.sign_in(payroll, key_pair).json()["error_codes"] == [refusal]


@pytest.mark.parametrize(
    ("undo", "first"), [("enable", "disable"), ("restore", "soft_delete"), ("unblock_sign_in", "block_sign_in")]
)
def test_a_loss_of_access_is_undone(control, client, payroll, key_pair, undo, first):
    control("POST", f"/actions/{first}", application="payroll")
    control("POST", f"/actions/{undo}", application="payroll")

    assert client.sign_in(payroll, key_pair).status_code == 200


def test_permissions_are_granted_and_revoked(control, client, payroll, key_pair):
    control("POST", "/actions/grant", application="payroll", roles=["Application.Read.All"])
    granted = client.graph(payroll, key_pair).get("/applications").status_code
    control("POST", "/actions/revoke", application="payroll")

    assert (granted, client.graph(payroll, key_pair).get("/applications").status_code) == (200, 403)


def test_the_policy_is_set(control, tenant):
    control("POST", "/actions/limit_lifetime", max_lifetime="P30D")

    assert tenant.default_policy.max_lifetime == "P30D"


def test_requests_are_counted_by_operation_since_a_mark(control, client, payroll, key_pair):
    client.sign_in(payroll, key_pair)
    mark = control("GET", "/counters").json()["mark"]
    client.graph(payroll, key_pair).get("/applications")

    counted = control("GET", f"/counters/{mark}").json()
    assert counted["operations"] == {"token": 1, "list_applications": 1}
    assert counted["statuses"] == {"200": 1, "403": 1}
    assert counted["resource_units"] == 2
    assert control("GET", "/counters").json()["total"] == 3


def test_the_log_names_the_caller_and_the_cost_but_no_secret(control, client, tenant):
    application = tenant.add_application("reader", secret="very-secret", roles=["Application.Read.All"])
    client.graph(application, secret="very-secret").get("/applications?$select=id")

    lines = control("GET", "/log").json()["lines"]

    assert [line["operation"] for line in lines] == ["token", "list_applications"]
    assert lines[1]["app_id"] == application.app_id
    assert lines[1]["query"] == {"$select": "id"}
    assert (lines[1]["status"], lines[1]["resource_units"]) == (200, 1)
    assert "very-secret" not in json.dumps(lines)


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/actions/explode", {}, "Unknown action 'explode'"),
        ("POST", "/actions/disable", {"application": "nobody"}, "No application 'nobody'"),
        ("POST", "/actions/switches", {"nonsense": 1}, "Unknown switches: nonsense"),
        ("POST", "/actions/fault", {"kind": "explode"}, "Unknown fault kind"),
        ("POST", "/actions/disable", {"nonsense": 1}, "nonsense"),
        ("POST", "/actions/remove_credential", {"application": "payroll", "key_id": "x"}, "No such credential"),
        ("GET", "/oracle/nobody", {}, "No application 'nobody'"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(control, payroll, method, path, body, words):
    answer = control(method, path, **body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_an_unknown_path_is_404_and_the_actions_are_listed(control):
    assert control("GET", "/nowhere").status_code == 404
    assert "soft_delete" in control("GET", "/actions").json()
