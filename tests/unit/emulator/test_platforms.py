# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Platforms that vouch for a workload, and the machine with its managed identities (facts section 9)."""

from __future__ import annotations

import pytest
from adapter.client import Graph, code
from emulator import outside
from emulator.certificates import new_key

SUBJECT = "repo:contoso/payroll:ref:refs/heads/main"
IMDS = "http://169.254.169.254/metadata/identity/oauth2/token"
APP_SERVICE = "http://127.0.0.1:41056/msi/token"
RESOURCE = {"resource": "https://graph.microsoft.com"}


@pytest.fixture
def federated(tenant, payroll):
    tenant.federate(payroll, outside.GITHUB, SUBJECT)
    return payroll


@pytest.fixture
def sign_in(client, tenant, federated):
    def make(issuer=outside.GITHUB, subject=SUBJECT, **rest):
        return client.sign_in(federated, assertion=outside.mint(tenant.clock, issuer, subject, **rest))

    return make


def test_a_token_of_a_trusted_issuer_signs_in(sign_in):
    assert sign_in().status_code == 200


@pytest.mark.parametrize(
    "presented, expected",
    [
        ({"issuer": outside.PIPELINES}, 700211),
        ({"subject": SUBJECT.upper()}, 700213),
        ({"audience": "api://AnotherExchange"}, 700212),
        ({"key": new_key()}, 50013),
        ({"lifetime": -400}, 700024),
    ],
    ids=["issuer", "subject", "audience", "signature", "time"],
)
def test_anything_else_is_refused(sign_in, presented, expected):
    assert code(sign_in(**presented)) == expected


def test_an_application_that_trusts_nobody_refuses(client, tenant, payroll):
    assertion = outside.mint(tenant.clock, outside.GITHUB, SUBJECT)

    assert code(client.sign_in(payroll, assertion=assertion)) == 70021


def test_a_job_of_github_gets_a_token_for_its_request_token(client, tenant):
    def ask(token):
        headers = {"Authorization": f"Bearer {token}"}
        return client.session.get("https://pipelines.test/_platforms/github/token?audience=x", headers=headers)

    assert ask(tenant.platform.request_token).json()["value"].count(".") == 2
    assert ask("another").status_code == 401


@pytest.mark.parametrize("connection, status", [(None, 200), ("another", 404)])
def test_a_step_of_azure_pipelines_names_its_service_connection(client, tenant, connection, status):
    query = f"api-version=7.1&serviceConnectionId={connection or tenant.platform.service_connection_id}"
    headers = {"Authorization": f"Bearer {tenant.platform.request_token}"}

    answer = client.session.post(f"https://dev.test/_platforms/pipelines/token?{query}", headers=headers)

    assert answer.status_code == status


@pytest.fixture
def machine(tenant):
    tenant.add_managed_identity("machine", ["Application.Read.All"], system_assigned=True)
    return tenant.machine


def imds(client, headers=None, version="2018-02-01", **query):
    headers = {"Metadata": "true"} if headers is None else headers
    return client.session.get(IMDS, params={"api-version": version, **RESOURCE, **query}, headers=headers)


def test_a_machine_signs_in_and_reads(client, machine, payroll):
    answer = imds(client).json()

    assert answer["expires_in"] == "3599"
    assert Graph(client, answer["access_token"]).get(f"/applications/{payroll.object_id}").status_code == 200


def test_an_assigned_identity_is_another_one(client, tenant, machine):
    assigned = tenant.add_managed_identity("assigned")

    assert imds(client, client_id=assigned.app_id).json()["client_id"] == assigned.app_id
    assert imds(client, client_id="99999999-2222-4333-8444-555555555555").json()["error_description"] == (
        "Identity not found"
    )


@pytest.mark.parametrize("headers", [{}, {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}])
def test_a_forwarded_request_gets_no_token(client, machine, headers):
    assert imds(client, headers).status_code == 400


def test_another_clouds_graph_is_unknown_to_the_machine(client, machine):
    assert imds(client, resource="https://graph.microsoft.us").status_code == 400


def test_app_service_wants_its_header(client, machine):
    def ask(secret):
        headers = {"X-IDENTITY-HEADER": secret}
        return client.session.get(APP_SERVICE, params={"api-version": "2019-08-01", **RESOURCE}, headers=headers)

    assert ask(machine.identity_header).json()["expires_on"].isdigit()
    assert ask("another").status_code == 401


def test_arc_wants_the_content_of_a_file_that_only_root_reads(client, machine, tmp_path):
    machine.keys = tmp_path
    refused = imds(client, version="2020-06-01")
    (file,) = tmp_path.iterdir()
    headers = {"Metadata": "true", "Authorization": f"Basic {file.read_text()}"}

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == f"Basic realm=/var/opt/azcmagent/tokens/{file.name}"
    assert imds(client, headers, "2020-06-01").json()["access_token"]
    assert imds(client, headers, "2020-06-01").status_code == 401, "a challenge serves once"
