# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key pairs and certificates: made, read, matched, signed with. The only importer of `cryptography`.

What a user hands in is refused with one sentence of `refusals.py`; no content and no passphrase gets into a message
or a repr.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import traceback
import typing as t
from dataclasses import dataclass, field

from .._core.model import Certificate
from .._core.times import format_iso, whole_seconds
from . import pem
from .refusals import SMALLEST_KEY, refusal

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    CRYPTOGRAPHY_IMPORT_ERROR: str | None = None
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR = traceback.format_exc()


@dataclass(frozen=True)
class KeyPair:
    """A private key with its certificate; satisfies the Signer port of `_entra/assertion.py`."""

    certificate: Certificate
    private_key: rsa.RSAPrivateKey = field(repr=False, compare=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """The signature of a JWT whose header names `algorithm`: RS256 or PS256."""
        paddings: dict[str, padding.AsymmetricPadding] = {
            "RS256": padding.PKCS1v15(),
            "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
        }
        return self.private_key.sign(data, paddings[algorithm], hashes.SHA256())

    def private_key_pem(self, passphrase: str | None = None) -> bytes:
        """PKCS#8, encrypted when there is a passphrase."""
        encryption = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else None
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            encryption or serialization.NoEncryption(),
        )

    def certificate_pem(self) -> bytes:
        return pem.format_certificates([self.certificate.der])


def generate_key_pair(*, key_size: int, subject: str, not_before: dt.datetime, not_after: dt.datetime) -> KeyPair:
    """A new RSA key with a self-signed certificate."""
    start, end = whole_seconds(not_before), whole_seconds(not_after)
    if key_size < SMALLEST_KEY:
        raise refusal("weak_key", "The key pair to be generated", size=key_size)
    if end <= start:
        raise refusal("bad_validity", "The certificate to be generated", start=format_iso(start), end=format_iso(end))
    name = _parse_subject(subject)
    return _signed_by_itself(rsa.generate_private_key(public_exponent=65537, key_size=key_size), name, start, end)


def with_other_dates(key_pair: KeyPair, not_before: dt.datetime, not_after: dt.datetime) -> KeyPair:
    """The same private key and subject in another self-signed certificate."""
    subject = x509.load_der_x509_certificate(key_pair.certificate.der).subject
    return _signed_by_itself(key_pair.private_key, subject, whole_seconds(not_before), whole_seconds(not_after))


def _signed_by_itself(private_key: rsa.RSAPrivateKey, name: x509.Name, start: dt.datetime, end: dt.datetime) -> KeyPair:
    builder = (
        x509.CertificateBuilder(name, name, private_key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    certificate = builder.sign(private_key, hashes.SHA256())
    return KeyPair(certificate_from_der(certificate.public_bytes(serialization.Encoding.DER)), private_key)


def distinguished_name(subject: str) -> str:
    """A subject as RFC 4514 text, for those who take nothing else."""
    return _parse_subject(subject).rfc4514_string()


def load_chain(content: bytes, where: str, request: bytes | None) -> tuple[Certificate, tuple[bytes, ...]]:
    """The certificate that an authority made for the key of a signing request (DER), and the others beside it."""
    found = _list_certificates(content, where)
    try:
        public_key = x509.load_der_x509_csr(request or b"").public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal("other_public_key", where) from error
    fitting = [parsed for parsed in found if _public_key(parsed) == public_key]
    if not fitting:
        raise refusal("other_public_key" if found else "no_certificate", where)
    leaf = max(fitting, key=lambda parsed: parsed.not_valid_after_utc)
    chain = (parsed.public_bytes(serialization.Encoding.DER) for parsed in found if parsed not in fitting)
    return _facts(leaf), tuple(chain)


def signing_request(key_pair: KeyPair, subject: str) -> str:
    """A PKCS#10 request for a certificate authority, as PEM."""
    builder = x509.CertificateSigningRequestBuilder(_parse_subject(subject))
    request = builder.sign(key_pair.private_key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def to_pfx(key_pair: KeyPair, passphrase: str, name: str) -> bytes:
    """PKCS#12 for consumers that cannot read PEM.

    PBES2 with AES-256-CBC and SHA-256, which Windows reads from Server 2019 and Windows 10 1709 on.
    Source: "PKCS12_PBES2_EXPORT_PARAMS structure" on learn.microsoft.com.
    """
    if not passphrase:
        raise refusal("empty_passphrase", "The passphrase of the PFX")
    if not _is_usable(passphrase):
        raise refusal("odd_passphrase", "The passphrase of the PFX")
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        key_pair.private_key,
        x509.load_der_x509_certificate(key_pair.certificate.der),
        [x509.load_der_x509_certificate(der) for der in key_pair.chain],
        serialization.BestAvailableEncryption(passphrase.encode()),
    )


def load_key_pair(content: bytes, passphrase: str | None, where: str, *, validate: bool = True) -> KeyPair:
    """The key pair in a PEM or PFX. `validate=False` skips a slow check, for keys that this collection has written."""
    if pem.is_pem(content):
        blocks = pem.parse_blocks(content)
        return _match(_read_key(blocks, passphrase, where, validate), _read_certificates(blocks, where), where)
    if not pem.is_pfx(content):
        raise refusal("not_a_key_pair", where)
    opened = _open_pfx(content, passphrase, where)
    found = [entry.certificate for entry in (opened.cert, *opened.additional_certs) if entry]
    return _match(opened.key, found, where)


def pair(private_key: bytes, certificate: bytes, passphrase: str | None, where: str) -> KeyPair:
    """A private key (PEM) and its certificate (PEM, with or without a chain, or DER) brought as two contents."""
    key = _read_key(pem.parse_blocks(private_key), passphrase, where, True)
    return _match(key, _list_certificates(certificate, where), where)


def certify(key_pair: KeyPair, certificate: bytes, where: str) -> KeyPair:
    """The same private key with the certificate that an authority has made for it."""
    found = _list_certificates(certificate, where)
    if found and not any(_belongs(parsed, key_pair.private_key) for parsed in found):
        raise refusal("other_public_key", where)
    return _match(key_pair.private_key, found, where)


def load_certificate(content: bytes, where: str) -> Certificate:
    """A public certificate that stands alone; of a chain, the one that issued none of the others."""
    if pem.is_pfx(content) or any(block.is_private_key for block in pem.parse_blocks(content)):
        raise refusal("private_key_in_certificate", where)
    found = _list_certificates(content, where)
    if not found:
        raise refusal("not_a_certificate", where)
    names = [(_name(parsed, "subject"), _name(parsed, "issuer")) for parsed in found]
    issuers = {issuer for subject, issuer in names if issuer != subject}
    leaves = [parsed for parsed, (subject, _issuer) in zip(found, names) if subject not in issuers]
    if len(leaves) != 1:
        raise refusal("several_certificates", where, count=len(found))
    _refuse_unless_rsa(_public_key(leaves[0]), where)
    return _facts(leaves[0])


def certificate_from_der(der: bytes) -> Certificate:
    """The facts of a certificate that anybody may have made, RSA or not. Raises ValueError for anything else."""
    return _facts(_parse_der(der))


def _facts(parsed: x509.Certificate) -> Certificate:
    der = parsed.public_bytes(serialization.Encoding.DER)
    key = _public_key(parsed)
    return Certificate(
        thumbprint=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        thumbprint_sha256=hashlib.sha256(der).hexdigest().upper(),
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        der=der,
        subject=_name(parsed, "subject"),
        key_size=key.key_size if isinstance(key, rsa.RSAPublicKey) else 0,
    )


def _parse_der(der: bytes) -> x509.Certificate:
    """Dates are read here too, as they are parsed late and may be broken where the rest is not."""
    try:
        parsed = x509.load_der_x509_certificate(der)
        _dates = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    except (ValueError, TypeError, OverflowError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise ValueError("These bytes are not an X.509 certificate.") from error
    return parsed


def _public_key(parsed: x509.Certificate) -> t.Any:
    """The key, or None: a certificate is read before its key is, and either may be broken."""
    try:
        return parsed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _name(parsed: x509.Certificate, whose: t.Literal["subject", "issuer"]) -> str:
    """The subject or the issuer, or nothing: foreign names hold anything."""
    try:
        name: x509.Name = getattr(parsed, whose)
        return name.rfc4514_string()
    except (ValueError, KeyError):
        return ""


def _parse_subject(subject: str) -> x509.Name:
    """An RFC 4514 text; a bare name becomes its CN."""
    try:
        bare = None if "=" in subject else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        name = bare or x509.Name.from_rfc4514_string(subject)
        name.public_bytes()
        names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
        if not all(attribute.value.strip() for attribute in name) or any(len(entry.value) > 64 for entry in names):
            raise ValueError("a part is empty or too long")
        return name
    except (ValueError, KeyError) as error:
        raise refusal("bad_subject", subject) from error


def _is_usable(passphrase: str) -> bool:
    """OpenSSL ends a passphrase at a NUL, and cryptography panics at one; half a character has no bytes."""
    return "\0" not in passphrase and not any("\ud800" <= letter <= "\udfff" for letter in passphrase)


def _open_pfx(content: bytes, passphrase: str | None, where: str) -> pkcs12.PKCS12KeyAndCertificates:
    if passphrase and not _is_usable(passphrase):
        raise refusal("wrong_passphrase", where)
    try:
        return pkcs12.load_pkcs12(content, passphrase.encode() if passphrase else None)
    except UnsupportedAlgorithm as error:
        raise refusal("unknown_encryption", where) from error
    except ValueError as error:
        raise refusal("wrong_passphrase" if passphrase else "no_passphrase", where) from error


def _read_key(blocks: t.Sequence[pem.Block], passphrase: str | None, where: str, validate: bool) -> t.Any:
    keys = [block for block in blocks if block.is_private_key]
    if not keys:
        raise refusal("no_key", where)
    if len(keys) > 1:
        raise refusal("several_keys", where, count=len(keys))
    encrypted = keys[0].is_encrypted
    if encrypted and not passphrase:
        raise refusal("no_passphrase", where)
    if encrypted and passphrase and not _is_usable(passphrase):
        raise refusal("wrong_passphrase", where)
    password = passphrase.encode() if encrypted and passphrase else None
    try:
        return serialization.load_pem_private_key(keys[0].text, password, unsafe_skip_rsa_key_validation=not validate)
    except UnsupportedAlgorithm as error:
        raise refusal("unknown_encryption" if encrypted else "damaged_key", where) from error
    except (ValueError, TypeError) as error:
        raise refusal("wrong_passphrase" if encrypted else "damaged_key", where) from error


def _list_certificates(content: bytes, where: str) -> list[x509.Certificate]:
    """Every certificate of a PEM, or the one of a DER."""
    if pem.is_pem(content):
        return _read_certificates(pem.parse_blocks(content), where)
    try:
        return [_parse_der(content)]
    except ValueError as error:
        raise refusal("not_a_certificate", where) from error


def _read_certificates(blocks: t.Sequence[pem.Block], where: str) -> list[x509.Certificate]:
    try:
        return [_parse_der(pem.parse_der(block)) for block in blocks if block.is_certificate]
    except ValueError as error:
        raise refusal("not_a_certificate", where) from error


def _match(key: t.Any, found: t.Sequence[x509.Certificate], where: str) -> KeyPair:
    """The key with its certificate; of several for one key, the one that lasts longest. The others are the chain."""
    if key is None:
        raise refusal("no_key", where)
    _refuse_unless_rsa(key, where)
    if not found:
        raise refusal("no_certificate", where)
    fitting = [parsed for parsed in found if _belongs(parsed, key)]
    if not fitting:
        raise refusal("no_match" if len(found) == 1 else "none_matches", where, count=len(found))
    leaf = max(fitting, key=lambda parsed: parsed.not_valid_after_utc)
    chain = (parsed.public_bytes(serialization.Encoding.DER) for parsed in found if parsed not in fitting)
    return KeyPair(_facts(leaf), key, tuple(chain))


def _belongs(parsed: x509.Certificate, key: rsa.RSAPrivateKey) -> bool:
    return bool(_public_key(parsed) == key.public_key())


def _refuse_unless_rsa(key: t.Any, where: str) -> None:
    if not isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        kind = type(key).__name__.replace("PrivateKey", "").replace("PublicKey", "").strip("_")
        raise refusal("not_rsa", where, kind="unknown" if key is None else kind)
    if key.key_size < SMALLEST_KEY:
        raise refusal("weak_key", where, size=key.key_size)
