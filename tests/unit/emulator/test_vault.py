# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 14: what a vault refuses of a client that is not careful."""

from __future__ import annotations

import base64

import pytest
import requests
from adapter.wsgi_adapter import connect

HOST = "https://payroll.vault.azure.net"
DIGEST = bytes([0xFB, 0xFF]) * 16  # each of its letters differs between the two alphabets or is padding


@pytest.fixture
def vault(tenant, emulator, client):
    """A vault with one certificate; asks it as an identity that may do everything."""
    keeper = tenant.add_application("keeper", secret="s3cret")
    vault = tenant.vaults.add("payroll")
    vault.allow(keeper)
    vault.begin("payroll", {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=payroll"}}, {}, True)
    session = connect(requests.Session(), emulator)
    answer = client.sign_in(keeper, secret="s3cret", scope="https://vault.azure.net/.default")
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return session


@pytest.fixture
def sign(vault, tenant):
    version = tenant.vaults.add("payroll").certificate("payroll").version(None)

    def send(value):
        path = f"{HOST}/keys/payroll/{version.id}/sign?api-version=7.4"
        return vault.post(path, json={"alg": "PS256", "value": value})

    return send


@pytest.mark.parametrize("query", ["", "?api-version=", "?api-version=1.0"])
def test_a_request_without_a_known_api_version_is_refused(vault, query):
    answer = vault.get(f"{HOST}/certificates/payroll{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("version", ["7.4", "2026-04-01"])
def test_a_known_api_version_is_served(vault, version):
    assert vault.get(f"{HOST}/certificates/payroll?api-version={version}").status_code == 200


def test_a_digest_comes_as_base64url_without_padding(sign):
    right = base64.urlsafe_b64encode(DIGEST).decode().rstrip("=")

    assert sign(right).status_code == 200
    for wrong in (base64.b64encode(DIGEST).decode().rstrip("="), f"{right}=", f"{right} ", "", None, 7):
        answer = sign(wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
