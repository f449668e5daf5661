# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a vault: certificates and the keys behind them (facts section 14)."""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import pkcs12

from . import certificates as certs
from . import jwts
from . import rules_vault as rules
from .errors import VaultError

PAGE = 25
PAUSE = "10"  # 14 V, recorded create and pending
IN_PROGRESS = (
    "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer "
    "provider. Please check again later."
)
RECOVERY = {"recoveryLevel": "CustomizedRecoverable+Purgeable", "recoverableDays": 90}  # recorded get_certificate


def create_certificate(call, name):
    """14 V: 202 with an operation."""
    body = call.body
    policy, tags = body.get("policy") or {}, body.get("tags") or {}
    rules.refuse_a_deleted_name(call.vault, name)
    known = call.vault.certificate(name)
    rules.refuse_a_second_operation(known)
    rules.refuse_tags_out_of_bounds(call, tags)
    if not known and not {"issuer", "x509_props"} <= policy.keys():
        raise VaultError(400, "BadParameter", "Property policy has invalid value.")
    enabled = (body.get("attributes") or {}).get("enabled", True)
    operation = call.vault.begin(name, policy, tags, enabled)
    query = f"api-version={call.query.get('api-version')}&request_id={operation.id}"
    call.extra_headers["Location"] = f"https://{call.host}/certificates/{name}/pending?{query}"
    call.extra_headers["Retry-After"] = PAUSE
    return call.json(_operation(call, name, operation), 202)


def get_pending(call, name):
    operation = _pending(call, name)
    if operation.status == "inProgress":
        call.extra_headers["Retry-After"] = PAUSE
    return call.json(_operation(call, name, operation))


def delete_pending(call, name):
    operation = _pending(call, name)
    call.vault.certificate(name).pending = None
    return call.json(_operation(call, name, operation))


def merge_certificate(call, name):
    """14 V: 201. The certificate must be for the key that waits."""
    operation = _pending(call, name)
    if operation.status != "inProgress" or operation.due is not None:
        raise VaultError(400, "BadParameter", "There is no pending certificate that waits for a merge.")
    ders = [_from_base64(text) for text in call.body.get("x5c") or ()]
    leaf = certs.as_certificate(ders[0]) if ders else None
    if leaf is None or leaf.parsed.public_key() != operation.key.public_key():
        message = (
            "The public key of the end-entity certificate in the specified X.509 certificate content does not match "
            "the public part of the specified private key."
        )
        raise VaultError(400, "BadParameter", message)
    operation.status = "completed"
    tags = call.body.get("tags") or operation.tags
    rules.refuse_tags_out_of_bounds(call, tags)
    certificate = call.vault.certificate(name)
    made = call.vault.add(certificate, certs.KeyPair(leaf.der, operation.key), tags, chain=ders[1:])
    return call.json(_bundle(call, certificate, made), 201)


def import_certificate(call, name):
    """14 V: PFX in base64, or PEM."""
    rules.refuse_a_deleted_name(call.vault, name)
    rules.refuse_a_second_operation(call.vault.certificate(name))
    tags = call.body.get("tags") or {}
    rules.refuse_tags_out_of_bounds(call, tags)
    pair, chain = _read_import(str(call.body.get("value")), call.body.get("pwd"))
    certificate = call.vault.new_certificate(name)
    read = {"x509_props": {"subject": pair.subject, "validity_months": 12}}  # V: a policy by reading the certificate
    certificate.policy = {**read, **certificate.policy, **(call.body.get("policy") or {})}
    made = call.vault.add(certificate, pair, tags, chain=chain)
    return call.json(_bundle(call, certificate, made))


def get_certificate(call, name, version=None):
    certificate = _found(call, name)
    return call.json(_bundle(call, certificate, certificate.version(version)))


def list_versions(call, name):
    """Pages of 25 at most."""
    certificate = call.vault.certificate(name)
    if certificate is None and not call.tenant.switches.vault_lists_what_is_missing:
        _found(call, name)
    size = min(int(call.query.get("maxresults", PAGE)), PAGE)
    start = int(call.query.get("$skiptoken", 0))
    held = certificate.versions[start : start + size] if certificate else []
    body = {"value": [_item(call, name, one) for one in held], "nextLink": None}
    if certificate and len(certificate.versions) > start + size:
        query = f"api-version={call.query.get('api-version')}&maxresults={size}&$skiptoken={start + size}"
        body["nextLink"] = f"https://{call.host}/certificates/{name}/versions?{query}"
    return call.json(body)


def update_certificate(call, name, version):
    """What is in the body replaces what was; tags as a whole."""
    certificate = _found(call, name)
    found, body = certificate.version(version), call.body
    if body.get("tags") is not None:
        rules.refuse_tags_out_of_bounds(call, body["tags"])
        found.tags = dict(body["tags"])
    found.enabled = (body.get("attributes") or {}).get("enabled", found.enabled)
    return call.json(_bundle(call, certificate, found))


def delete_certificate(call, name):
    certificate = _found(call, name)
    certificate.is_deleted = True
    return call.json(_bundle(call, certificate, certificate.version(None)))


def get_deleted_certificate(call, name):
    certificate = _deleted(call, name)
    return call.json(_bundle(call, certificate, certificate.version(None)))


def recover_certificate(call, name):
    certificate = _deleted(call, name)
    certificate.is_deleted = False
    return call.json(_bundle(call, certificate, certificate.version(None)))


def purge_certificate(call, name):
    _deleted(call, name)
    del call.vault.certificates[name.lower()]
    return call.empty()


def get_key(call, name, version=None):
    certificate = _found(call, name)
    found = certificate.version(version)
    numbers = found.pair.private_key.public_key().public_numbers()
    key = {"kid": _id(call, "keys", name, found), "kty": "RSA", "key_ops": ["sign", "verify"]}
    for letter, number in (("n", numbers.n), ("e", numbers.e)):
        key[letter] = _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
    return call.json({"key": key, "attributes": _attributes(found), **_tags(found), "managed": True})


def sign_with_key(call, name, version):
    """14 V: the digest comes in, the signature goes out, the key stays."""
    found = _found(call, name).version(version)
    rules.refuse_a_key_that_may_not_sign(found, call.vault.now)
    paddings = {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
    }
    rules.refuse_what_is_no_base64url(call.body.get("value"))
    algorithm, digest = call.body.get("alg"), _from_base64(call.body["value"])
    if algorithm not in paddings or len(digest) != 32:
        raise VaultError(400, "BadParameter", "Invalid length of 'value' or unknown 'alg'.")
    signature = found.pair.private_key.sign(digest, paddings[algorithm], utils.Prehashed(hashes.SHA256()))
    return call.json({"kid": _id(call, "keys", name, found), "value": _base64url(signature)})


def _found(call, name):
    certificate = call.vault.certificate(name)
    if certificate is None:
        message = f"A certificate with (name/id) {name} was not found in this key vault."
        raise VaultError(404, "CertificateNotFound", message)
    return certificate


def _deleted(call, name):
    if not call.vault.is_deleted(name):
        raise VaultError(404, "CertificateNotFound", f"Deleted Certificate not found: {name}")
    return call.vault.certificates[name.lower()]


def _pending(call, name):
    certificate = call.vault.certificate(name)
    if certificate is None or certificate.pending is None:
        raise VaultError(404, "PendingCertificateNotFound", f"Pending certificate not found: {name}")
    return certificate.pending


def _id(call, kind, name, version):
    return f"https://{call.host}/{kind}/{name}/{version.id}"


def _attributes(version):
    times = {"nbf": version.not_before, "exp": version.not_after, "created": version.created}
    return {"enabled": version.enabled, **times, "updated": version.created, **RECOVERY}


def _item(call, name, version):
    thumbprint = _base64url(bytes.fromhex(version.pair.thumbprint))
    identity = {"id": _id(call, "certificates", name, version), "x5t": thumbprint}
    return {**identity, "attributes": _attributes(version), **_tags(version)}


def _tags(version):
    """14 V, recorded get_certificate: left out where there are none."""
    return {"tags": version.tags} if version.tags else {}


def _bundle(call, certificate, version):
    """14 V, recorded get_certificate: names in its order."""
    name, item = certificate.name, _item(call, certificate.name, version)
    return {
        "id": item.pop("id"),
        "kid": _id(call, "keys", name, version),
        "sid": _id(call, "secrets", name, version),
        "x5t": item.pop("x5t"),
        "cer": version.pair.base64,
        **item,
        "policy": {
            "id": f"https://{call.host}/certificates/{name}/policy",
            **certificate.policy,
            "attributes": _policy_attributes(certificate),
        },
        **({"pending": {"id": f"https://{call.host}/certificates/{name}/pending"}} if certificate.pending else {}),
    }


def _policy_attributes(certificate):
    made = certificate.versions[0].created
    return {"enabled": True, "created": made, "updated": made}


def _operation(call, name, operation):
    """14 V, recorded create and completed: a detail while in progress, the target only when done."""
    done = operation.status == "completed"
    target = {"target": f"https://{call.host}/certificates/{name}"} if done else {"status_details": IN_PROGRESS}
    return {
        "id": f"https://{call.host}/certificates/{name}/pending",
        "issuer": operation.policy["issuer"],
        "csr": base64.b64encode(operation.csr).decode(),
        "cancellation_requested": False,
        "status": operation.status,
        **target,
        "request_id": operation.id,
    }


def _read_import(value, passphrase):
    """A key pair with the certificates beside it. Microsoft's clients send PEM in base64 too."""
    password = passphrase.encode() if passphrase else None
    try:
        content = value.encode() if "-----BEGIN" in value else base64.b64decode(value)
        if b"-----BEGIN" in content:
            key = serialization.load_pem_private_key(content, password)
            found = x509.load_pem_x509_certificates(content)
        else:
            opened = pkcs12.load_pkcs12(content, password)
            key, found = opened.key, [one.certificate for one in (opened.cert, *opened.additional_certs) if one]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = "The specified PEM or PKCS#12 X.509 certificate content can not be read."
        raise VaultError(400, "BadParameter", message) from error
    leaves = [one for one in found if key and one.public_key() == key.public_key()]
    if not leaves or not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
        raise VaultError(400, "BadParameter", "The key is missing, too small, or not the one of the certificate.")
    ders = [one.public_bytes(serialization.Encoding.DER) for one in (leaves[0], *(set(found) - set(leaves)))]
    return certs.KeyPair(ders[0], key), ders[1:]


def _from_base64(text):
    try:
        return jwts.from_base64url(str(text).replace("+", "-").replace("/", "_"))
    except (ValueError, binascii.Error) as error:
        raise VaultError(400, "BadParameter", "A value is not base64.") from error


def _base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
