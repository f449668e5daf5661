# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor for renewals: the same requests and key pairs from a pool of processes, and nothing else.

bare_renewal.py FLEET.json PROCESSES
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import multiprocessing
import os
import sys
import time
import uuid
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

FIELDS = "id,appId,displayName,createdDateTime,keyCredentials,tokenEncryptionKeyId"
GRAPH, TRUST, TENANT = (os.environ[name] for name in ("ENTRA_GRAPH_URL", "ENTRA_CA_PATH", "AZURE_TENANT_ID"))
AUTHORITY = f"{os.environ['AZURE_AUTHORITY_HOST']}/{TENANT}"
TOKEN = f"{AUTHORITY}/oauth2/v2.0/token"
PROOF_AUDIENCE = "00000002-0000-0000-c000-000000000000"


def text(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(key, certificate, claims):
    der = certificate.public_bytes(serialization.Encoding.DER)
    header = {"alg": "RS256", "typ": "JWT", "x5t": text(hashlib.sha1(der, usedforsecurity=False).digest())}
    moment = int(time.time())
    body = {"nbf": moment - 60, "exp": moment + 500, "jti": str(uuid.uuid4()), **claims}
    parts = ".".join(text(json.dumps(part).encode()) for part in (header, body))
    return f"{parts}.{text(key.sign(parts.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def new_pair(name):
    key, now = rsa.generate_private_key(65537, 2048), dt.datetime.now(dt.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(minutes=5))
    return key, made.not_valid_after(now + dt.timedelta(days=180)).sign(key, hashes.SHA256())


def asked(answer):
    answer.raise_for_status()
    return answer.json() if answer.content else {}


def token(post, **form):
    form |= {"grant_type": "client_credentials", "scope": f"{GRAPH}/.default"}
    return asked(post(TOKEN, data=form, verify=TRUST, timeout=60))["access_token"]


def own_token(post, app_id, key, certificate):
    assertion = signed(key, certificate, {"aud": TOKEN, "iss": app_id, "sub": app_id})
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return token(post, client_id=app_id, client_assertion=assertion, client_assertion_type=kind)


def share(headers):
    """In each process of the pool: the manager's access token, for which one sign-in is enough."""
    global manager
    manager = headers


def manager_signed_in():
    secret = {"client_id": os.environ["AZURE_CLIENT_ID"], "client_secret": os.environ["AZURE_CLIENT_SECRET"]}
    return {"Authorization": f"Bearer {token(requests.post, **secret)}"}


def renew(host):
    session, app_id, object_id = requests.Session(), host["app_id"], host["object_id"]
    asked(session.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", verify=TRUST, timeout=60))
    here = f"{GRAPH}/v1.0/applications/{object_id}"

    def read():
        return asked(session.get(f"{here}?$select={FIELDS}", headers=manager, verify=TRUST, timeout=60))

    key_id = read()["keyCredentials"][0]["keyId"]
    paths = [f"/applications/{object_id}/appManagementPolicies", "/policies/defaultAppManagementPolicy"]
    parts = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
    asked(session.post(f"{GRAPH}/v1.0/$batch", json={"requests": parts}, headers=manager, verify=TRUST, timeout=60))
    pem = Path(host["key_pair"]).read_bytes()
    old, old_certificate = serialization.load_pem_private_key(pem, None), x509.load_pem_x509_certificate(pem)
    new, new_certificate = new_pair(object_id)
    own = {"Authorization": f"Bearer {own_token(session.post, app_id, old, old_certificate)}"}

    def write(action, by, **body):
        body["proof"] = signed(*by, {"aud": PROOF_AUDIENCE, "iss": object_id})
        asked(session.post(f"{here}/{action}", json=body, headers=own, verify=TRUST, timeout=60))

    der = base64.b64encode(new_certificate.public_bytes(serialization.Encoding.DER)).decode()
    credential = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": der}
    write("addKey", (old, old_certificate), keyCredential=credential, passwordCredential=None)
    read()
    for _attempt in range(3):
        own_token(requests.post, app_id, new, new_certificate)
    write("removeKey", (new, new_certificate), keyId=key_id)
    read()
    return app_id


def main():
    fleet, processes = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), int(sys.argv[2])
    with multiprocessing.get_context("fork").Pool(processes, share, [manager_signed_in()]) as pool:
        print(sum(1 for _done in pool.imap_unordered(renew, fleet)))


if __name__ == "__main__":
    main()
