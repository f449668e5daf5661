# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant as a plain client sees it: requests and JWTs, nothing of the collection."""

from __future__ import annotations

import base64
import datetime as dt
import time
import uuid
from dataclasses import dataclass, field

import jwt
import requests
from emulator.certificates import issue

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCES = {"0002": "00000002-0000-0000-c000-000000000000", "0003": "00000003-0000-0000-c000-000000000000"}


class NotObserved(Exception):
    """The tenant gave no answer to a question; the message says why."""


@dataclass
class Answer:
    """A status with its JSON, and what an error in it is called."""

    status: int
    body: dict
    headers: dict = field(default_factory=dict)

    @property
    def accepted(self):
        return 200 <= self.status < 300

    @property
    def error(self):
        """Graph's code, or the token endpoint's number."""
        found = self.body.get("error")
        if isinstance(found, dict):
            return str(found.get("code"))
        return ", ".join(f"AADSTS{number}" for number in self.body.get("error_codes", ())) or str(found)

    def __str__(self):
        return str(self.status) if self.accepted else f"{self.status} {self.error}"


class Service:
    """One tenant. `pause` waits; `now` is this host's time."""

    def __init__(self, settings, session=None, pause=time.sleep, now=lambda: dt.datetime.now(dt.timezone.utc)):
        self.settings, self.pause, self.now = settings, pause, now
        self.session = session or requests.Session()
        self.verify = settings.ca_path or True
        self._token = settings.token

    # Signing in

    def token_request(self, client_id, scope=None, **credential):
        form = {
            "client_id": client_id,
            "grant_type": "client_credentials",
            "scope": scope or f"{self.settings.graph}/.default",
            **credential,
        }
        return self._answer(self.session.post(self._token_endpoint, data=form, verify=self.verify, timeout=60))

    @property
    def _token_endpoint(self):
        return f"{self.settings.authority}/{self.settings.tenant}/oauth2/v2.0/token"

    def sign_in(self, client_id, pair, ahead=0.0, scope=None):
        """A sign-in with a certificate; `ahead` seconds are added to the times of the assertion."""
        begins = self.now().timestamp() + ahead
        claims = {"aud": self._token_endpoint, "iss": client_id, "sub": client_id, "jti": str(uuid.uuid4())}
        claims |= {"nbf": int(begins), "iat": int(begins), "exp": int(begins) + 600}
        header = {"x5t#S256": _base64url(bytes.fromhex(pair.thumbprint_sha256))}
        assertion = jwt.encode(claims, pair.private_key, "PS256", header)
        return self.token_request(client_id, scope, client_assertion_type=ASSERTION, client_assertion=assertion)

    @property
    def token(self):
        if not self._token:
            answer = self.token_request(self.settings.client_id, client_secret=self.settings.secret)
            if not answer.accepted:
                raise NotObserved(f"the identity cannot sign in: {answer}")
            self._token = answer.body["access_token"]
        return self._token

    # Graph

    def graph(self, method, path, body=None, token=None):
        """One request, as this identity unless a token is given. Its own token may end during a long run."""
        answer = self._request(method, path, body, token or self.token)
        if answer.status == 401 and not token and self.settings.secret:
            self._token = None
            answer = self._request(method, path, body, self.token)
        return answer

    def _request(self, method, path, body, token):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.settings.graph}/v1.0{path}"
        return self._answer(
            self.session.request(method, url, json=body, headers=headers, verify=self.verify, timeout=60)
        )

    def _answer(self, response):
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = {}
        return Answer(response.status_code, body if isinstance(body, dict) else {}, dict(response.headers))

    # Certificates

    def pair(self, starts=-0.01, ends=90.0, key=None):
        """A key pair of this host's own; its times in days from now."""
        now = self.now().replace(microsecond=0)
        span = now + dt.timedelta(days=starts), now + dt.timedelta(days=ends)
        return issue("evercert live check", *span, key)

    def proof(self, issuer, pair, audience):
        begins = int(self.now().timestamp())
        claims = {"aud": AUDIENCES[audience], "iss": issuer, "nbf": begins, "exp": begins + 600}
        header = {"kid": pair.thumbprint, "x5t": _base64url(bytes.fromhex(pair.thumbprint))}
        return jwt.encode(claims, pair.private_key, "RS256", header)


class ThrowAway:
    """The application that may be changed. What was on it before stays as it is; what is added here is removed."""

    def __init__(self, service, app_id):
        self.service, self.app_id = service, app_id
        found = service.graph("GET", f"/applications(appId='{app_id}')?$select=id,appId,displayName,keyCredentials")
        if not found.accepted:
            raise NotObserved(f"the application {app_id} cannot be read: {found}")
        self.object_id, self.name = found.body["id"], found.body["displayName"]
        self.before = {entry["keyId"] for entry in found.body["keyCredentials"]}
        self.accepted = 0  # entries that the service took
        self.seen = set()  # key IDs of those that a read has shown
        self.left = None  # why some may still be there

    def entries(self):
        """As Graph shows them without asking for `key`: that is how they may be sent back."""
        found = self.service.graph("GET", f"/applications/{self.object_id}")
        if not found.accepted:
            raise NotObserved(f"the application cannot be read: {found}")
        entries = found.body["keyCredentials"]
        self.seen |= {entry["keyId"] for entry in self._ours(entries)}
        return entries

    def write(self, entries):
        return self.service.graph("PATCH", f"/applications/{self.object_id}", {"keyCredentials": entries})

    def add(self, pair, **fields):
        """One more entry; fields replace what would be sent, None leaves one out."""
        entry = {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "displayName": "evercert live check",
            "key": pair.base64,
            "startDateTime": f"{pair.not_before:%Y-%m-%dT%H:%M:%SZ}",
            "endDateTime": f"{pair.not_after:%Y-%m-%dT%H:%M:%SZ}",
            **fields,
        }
        given = {name: value for name, value in entry.items() if value is not None}
        return self.counted(self.write([*self.entries(), given]))

    def add_key(self, pair, token, proof):
        credential = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": pair.base64}
        body = {"keyCredential": credential, "passwordCredential": None, "proof": proof}
        return self.counted(self.service.graph("POST", f"/applications/{self.object_id}/addKey", body, token))

    def counted(self, answer):
        self.accepted += answer.accepted
        return answer

    def added(self):
        """The one entry of the question that is asked."""
        reads = self._reads("the directory does not show what was added")
        return next(ours[0] for ours in map(self._ours, reads) if ours)

    def clear(self):
        """Back to what was there before."""
        try:
            self._clear()
        except NotObserved as reason:
            self.left, self.accepted = str(reason), len(self.seen)

    def _clear(self, looks=3):
        """A replica may show late what was added, and still show what was removed."""
        clean = 0
        for entries in self._reads("the directory never showed an entry that it took, or does not give one up"):
            if self._ours(entries):
                self.write([entry for entry in entries if entry["keyId"] in self.before])
            clean = 0 if self._ours(entries) or len(self.seen) < self.accepted else clean + 1
            if clean == looks:
                return

    def _reads(self, otherwise, patience=600):
        """What replica after replica shows."""
        started = self.service.now()
        while (self.service.now() - started).total_seconds() <= patience:
            yield self.entries()
            self.service.pause(self.service.settings.interval)
        raise NotObserved(otherwise)

    def _ours(self, entries):
        return [entry for entry in entries if entry["keyId"] not in self.before]

    def wait_until_it_signs_in(self, pair, patience=600):
        """The seconds until the token service accepts the pair."""
        return self._wait(pair, patience, lambda answer: answer.accepted, "accepted")

    def wait_until_it_is_refused(self, pair, patience=600):
        return self._wait(pair, patience, lambda answer: not answer.accepted, "refused")

    def _wait(self, pair, patience, done, what):
        started = self.service.now()
        while True:
            answer, waited = self.service.sign_in(self.app_id, pair), (self.service.now() - started).total_seconds()
            if done(answer):
                return round(waited)
            if waited > patience:
                raise NotObserved(f"not {what} within {patience} s: {answer}")
            self.service.pause(self.service.settings.interval)


def _base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
