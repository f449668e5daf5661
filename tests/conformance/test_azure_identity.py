# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""azure-identity signs in with a secret and with a certificate."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential


@pytest.fixture
def options(server):
    return {
        "authority": server.url,
        "disable_instance_discovery": True,
        "connection_verify": str(server.ca_path),
    }


def test_with_a_secret(tenant, manager, scope, options):
    credential = ClientSecretCredential(tenant.id, manager.app_id, "s3cret", **options)

    assert credential.get_token(scope).token


@pytest.mark.parametrize("chain", [False, True], ids=["thumbprint", "chain"])
def test_with_a_certificate(tenant, manager, key_pair, scope, options, chain):
    credential = CertificateCredential(
        tenant.id,
        manager.app_id,
        certificate_data=key_pair.bundle_pem.encode(),
        send_certificate_chain=chain,
        **options,
    )

    assert credential.get_token(scope).token


def test_an_expired_certificate_is_refused_with_the_words_of_the_service(tenant, scope, options):
    old = tenant.issue("old", -100, -1)
    application = tenant.add_application("old", [old])
    credential = CertificateCredential(
        tenant.id, application.app_id, certificate_data=old.bundle_pem.encode(), **options
    )

    with pytest.raises(ClientAuthenticationError, match=r"AADSTS700027.*The key used is expired"):
        credential.get_token(scope)


def test_a_disabled_application_is_refused(tenant, manager, scope, options):
    tenant.enable(manager, False)
    credential = ClientSecretCredential(tenant.id, manager.app_id, "s3cret", **options)

    with pytest.raises(ClientAuthenticationError, match="AADSTS7000112"):
        credential.get_token(scope)
