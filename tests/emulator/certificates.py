# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and key pairs: made for fixtures, read from what clients upload."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import timezone
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

SHARED_KEYS = 8


@dataclass(frozen=True)
class Certificate:
    """A public certificate, identified by its bytes."""

    der: bytes = field(repr=False)

    @property
    def parsed(self):
        return x509.load_der_x509_certificate(self.der)

    @property
    def thumbprint(self):
        return hashlib.sha1(self.der).hexdigest().upper()

    @property
    def thumbprint_sha256(self):
        return hashlib.sha256(self.der).hexdigest().upper()

    @property
    def not_before(self):
        return self.parsed.not_valid_before_utc.astimezone(timezone.utc)

    @property
    def not_after(self):
        return self.parsed.not_valid_after_utc.astimezone(timezone.utc)

    @property
    def subject(self):
        return self.parsed.subject.rfc4514_string()

    @property
    def certificate_pem(self):
        return self.parsed.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def base64(self):
        return base64.b64encode(self.der).decode()


@dataclass(frozen=True)
class KeyPair(Certificate):
    """A certificate with its private key, for the key store of a test or the demo."""

    private_key: object = field(repr=False)

    @property
    def private_key_pem(self):
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def bundle_pem(self):
        return self.private_key_pem + self.certificate_pem

    @property
    def pfx(self):
        return self.pfx_with(b"")

    def pfx_with(self, passphrase):
        encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return pkcs12.serialize_key_and_certificates(None, self.private_key, self.parsed, None, encryption)


def issue(common_name, not_before, not_after, private_key=None):
    """A self-signed key pair. Without a key of its own it uses one of a few that the process shares."""
    key = private_key or shared_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(not_before).not_valid_after(not_after)
    signed = builder.sign(key, hashes.SHA256())
    return KeyPair(signed.public_bytes(serialization.Encoding.DER), key)


def new_key(size=2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def new_ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def shared_key():
    """The next of a few keys made once per process: making one takes 30 ms, signing a fifth of one."""
    shared_key.turn = (shared_key.turn + 1) % SHARED_KEYS
    return _key_number(shared_key.turn)


shared_key.turn = -1


@cache
def _key_number(number):
    return new_key()


def as_certificate(source):
    """A Certificate from a KeyPair, a Certificate, PEM text or DER bytes."""
    if isinstance(source, Certificate):
        return source
    data = source.encode() if isinstance(source, str) else source
    return Certificate(to_der(data))


def to_der(data):
    """The DER of the certificate in PEM text, DER, or a PFX without passphrase; else ValueError."""
    if b"-----BEGIN CERTIFICATE-----" in data:
        return x509.load_pem_x509_certificate(data).public_bytes(serialization.Encoding.DER)
    try:
        return x509.load_der_x509_certificate(data).public_bytes(serialization.Encoding.DER)
    except ValueError:
        return _certificate_of_pfx(data)


def _certificate_of_pfx(data):
    certificate = pkcs12.load_key_and_certificates(data, None)[1]
    if certificate is None:
        raise ValueError("No certificate in this PFX.")
    return certificate.public_bytes(serialization.Encoding.DER)


def decode_key(text):
    """The bytes that a client uploaded as `key`: base64 with any white space (facts 2.2); else ValueError."""
    return base64.b64decode(re.sub(r"\s+", "", text), validate=True)


def has_private_key(data):
    """Whether these uploaded bytes are more than a public certificate."""
    if b"PRIVATE KEY-----" in data:
        return True
    try:
        return pkcs12.load_key_and_certificates(data, None)[0] is not None
    except ValueError:
        return False
