# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that an authority signs, and keys that somebody else made: the two tasks that the guide shows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.modules import application_certificate_renew as module
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

QUICK = {"sign_in_interval": 0, "initial_pause": 0}


def now():
    return dt.datetime.now(dt.timezone.utc).replace(microsecond=0)


class Authority:
    """A root and the intermediate below it, with the little that a certificate authority does."""

    def __init__(self):
        self.root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.root = self._certify("Root", self.root_key.public_key(), "Root", self.root_key)
        self.intermediate = self._certify("Issuing", self.key.public_key(), "Root", self.root_key)

    def _certify(self, subject, public_key, issuer, key, days=90):
        subject = subject if isinstance(subject, x509.Name) else _name(subject)
        start = now() - dt.timedelta(minutes=5)
        builder = x509.CertificateBuilder(
            _name(issuer), subject, public_key, x509.random_serial_number(), start, start + dt.timedelta(days=days)
        )
        return builder.sign(key, hashes.SHA256())

    def sign(self, csr, days=90):
        """The certificate for a request, with the chain below it, as authorities hand it out."""
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        return self.chained(self._certify(request.subject, request.public_key(), "Issuing", self.key, days))

    def for_key(self, public_key):
        return self.chained(self._certify("payroll", public_key, "Issuing", self.key))

    def chained(self, leaf):
        certificates = (leaf, self.intermediate, self.root)
        return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def renew(run_module, payroll, key_store):
    def make(check=False, **options):
        return run_module(module, check, **{"app_id": payroll.app_id, "key_store": key_store, **QUICK, **options})

    return make


@pytest.fixture
def request_of(renew):
    """The signing request of a successor that waits for its certificate."""
    return renew(csr=True, stop_after="generated", subject="CN=payroll,O=Example")["csr"]


def bundle_of(key_store, stage="current"):
    return x509.load_pem_x509_certificates(Path(key_store, stage, "bundle.pem").read_bytes())


def test_a_certificate_signed_elsewhere_is_proven_and_kept_with_its_chain(renew, request_of, authority, key_store):
    signed = authority.sign(request_of)

    planned, done = renew(check=True, certificate_content=signed), renew(certificate_content=signed)

    assert planned["certificate"]["thumbprint"] == done["certificate"]["thumbprint"]
    assert done["certificate"]["stage"] == "current" and done["sign_ins"]["consecutive"] == 3
    leaf, intermediate, root = bundle_of(key_store)
    assert leaf.subject.rfc4514_string() == "CN=payroll,O=Example" and leaf.issuer == intermediate.subject
    assert (intermediate, root) == (authority.intermediate, authority.root)
    assert not renew(certificate_content=signed)["changed"]


def test_the_key_that_waits_stays_the_same_however_often_it_is_asked_for(renew, request_of):
    again = renew(csr=True, stop_after="generated", subject="CN=payroll,O=Example")

    assert not again["changed"]
    public_keys = [x509.load_pem_x509_csr(text.encode()).public_key() for text in (request_of, again["csr"])]
    assert public_keys[0] == public_keys[1]


def test_a_certificate_for_another_key_is_refused_and_the_waiting_one_stays(renew, request_of, authority, key_store):
    stranger = authority.for_key(authority.key.public_key())

    failed = renew(certificate_content=stranger)

    assert "has another public key than the key pair it should certify" in failed["msg"]
    assert len(bundle_of(key_store, "successor")) == 1
    assert renew(certificate_content=authority.sign(request_of))["certificate"]["stage"] == "current"


@pytest.mark.parametrize("days", [20, 0])
def test_a_certificate_that_ends_too_soon_is_refused_before_it_is_kept(renew, request_of, authority, key_store, days):
    failed = renew(certificate_content=authority.sign(request_of, days=days + 1))

    assert "within renew_before" in failed["msg"]
    assert len(bundle_of(key_store, "successor")) == 1


@pytest.mark.parametrize("passphrase", [None, "s3cret words"])
def test_a_key_made_elsewhere_is_taken_with_its_certificate(renew, authority, key_store, passphrase, tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else None
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption or serialization.NoEncryption()
    )
    path = tmp_path / "brought.pem"
    path.touch(0o600)
    path.write_bytes(text)
    given = {"certificate_content": authority.for_key(key.public_key()), "private_key_path": str(path)}

    if passphrase:
        assert "no passphrase was given" in renew(**given)["msg"]
        assert "the passphrase is wrong" in renew(**given, private_key_passphrase="other")["msg"]
    done = renew(**given, private_key_passphrase=passphrase)

    assert done["certificate"]["stage"] == "current"
    assert [one.subject for one in bundle_of(key_store)][1:] == [authority.intermediate.subject, authority.root.subject]


def test_a_passphrase_without_a_key_is_refused(renew):
    assert "private_key_passphrase needs private_key_path" in renew(private_key_passphrase="x")["msg"]
