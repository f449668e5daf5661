# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""azure-identity signs in without a secret: as a machine, as a workload, as a person, and with the Azure CLI."""

from __future__ import annotations

import os

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzureCliCredential,
    AzurePipelinesCredential,
    CredentialUnavailableError,
    DeviceCodeCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from emulator import outside
from emulator.server import MachineServer

FOREIGN = ("AZURE", "ACTIONS_", "SYSTEM_", "IDENTITY_", "IMDS_", "MSI_")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)


@pytest.fixture
def options(server):
    return {
        "authority": server.url,
        "disable_instance_discovery": True,
        "connection_verify": str(server.ca_path),
    }


@pytest.fixture
def machine(server):
    with MachineServer(server.emulator) as running:
        yield running


@pytest.fixture
def system(tenant):
    return tenant.add_managed_identity("machine", system_assigned=True)


def app_id_in(token):
    return jwt.decode(token.token, options={"verify_signature": False})["appid"]


def test_a_virtual_machine(tenant, machine, system, scope, monkeypatch):
    assigned = tenant.add_managed_identity("assigned")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)

    assert app_id_in(ManagedIdentityCredential().get_token(scope)) == system.app_id
    assert app_id_in(ManagedIdentityCredential(client_id=assigned.app_id).get_token(scope)) == assigned.app_id


def test_a_machine_without_that_identity(machine, system, scope, monkeypatch):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)
    credential = ManagedIdentityCredential(client_id="99999999-2222-4333-8444-555555555555")

    with pytest.raises(CredentialUnavailableError, match="Identity not found"):
        credential.get_token(scope)


def test_app_service(tenant, machine, system, scope, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", tenant.machine.identity_header)

    assert app_id_in(ManagedIdentityCredential().get_token(scope)) == system.app_id


def test_azure_arc(tenant, machine, system, scope, monkeypatch, tmp_path):
    """The folder with the agent's key files belongs to the system; here it is another one."""
    import msal.managed_identity

    tenant.machine.keys = tmp_path
    prefixes = dict.fromkeys(msal.managed_identity._supported_arc_platforms_and_their_prefixes, str(tmp_path))
    monkeypatch.setattr(msal.managed_identity, "_supported_arc_platforms_and_their_prefixes", prefixes)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/metadata/identity/oauth2/token")
    monkeypatch.setenv("IMDS_ENDPOINT", machine.url)

    assert app_id_in(ManagedIdentityCredential().get_token(scope)) == system.app_id


def test_a_pod_with_a_token_file(tenant, manager, scope, options, tmp_path):
    tenant.federate(manager, "https://cluster.test", "system:serviceaccount:ns:payroll")
    path = tmp_path / "token"
    path.write_text(outside.mint(tenant.clock, "https://cluster.test", "system:serviceaccount:ns:payroll"))
    credential = WorkloadIdentityCredential(
        tenant_id=tenant.id, client_id=manager.app_id, token_file_path=str(path), **options
    )

    assert app_id_in(credential.get_token(scope)) == manager.app_id


def test_a_step_of_azure_pipelines(server, tenant, manager, scope, options, monkeypatch):
    tenant.federate(manager, outside.PIPELINES, tenant.platform.subject)
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", f"{server.url}/_platforms/pipelines/token")
    credential = AzurePipelinesCredential(
        tenant_id=tenant.id,
        client_id=manager.app_id,
        service_connection_id=tenant.platform.service_connection_id,
        system_access_token=tenant.platform.request_token,
        **options,
    )

    assert app_id_in(credential.get_token(scope)) == manager.app_id


def test_a_subject_that_is_not_trusted(tenant, manager, scope, options, tmp_path):
    tenant.federate(manager, "https://cluster.test", "system:serviceaccount:ns:payroll")
    path = tmp_path / "token"
    path.write_text(outside.mint(tenant.clock, "https://cluster.test", "system:serviceaccount:ns:other"))
    credential = WorkloadIdentityCredential(
        tenant_id=tenant.id, client_id=manager.app_id, token_file_path=str(path), **options
    )

    with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
        credential.get_token(scope)


def test_a_person_with_a_device_code(tenant, server, options):
    tenant.add_user("admin", ["Application Administrator"])
    shown = []

    def show(uri, code, expires):
        shown.append(uri)
        tenant.device_codes.answer("approved", tenant.user("admin"), code)

    credential = DeviceCodeCredential(tenant_id=tenant.id, prompt_callback=show, **options)
    token = credential.get_token(f"{server.url}/Application.ReadWrite.All").token
    claims = jwt.decode(token, options={"verify_signature": False})

    assert shown == ["https://microsoft.com/devicelogin"]
    assert (claims["scp"], claims["idtyp"]) == ("Application.ReadWrite.All", "user")


def test_the_azure_cli(tenant, manager, scope, options, tmp_path, monkeypatch):
    """The same stand-in for `az` as in the collection's own tests."""
    program = tmp_path / "az"
    answer = '{"accessToken": "a.b.c", "expiresOn": "2036-11-22 11:00:00.000000", "tokenType": "Bearer"}'
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert AzureCliCredential(tenant_id=tenant.id).get_token(scope).token == "a.b.c"
