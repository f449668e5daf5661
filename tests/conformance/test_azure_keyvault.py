# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft's clients of Key Vault make, import, merge, tag, renew and sign against the emulator."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import (
    CertificateClient,
    CertificateContentType,
    CertificatePolicy,
    LifetimeAction,
    WellKnownIssuerNames,
)
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

SELF = CertificatePolicy(
    issuer_name=WellKnownIssuerNames.self,
    subject="CN=payroll",
    validity_in_months=6,
    exportable=False,
    key_size=2048,
    reuse_key=False,
    lifetime_actions=[LifetimeAction("EmailContacts", lifetime_percentage=80)],
)
UNKNOWN = CertificatePolicy(issuer_name=WellKnownIssuerNames.unknown, subject="CN=payroll")


@pytest.fixture
def vault(tenant, manager):
    """The emulator's own address is that of the first vault."""
    vault = tenant.vaults.add("payroll")
    vault.allow(manager)
    vault.certificates.clear()
    return vault


@pytest.fixture
def credential(server, tenant, manager):
    options = {"authority": server.url, "disable_instance_discovery": True, "connection_verify": str(server.ca_path)}
    return ClientSecretCredential(tenant.id, manager.app_id, "s3cret", **options)


@pytest.fixture
def options(server):
    """A vault on this machine lies in no domain of Azure, which the clients check unless told not to."""
    return {"verify_challenge_resource": False, "connection_verify": str(server.ca_path), "retry_total": 0}


@pytest.fixture
def client(server, vault, credential, options):
    return CertificateClient(server.url, credential, **options)


def test_a_certificate_is_made_listed_and_tagged(client):
    made = client.begin_create_certificate("payroll", SELF, tags={"team": "payroll"}).result()

    assert x509.load_der_x509_certificate(bytes(made.cer)).subject.rfc4514_string() == "CN=payroll"
    assert made.properties.x509_thumbprint == hashlib.sha1(bytes(made.cer)).digest()
    assert made.policy.exportable is False and made.properties.tags == {"team": "payroll"}
    changed = client.update_certificate_properties("payroll", made.properties.version, tags={"stage": "current"})
    assert changed.properties.tags == {"stage": "current"} and changed.properties.enabled
    (listed,) = client.list_properties_of_certificate_versions("payroll")
    assert (listed.version, listed.tags) == (made.properties.version, {"stage": "current"})
    assert listed.expires_on - listed.not_before > dt.timedelta(days=150)


@pytest.mark.parametrize("algorithm", [SignatureAlgorithm.ps256, SignatureAlgorithm.rs256])
def test_a_key_signs_in_the_vault_what_its_certificate_verifies(server, client, credential, options, algorithm):
    made = client.begin_create_certificate("payroll", SELF).result()
    key = KeyClient(server.url, credential, **options).get_key("payroll", made.properties.version)
    signer = CryptographyClient(key.id, credential, **options)

    signature = signer.sign(algorithm, hashlib.sha256(b"header.payload").digest()).signature

    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    used = pss if algorithm == SignatureAlgorithm.ps256 else padding.PKCS1v15()
    public_key = x509.load_der_x509_certificate(bytes(made.cer)).public_key()
    public_key.verify(signature, b"header.payload", used, hashes.SHA256())


def test_a_disabled_version_does_not_sign(server, client, credential, options):
    made = client.begin_create_certificate("payroll", SELF).result()
    client.update_certificate_properties("payroll", made.properties.version, enabled=False)
    signer = CryptographyClient(f"{server.url}/keys/payroll/{made.properties.version}", credential, **options)

    with pytest.raises(HttpResponseError, match="not allowed on a disabled key"):
        signer.sign(SignatureAlgorithm.rs256, bytes(32))


@pytest.mark.parametrize("kind", ["pem", "pfx"])
def test_a_key_pair_is_imported(client, key_pair, kind):
    content = key_pair.bundle_pem.encode() if kind == "pem" else key_pair.pfx_with(b"pw")
    policy = CertificatePolicy(
        issuer_name=WellKnownIssuerNames.unknown,
        content_type=CertificateContentType.pem if kind == "pem" else CertificateContentType.pkcs12,
    )
    password = None if kind == "pem" else "pw"

    imported = client.import_certificate("payroll", content, policy=policy, password=password)

    assert bytes(imported.cer) == key_pair.der


def test_a_request_is_signed_elsewhere_and_merged(client, tenant):
    operation = client.begin_create_certificate("payroll", UNKNOWN).result()
    request = x509.load_der_x509_csr(bytes(operation.csr))
    assert operation.status == "inProgress" and request.is_signature_valid
    with pytest.raises(ResourceExistsError, match="status is inProgress"):
        client.begin_create_certificate("payroll", SELF)

    authority = tenant.issue("authority")
    start = tenant.clock.from_now(-0.1)
    builder = x509.CertificateBuilder(
        authority.parsed.subject, request.subject, request.public_key(), 7, start, start + dt.timedelta(days=90)
    )
    signed = builder.sign(authority.private_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    merged = client.merge_certificate("payroll", [signed, authority.der])

    assert bytes(merged.cer) == signed
    assert client.get_certificate_operation("payroll").status == "completed"


def test_more_versions_than_fit_on_a_page_are_all_listed(client, vault, key_pair):
    client.import_certificate("payroll", key_pair.pfx)
    for _number in range(30):
        vault.auto_renew("payroll")

    assert len(list(client.list_properties_of_certificate_versions("payroll"))) == 31


def test_a_deleted_name_is_not_free_until_it_is_recovered_or_purged(client):
    client.begin_create_certificate("payroll", SELF).result()
    client.begin_delete_certificate("payroll").wait()
    with pytest.raises(ResourceExistsError, match="deleted but recoverable state"):
        client.begin_create_certificate("payroll", SELF)

    client.begin_recover_deleted_certificate("payroll").wait()
    assert client.get_certificate("payroll").name == "payroll"
    client.begin_delete_certificate("payroll").wait()
    client.purge_deleted_certificate("payroll")
    assert client.begin_create_certificate("payroll", SELF).result().name == "payroll"


def test_who_has_no_role_is_refused(client, vault):
    vault.roles.clear()

    with pytest.raises(HttpResponseError, match="not authorized to perform action"):
        client.get_certificate("payroll")


def test_what_auto_renew_makes_is_the_latest_version(client, vault):
    client.begin_create_certificate("payroll", SELF).result()
    made = vault.auto_renew("payroll")

    latest = client.get_certificate("payroll")
    assert latest.properties.version == made.id
    assert base64.b64encode(bytes(latest.cer)).decode() == made.pair.base64
