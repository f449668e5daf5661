# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A workload signs in with what its platform says about it."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    InvalidInput,
    SignInRefused,
    UntrustedAnswer,
)
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Request

SUBJECT = "repo:contoso/payroll:ref:refs/heads/main"
URL = "https://platform.test/_platforms"
CONNECTION = "33333333-2222-4333-8444-555555555555"


@pytest.fixture(params=["file", "github", "pipelines"])
def platform(request, world, tmp_path, monkeypatch):
    """Three platforms, each with its own issuer; the options that a task needs there, the same on all."""
    from emulator import outside

    def in_a_file():
        path = tmp_path / "token"
        path.write_text(outside.mint(world.tenant.clock, "https://cluster.test", SUBJECT) + "\n")
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(path))
        return "https://cluster.test"

    def in_github():
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{URL}/github/token?api-version=2.0")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", world.tenant.platform.request_token)
        return outside.GITHUB

    def in_pipelines():
        monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", f"{URL}/pipelines/token")
        monkeypatch.setenv("SYSTEM_ACCESSTOKEN", world.tenant.platform.request_token)
        monkeypatch.setenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", CONNECTION)
        return outside.PIPELINES

    issuer = {"file": in_a_file, "github": in_github, "pipelines": in_pipelines}[request.param]()
    return issuer, {"client_id": world.admin.app_id}


def test_a_workload_signs_in_and_reads(world, reading, platform):
    issuer, options = platform
    world.tenant.federate(world.admin, issuer, SUBJECT)

    connection = reading("workload_identity", **options)

    assert connection.find_application().display_name == "payroll"


def test_auto_takes_it_where_the_platform_is_known(world, reading, platform):
    assert reading("auto", **platform[1]).choice.source == "workload_identity"


def test_a_platform_that_is_not_trusted_is_named(world, reading, platform):
    world.tenant.federate(world.admin, "https://another.test", SUBJECT)

    with pytest.raises(SignInRefused, match="No federated credential of the application") as refused:
        reading("workload_identity", **platform[1]).find_application()
    assert refused.value.diagnosis.code == "federation_refused"
    assert refused.value.diagnosis.evidence["error_codes"] == [700211]


def test_each_sign_in_fetches_a_token_of_its_own(world, reading, platform):
    issuer, options = platform
    world.tenant.federate(world.admin, issuer, SUBJECT)
    connection = reading("workload_identity", **options)

    for _twice in range(2):
        connection.identity.token(connection.service)

    asked = world.operations(0)
    assert [name for name in asked if name.endswith("_token")] in ([], [asked[0]] * 2)
    assert asked.count("token") == 2


def test_a_job_without_the_permission_is_told(world, reading, monkeypatch):
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{URL}/github/token")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "eyJnothing.valid.x")

    with pytest.raises(SignInRefused, match="id-token: write") as refused:
        reading("workload_identity", client_id=world.admin.app_id).find_application()
    assert refused.value.diagnosis.code == "job_token_unavailable"
    assert "eyJ" not in str(refused.value)


def test_all_that_is_missing_is_named(reading):
    with pytest.raises(InvalidInput) as refused:
        reading("workload_identity")
    who, what = refused.value.problems
    assert who == "auth_source workload_identity needs client_id (AZURE_CLIENT_ID)."
    assert "AZURE_FEDERATED_TOKEN_FILE" in what and "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID" in what


@pytest.mark.parametrize("name", ["ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"])
def test_the_jobs_token_never_travels_without_tls(reading, world, monkeypatch, name):
    monkeypatch.setenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", CONNECTION)
    for other in (name, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"):
        monkeypatch.setenv(other, "http://platform.test/token")

    with pytest.raises(InvalidInput, match=f"{name} must be an https URL, not 'http://platform.test/token'"):
        reading("workload_identity", client_id=world.admin.app_id)


def test_no_other_service_is_asked_without_tls(reading, world):
    connection = reading("client_secret", **world.as_admin)

    with pytest.raises(UntrustedAnswer, match="without TLS"):
        connection.service.ask(Request("GET", "http://platform.test/token"))


@pytest.mark.parametrize(
    "content, message", [("", "holds no token"), ("two words", "holds no token"), (None, "cannot read")]
)
def test_a_file_without_a_token_is_named(reading, world, monkeypatch, tmp_path, content, message):
    path = tmp_path / "token"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(path))
    if content is not None:
        path.write_text(content)

    with pytest.raises((SignInRefused, InvalidInput), match=message) as refused:
        reading("workload_identity", client_id=world.admin.app_id).find_application()
    assert str(path) in str(refused.value)


def test_a_file_that_is_named_comes_before_the_platform(world, reading, monkeypatch, tmp_path):
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", URL)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "t"))

    connection = reading("workload_identity", client_id=world.admin.app_id)

    assert connection.identity.job_token.path == str(tmp_path / "t")
