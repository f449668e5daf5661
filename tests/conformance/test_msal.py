# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""msal signs in with every credential that it knows for a confidential client."""

from __future__ import annotations

import msal
import pytest


@pytest.fixture
def sign_in(server, tenant, scope):
    def with_credential(application, credential, **options):
        client = msal.ConfidentialClientApplication(
            application.app_id,
            authority=f"{server.url}/{tenant.id}",
            client_credential=credential,
            verify=str(server.ca_path),
            **{"instance_discovery": False, **options},
        )
        return client.acquire_token_for_client([scope])

    return with_credential


def test_with_a_secret(tenant, manager, sign_in):
    assert sign_in(manager, "s3cret")["access_token"]


def test_with_a_certificate_as_ps256_and_sha256(tenant, manager, key_pair, sign_in):
    credential = {"private_key": key_pair.private_key_pem, "public_certificate": key_pair.certificate_pem}

    assert sign_in(manager, credential)["access_token"]


def test_with_a_certificate_as_rs256_and_sha1(tenant, manager, key_pair, sign_in):
    credential = {"private_key": key_pair.private_key_pem, "thumbprint": key_pair.thumbprint}

    assert sign_in(manager, credential)["access_token"]


def test_with_a_pfx(tmp_path, tenant, manager, key_pair, sign_in):
    path = tmp_path / "manager.pfx"
    path.write_bytes(key_pair.pfx_with(b"open sesame"))

    assert sign_in(manager, {"private_key_pfx_path": str(path), "passphrase": "open sesame"})["access_token"]


def test_with_instance_discovery_at_the_emulator(server, tenant, manager, sign_in):
    result = sign_in(manager, "s3cret", instance_discovery=f"{server.url}/common/discovery/instance")

    assert result["access_token"]


def test_an_unregistered_certificate_is_reported_with_its_code(tenant, manager, sign_in):
    stranger = tenant.issue("stranger", -1, 100)

    result = sign_in(manager, {"private_key": stranger.private_key_pem, "thumbprint": stranger.thumbprint})

    assert result["error"] == "invalid_client"
    assert result["error_codes"] == [700027]
    assert stranger.thumbprint in result["error_description"]


def test_an_unknown_tenant_shows_at_construction(server, manager):
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        msal.ConfidentialClientApplication(
            manager.app_id,
            authority=f"{server.url}/nowhere",
            client_credential="s3cret",
            verify=str(server.ca_path),
            instance_discovery=False,
        )


def test_a_server_error_raises(tenant, manager, sign_in):
    tenant.faults.add("error", match="token", status=503, retry_after=1)

    with pytest.raises(msal.exceptions.MsalServiceError):
        sign_in(manager, "s3cret")
