# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import random

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import (
    CRYPTOGRAPHY_IMPORT_ERROR,
    KeyPair,
    certificate_from_der,
    certify,
    generate_key_pair,
    load_certificate,
    load_key_pair,
    pair,
    signing_request,
    to_pfx,
)
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PKCS1, PKCS8 = serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8
WHERE = "adopt_path '/etc/payroll.pem'"


def certificate_for(public_key, issuer_key, subject, issuer, now):
    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(name(issuer), name(subject), public_key, 7, now, now + dt.timedelta(days=90))
    return builder.sign(issuer_key, None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


@pytest.fixture(scope="session")
def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def weak_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.fixture(scope="session")
def authority(key_pairs, now):
    """A certificate authority and what it issued for the first key pair, leaf first."""
    issuer = key_pairs[2].private_key
    root = certificate_for(issuer.public_key(), issuer, "Root", "Root", now)
    leaf = certificate_for(key_pairs[0].private_key.public_key(), issuer, "payroll", "Root", now)
    return leaf.public_bytes(PEM), root.public_bytes(PEM)


def pem_of(key, encryption=None, form=PKCS8):
    return key.private_bytes(PEM, form, encryption or serialization.NoEncryption())


def refusal(function, *arguments):
    with pytest.raises(InvalidInput) as caught:
        function(*arguments)
    assert len(caught.value.problems) == 1
    return caught.value.message


# Making


def test_cryptography_is_there():
    assert CRYPTOGRAPHY_IMPORT_ERROR is None


def test_a_generated_certificate_tells_its_facts(now):
    made = generate_key_pair(
        key_size=3072, subject="payroll", not_before=now.replace(microsecond=5), not_after=now + dt.timedelta(days=180)
    ).certificate

    assert (made.subject, made.key_size) == ("CN=payroll", 3072)
    assert (made.not_before, made.not_after) == (now, now + dt.timedelta(days=180))
    assert len(made.thumbprint) == 40 and made.thumbprint == made.thumbprint.upper()
    parsed = x509.load_der_x509_certificate(made.der)
    assert parsed.fingerprint(hashes.SHA1()).hex().upper() == made.thumbprint
    assert parsed.fingerprint(hashes.SHA256()).hex().upper() == made.thumbprint_sha256
    assert isinstance(parsed.signature_hash_algorithm, hashes.SHA256)
    parsed.verify_directly_issued_by(parsed)


def test_a_subject_may_be_an_rfc_4514_text(now):
    made = generate_key_pair(
        key_size=2048, subject="CN=payroll,O=Example", not_before=now, not_after=now + dt.timedelta(days=1)
    )

    assert made.certificate.subject == "CN=payroll,O=Example"


@pytest.mark.parametrize("subject", ["", " ", "CN=", "XX=1", "CN=a,,", "a" * 65, "CN=" + "a" * 65])
def test_a_subject_that_is_no_name_is_refused(subject, now):
    with pytest.raises(InvalidInput) as caught:
        generate_key_pair(key_size=2048, subject=subject, not_before=now, not_after=now + dt.timedelta(days=1))

    assert caught.value.message == (
        f"The subject '{subject}' cannot be the name of a certificate: accepted is an RFC 4514 text such as "
        "'CN=payroll,O=Example', or a bare name of 1 to 64 characters."
    )


def test_a_weak_key_is_not_made(now):
    with pytest.raises(InvalidInput, match=r"^The key pair to be generated has an RSA key of 1024 bits"):
        generate_key_pair(key_size=1024, subject="a", not_before=now, not_after=now + dt.timedelta(days=1))


def test_a_certificate_that_ends_before_it_starts_is_not_made(now):
    with pytest.raises(InvalidInput, match=r"valid from 2026-11-22T10:00:00Z to 2026-11-22T10:00:00Z"):
        generate_key_pair(key_size=2048, subject="a", not_before=now, not_after=now)


def test_nothing_private_is_in_a_repr(key_pair):
    assert "private" not in repr(key_pair).lower()
    assert "chain" not in repr(key_pair)


# Signing


def test_both_signatures_of_a_jwt_verify(key_pair):
    public = key_pair.private_key.public_key()

    public.verify(key_pair.sign(b"data", "RS256"), b"data", padding.PKCS1v15(), hashes.SHA256())
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    public.verify(key_pair.sign(b"data", "PS256"), b"data", pss, hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(key_pair.sign(b"other", "PS256"), b"data", pss, hashes.SHA256())


def test_a_signing_request_is_signed_by_the_key_it_asks_for(key_pair):
    request = x509.load_pem_x509_csr(signing_request(key_pair, "CN=payroll").encode())

    assert request.is_signature_valid
    assert request.public_key() == key_pair.private_key.public_key()
    assert request.subject.rfc4514_string() == "CN=payroll"


# Loading


def test_key_and_certificate_may_come_in_any_order(key_pair):
    key, certificate = key_pair.private_key_pem(), key_pair.certificate_pem()

    for content in (
        key + certificate,
        certificate + key,
        b"Bag Attributes\n" + certificate.replace(b"\n", b"\r\n") + key,
    ):
        assert load_key_pair(content, None, WHERE) == key_pair


def test_the_leaf_is_the_certificate_of_the_key_and_the_others_are_its_chain(key_pair, authority):
    leaf, root = authority

    loaded = load_key_pair(root + leaf + key_pair.private_key_pem(), None, WHERE)

    assert loaded.certificate.subject == "CN=payroll"
    assert [certificate_from_der(der).subject for der in loaded.chain] == ["CN=Root"]


def test_of_several_certificates_for_the_key_the_one_that_lasts_longest_counts(key_pair, now):
    older = certificate_for(
        key_pair.private_key.public_key(), key_pair.private_key, "old", "old", now - dt.timedelta(days=80)
    ).public_bytes(PEM)

    loaded = load_key_pair(older + key_pair.certificate_pem() + key_pair.private_key_pem(), None, WHERE)

    assert loaded == key_pair


@pytest.mark.parametrize("form", [PKCS1, PKCS8])
def test_an_encrypted_pem_opens_with_its_passphrase_only(key_pair, form):
    secret = serialization.BestAvailableEncryption("pä$$".encode())
    content = pem_of(key_pair.private_key, secret, form) + key_pair.certificate_pem()

    assert load_key_pair(content, "pä$$", WHERE) == key_pair
    assert refusal(load_key_pair, content, None, WHERE).startswith(
        f"{WHERE} is encrypted and no passphrase was given: accepted is PEM or PFX"
    )
    assert refusal(load_key_pair, content, "no", WHERE).startswith(
        f"{WHERE} cannot be opened, as the passphrase is wrong or the content is damaged: accepted is"
    )


def test_a_passphrase_for_a_key_that_needs_none_does_no_harm(key_pair):
    assert load_key_pair(key_pair.private_key_pem() + key_pair.certificate_pem(), "unused", WHERE) == key_pair


def test_a_pfx_opens_with_its_passphrase_only(key_pair, authority):
    certified = certify(key_pair, b"".join(authority), WHERE)
    content = to_pfx(certified, "pä$$", "payroll")

    assert load_key_pair(content, "pä$$", WHERE) == certified
    assert "no passphrase was given" in refusal(load_key_pair, content, None, WHERE)
    assert "no passphrase was given" in refusal(load_key_pair, content, "", WHERE)
    assert "the passphrase is wrong" in refusal(load_key_pair, content, "no", WHERE)


def test_a_pfx_without_a_passphrase_opens_without_one(key_pair):
    content = pkcs12.serialize_key_and_certificates(
        None,
        key_pair.private_key,
        x509.load_der_x509_certificate(key_pair.certificate.der),
        None,
        serialization.NoEncryption(),
    )

    assert load_key_pair(content, None, WHERE) == key_pair


def test_an_old_pfx_opens(key_pair):
    """Windows wrote Triple DES for decades."""
    encryption = (
        PKCS12_FORMAT.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(b"old")
    )
    certificate = x509.load_der_x509_certificate(key_pair.certificate.der)
    content = pkcs12.serialize_key_and_certificates(b"old", key_pair.private_key, certificate, None, encryption)

    assert load_key_pair(content, "old", WHERE) == key_pair


PKCS12_FORMAT = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000)


def test_a_pfx_for_consumers_needs_a_passphrase(key_pair):
    with pytest.raises(InvalidInput, match="is empty"):
        to_pfx(key_pair, "", "payroll")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"\x30\x82\x01\x00", b"{}"])
def test_what_is_neither_pem_nor_pfx_is_refused(content):
    assert refusal(load_key_pair, content, None, WHERE) == (
        f"{WHERE} is neither PEM nor PFX: accepted is PEM or PFX (PKCS#12) with one RSA private key of at least "
        "2048 bits and its certificate."
    )


def test_a_key_alone_is_refused(key_pair):
    assert " holds no certificate: " in refusal(load_key_pair, key_pair.private_key_pem(), None, WHERE)


def test_a_certificate_alone_is_refused(key_pair):
    assert " holds no private key: " in refusal(load_key_pair, key_pair.certificate_pem(), None, WHERE)


def test_a_pfx_without_a_key_is_refused(key_pair):
    certificate = x509.load_der_x509_certificate(key_pair.certificate.der)
    content = pkcs12.serialize_key_and_certificates(None, None, None, [certificate], serialization.NoEncryption())

    assert " holds no private key: " in refusal(load_key_pair, content, None, WHERE)


def test_two_keys_are_refused(key_pairs):
    content = b"".join(each.private_key_pem() + each.certificate_pem() for each in key_pairs[:2])

    assert " holds 2 private keys: " in refusal(load_key_pair, content, None, WHERE)


def test_a_certificate_of_another_key_is_refused(key_pairs):
    content = key_pairs[0].private_key_pem() + key_pairs[1].certificate_pem()

    assert " holds a private key and a certificate that do not belong together: " in refusal(
        load_key_pair, content, None, WHERE
    )


def test_several_certificates_of_other_keys_are_refused(key_pairs):
    content = key_pairs[0].private_key_pem() + key_pairs[1].certificate_pem() + key_pairs[2].certificate_pem()

    assert " holds 2 certificates, none of which belongs to the private key: " in refusal(
        load_key_pair, content, None, WHERE
    )


def test_an_elliptic_curve_key_is_refused(ec_key, now):
    certificate = certificate_for(ec_key.public_key(), ec_key, "a", "a", now).public_bytes(PEM)

    assert refusal(load_key_pair, pem_of(ec_key) + certificate, None, WHERE) == (
        f"{WHERE} has a key of the kind EC: Microsoft Entra accepts RSA keys only, of at least 2048 bits."
    )
    assert " of the kind EC" in refusal(load_certificate, certificate, WHERE)


def test_an_edwards_curve_key_is_refused(now):
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = certificate_for(key.public_key(), key, "a", "a", now).public_bytes(PEM)

    assert " has a key of the kind Ed25519: " in refusal(load_key_pair, pem_of(key) + certificate, None, WHERE)


def test_a_weak_key_is_refused(weak_key, now):
    certificate = certificate_for(weak_key.public_key(), weak_key, "a", "a", now).public_bytes(PEM)

    sentence = f"{WHERE} has an RSA key of 1024 bits: Microsoft Entra accepts RSA keys of at least 2048 bits."
    assert refusal(load_key_pair, pem_of(weak_key) + certificate, None, WHERE) == sentence
    assert refusal(load_certificate, certificate, WHERE) == sentence


def test_damaged_blocks_are_refused(key_pair):
    key, certificate = key_pair.private_key_pem(), key_pair.certificate_pem()

    assert " holds a private key that cannot be read: " in refusal(
        load_key_pair, key[:300] + key[400:] + certificate, None, WHERE
    )
    assert " is not an X.509 certificate: " in refusal(
        load_key_pair, key + certificate[:300] + certificate[400:], None, WHERE
    )
    assert " is not an X.509 certificate: " in refusal(
        load_key_pair, key + certificate.replace(b"MII", b"!!!"), None, WHERE
    )


def test_a_key_whose_numbers_do_not_fit_is_refused_unless_it_is_our_own(key_pairs):
    """Only a user's key is worth the slow check."""
    numbers, others = (each.private_key.private_numbers() for each in key_pairs[:2])
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, others.d, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    content = pem_of(wrong) + key_pairs[0].certificate_pem()

    assert " holds a private key that cannot be read: " in refusal(load_key_pair, content, None, WHERE)
    assert load_key_pair(content, None, WHERE, validate=False)


def test_no_refusal_repeats_a_passphrase_or_the_content(key_pair):
    content = pem_of(key_pair.private_key, serialization.BestAvailableEncryption(b"right"))

    said = refusal(load_key_pair, content, "hunter2", WHERE)

    assert "hunter2" not in said
    assert "-----" not in said


# Two contents, and a certificate that comes later


def test_a_key_and_a_certificate_brought_apart_make_a_pair(key_pair):
    key, certificate = key_pair.private_key_pem(), key_pair.certificate

    assert pair(key, key_pair.certificate_pem(), None, WHERE) == key_pair
    assert pair(key, certificate.der, None, WHERE) == key_pair


def test_a_key_brought_apart_may_be_encrypted(key_pair):
    key = pem_of(key_pair.private_key, serialization.BestAvailableEncryption(b"pw"))

    assert pair(key, key_pair.certificate_pem(), "pw", WHERE) == key_pair
    assert "no passphrase was given" in refusal(pair, key, key_pair.certificate_pem(), None, WHERE)


def test_a_key_and_a_certificate_brought_apart_must_match(key_pairs):
    assert "do not belong together" in refusal(
        pair, key_pairs[0].private_key_pem(), key_pairs[1].certificate_pem(), None, WHERE
    )


def test_contents_exchanged_are_refused(key_pair):
    assert "holds no private key" in refusal(pair, key_pair.certificate_pem(), key_pair.private_key_pem(), None, WHERE)


def test_a_certificate_that_comes_back_from_an_authority_joins_its_key(key_pair, authority):
    certified = certify(key_pair, b"".join(authority), WHERE)

    assert certified.private_key is key_pair.private_key
    assert certified.certificate.subject == "CN=payroll"
    assert len(certified.chain) == 1


def test_a_certificate_with_another_public_key_cannot_come_back(key_pairs):
    assert refusal(certify, key_pairs[0], key_pairs[1].certificate_pem(), WHERE) == (
        f"{WHERE} has another public key than the key pair it should certify: accepted is a certificate made from "
        "the signing request of that key pair."
    )


def test_something_else_cannot_come_back_from_an_authority(key_pair):
    assert " is not an X.509 certificate: " in refusal(certify, key_pair, b"pending", WHERE)
    assert " holds no certificate: " in refusal(
        certify, key_pair, b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----", WHERE
    )


# Certificates alone


def test_a_certificate_is_read_from_pem_and_der(key_pair):
    assert load_certificate(key_pair.certificate_pem(), WHERE) == key_pair.certificate
    assert load_certificate(key_pair.certificate.der, WHERE) == key_pair.certificate


def test_of_a_chain_the_leaf_is_taken_in_any_order(authority):
    leaf, root = authority

    assert load_certificate(leaf + root, WHERE) == load_certificate(root + leaf, WHERE)
    assert load_certificate(root + leaf, WHERE).subject == "CN=payroll"


def test_certificates_of_equal_rank_are_refused(key_pairs):
    content = b"".join(each.certificate_pem() for each in key_pairs)

    assert " holds 3 certificates and none is clearly the one that the others issued: " in refusal(
        load_certificate, content, WHERE
    )


def test_a_private_key_is_refused_where_a_certificate_is_wanted(key_pair):
    for content in (key_pair.certificate_pem() + key_pair.private_key_pem(), to_pfx(key_pair, "pw", "payroll")):
        assert " holds a private key, which must stay secret: " in refusal(load_certificate, content, WHERE)


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----", b"\x30\x80"])
def test_what_is_no_certificate_is_refused(content):
    assert refusal(load_certificate, content, WHERE) == (
        f"{WHERE} is not an X.509 certificate: accepted is one certificate as PEM or DER with an RSA key of at least "
        "2048 bits, without its private key."
    )


def test_a_foreign_certificate_need_not_be_rsa(ec_key, now):
    der = certificate_for(ec_key.public_key(), ec_key, "foreign", "foreign", now).public_bytes(DER)

    facts = certificate_from_der(der)

    assert (facts.subject, facts.key_size) == ("CN=foreign", 0)


def test_garbage_in_the_directory_is_a_value_error(key_pair):
    """Foreign key credentials hold anything; 2,000 damaged certificates either read or raise ValueError."""
    chance = random.Random(1)
    for _round in range(2000):
        der = bytearray(key_pair.certificate.der)
        for _round in range(chance.randint(1, 4)):
            der[chance.randrange(len(der))] = chance.randrange(256)
        try:
            certificate_from_der(bytes(der[: chance.choice([len(der), chance.randrange(len(der))])]))
        except ValueError:
            continue


def test_a_key_pair_has_no_chain_by_default(key_pair):
    assert KeyPair(key_pair.certificate, key_pair.private_key).chain == ()


@pytest.mark.parametrize("odd", ["a\0b", "\ud800"])
def test_a_passphrase_that_no_library_takes_is_refused_as_any_wrong_one(key_pair, odd):
    """cryptography panics at a NUL, with something that is no Exception."""
    encrypted = pem_of(key_pair.private_key, serialization.BestAvailableEncryption(b"pass"))

    assert "the passphrase is wrong" in refusal(load_key_pair, to_pfx(key_pair, "pass", "x"), odd, WHERE)
    assert "the passphrase is wrong" in refusal(load_key_pair, encrypted + key_pair.certificate_pem(), odd, WHERE)
    assert "holds a NUL" in refusal(to_pfx, key_pair, odd, "x")
