# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small client of the emulator, for tests of the emulator itself: it signs and sends whatever a test wants."""

from __future__ import annotations

import base64
import uuid

import jwt
import requests

from .wsgi_adapter import connect

LOGIN = "https://login.emulator.test"
GRAPH = "https://graph.microsoft.com/v1.0"
PROOF_AUDIENCE = "00000002-0000-0000-c000-000000000000"


def base64url(hexadecimal, padded=False):
    text = base64.urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode()
    return text if padded else text.rstrip("=")


class Client:
    """Signs in and talks to Graph through one requests session."""

    def __init__(self, emulator, observers=()):
        self.emulator = emulator
        self.tenant = emulator.tenant
        self.session = connect(requests.Session(), emulator, observers)

    @property
    def token_url(self):
        return f"{LOGIN}/{self.tenant.id}/oauth2/v2.0/token"

    def assertion(self, application, pair, alg="RS256", header=None, signer=None, **claims):
        """A client assertion; a claim set to None is left out."""
        now = self.tenant.clock.now().timestamp()
        payload = {
            "aud": self.token_url,
            "iss": application.app_id,
            "sub": application.app_id,
            "jti": str(uuid.uuid4()),
            "nbf": int(now),
            "exp": int(now) + 600,
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        key = (signer or pair).private_key
        return _sign(payload, key, alg, {"x5t": base64url(pair.thumbprint)} if header is None else header)

    def sign_in(self, application, pair=None, secret=None, assertion=None, tenant=None, **form):
        """The token endpoint's answer."""
        data = {
            "client_id": application if isinstance(application, str) else application.app_id,
            "grant_type": "client_credentials",
            "scope": "https://graph.microsoft.com/.default",
        }
        if secret:
            data["client_secret"] = secret
        if pair or assertion:
            data["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            data["client_assertion"] = assertion or self.assertion(application, pair)
        data = {name: value for name, value in {**data, **form}.items() if value is not None}
        return self.session.post(f"{LOGIN}/{tenant or self.tenant.id}/oauth2/v2.0/token", data=data)

    def graph(self, application, pair=None, secret=None):
        """Graph with that application's token."""
        answer = self.sign_in(application, pair, secret)
        assert answer.status_code == 200, answer.text
        return Graph(self, answer.json()["access_token"])

    def proof(self, application, pair, alg="RS256", header=None, signer=None, **claims):
        """A proof of possession for addKey and removeKey."""
        now = int(self.tenant.clock.now().timestamp())
        payload = {"aud": PROOF_AUDIENCE, "iss": application.object_id, "nbf": now, "exp": now + 600, **claims}
        key = (signer or pair).private_key
        return _sign(payload, key, alg, {"x5t": base64url(pair.thumbprint)} if header is None else header)


def _sign(payload, key, alg, header):
    return jwt.encode(payload, key, algorithm=alg, headers=header)


class Graph:
    """Graph with one access token."""

    def __init__(self, client, token):
        self.client = client
        self.token = token

    def send(self, method, path, **options):
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = path if path.startswith("https:") else GRAPH + path
        return self.client.session.request(method, url, headers=headers, timeout=10, **options)

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def post(self, path, body, **options):
        return self.send("POST", path, json=body, **options)

    def patch(self, path, body, **options):
        return self.send("PATCH", path, json=body, **options)

    def delete(self, path, **options):
        return self.send("DELETE", path, **options)

    def add_key(self, application, new, proof, path=None, **entry):
        body = {
            "keyCredential": {"type": "AsymmetricX509Cert", "usage": "Verify", "key": new.base64, **entry},
            "passwordCredential": None,
            "proof": proof,
        }
        return self.post(path or f"/applications/{application.object_id}/addKey", body)

    def remove_key(self, application, key_id, proof):
        return self.post(f"/applications/{application.object_id}/removeKey", {"keyId": key_id, "proof": proof})


def code(answer):
    """The AADSTS code or the Graph code of a refusal."""
    body = answer.json()
    return body["error_codes"][0] if "error_codes" in body else body["error"]["code"]


def entry_for(pair, **overrides):
    """A new key credential as a client sends it."""
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": pair.base64, **overrides}
