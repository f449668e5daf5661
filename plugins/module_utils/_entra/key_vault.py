# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Key Vault: the certificate of one name, its versions, and signatures by their keys.

The vault names the audience of its tokens in its first answer; a token is got only when that is the domain which the
vault lies in, and goes to this vault alone. Source: "Authentication, requests, and responses" of Azure Key Vault.
"""

from __future__ import annotations

import base64
import json
import re
import typing as t
import urllib.parse

from .._core.diagnosis import Diagnosis, explain, said
from .._core.errors import KeyStoreError, UntrustedAnswer, VaultRefused
from .clock import Timing
from .clouds import host_of, same_host
from .patience import VAULT, VAULT_LOOKS, Kind, Patience, put_off, retry_after
from .tokens import AccessToken
from .transport import Request, Response, Transport

API_VERSION = "7.4"
# Making a certificate takes seconds, fewer than the vault asks to wait for. Longer than this, and somebody has to look.
POLL, LONGEST_MAKING = 3.0, 180.0
MOST_PAGES = 100
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')

Json = dict[str, t.Any]

# The vault's own word → our code, and what a person does about it.
REFUSALS: dict[str, tuple[str, str]] = {
    "ForbiddenByFirewall": (
        "network_refused",
        "The vault's firewall does not let this host in: allow its address, or run where the vault may be reached.",
    ),
    "ForbiddenByConnection": (
        "network_refused",
        "The vault is closed to public networks: run where its private endpoint may be reached.",
    ),
    "ForbiddenByRbac": (
        "permission_denied",
        "Give the identity the roles Key Vault Certificates Officer and Key Vault Crypto User, and wait some minutes.",
    ),
    "AccessDenied": (
        "permission_denied",
        "Give the identity list, get, create, import and update for certificates, and sign for keys.",
    ),
    "ObjectIsDeletedButRecoverable": (
        "unknown",
        "The certificate was deleted and can still be recovered: recover it, purge it, or choose another name.",
    ),
    "KeyDisabled": ("unknown", "This version is disabled in the vault: enable it, or roll back."),
    "KeyExpired": ("certificate_expired", "The vault signs nothing with a key whose certificate has ended: renew."),
    "KeyNotYetValid": ("certificate_refused", "The vault signs nothing before a certificate's start: wait for it."),
}
BY_STATUS: dict[int, tuple[str, str]] = {
    401: ("permission_denied", "Check tenant_id: the vault's tenant is the one whose tokens it takes."),
    403: REFUSALS["ForbiddenByRbac"],
    404: ("unknown", "Check the address in key_store: https://<vault>/certificates/<name>."),
    409: ("unknown", "Something else is done with this certificate at the moment: run again in a minute."),
    429: ("throttled", "Wait and run again; spread runs on one vault."),
}


class KeyVault:
    """One certificate in one vault; fulfils the port in `_keys/vault.py`. Keeps its access token while it lives."""

    def __init__(
        self,
        transport: Transport,
        timing: Timing,
        location: str,
        sign_in: t.Callable[[str], AccessToken],
        patience: Patience | None = None,
    ) -> None:
        self.location = location.rstrip("/")
        self._vault_url, _certificates, self._name = self.location.rsplit("/", 2)
        self._transport = transport
        self._timing = timing
        self._patience = patience or Patience(timing)
        self._sign_in = sign_in
        self._token: AccessToken | None = None

    def versions(self) -> list[Json]:
        """Every version as the list shows it: ID, thumbprint, attributes, tags, and no certificate."""
        return self._list(VAULT)

    def _list(self, kind: Kind) -> list[Json]:
        url: str | None = self._url(f"/certificates/{self._name}/versions")
        found: list[Json] = []
        for _page in range(MOST_PAGES):
            try:
                body = self._object(self._repeat("GET", t.cast(str, url), None, kind))
            except VaultRefused as refusal:
                if refusal.status == 404:
                    return []
                raise
            items = body.get("value")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self._untrusted("The vault answered a list without a list of objects in 'value'.")
            found += items
            url = self._next_link(body)
            if url is None:
                return found
        raise self._untrusted(f"The vault names more than {MOST_PAGES} pages of versions.")

    def certificate(self, version: str) -> Json:
        return self._object(self._repeat("GET", self._url(f"/certificates/{self._name}/{version}"), None))

    def create(self, policy: Json, tags: t.Mapping[str, str]) -> None:
        """Begin a version. Sent once: whether one without an answer was begun is seen in `pending`."""
        body = {"policy": policy, "tags": dict(tags)}
        self._once(f"/certificates/{self._name}/create", body, lambda: self._is_making(policy) or self._holds(tags))

    def pending(self) -> Json | None:
        """The operation that makes, or made, the latest version; None without one."""
        answer = self._pending()
        return self._object(answer) if answer else None

    def _pending(self, kind: Kind = VAULT) -> Response | None:
        try:
            return self._repeat("GET", self._url(f"/certificates/{self._name}/pending"), None, kind)
        except VaultRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def wait_until_made(self) -> None:
        """Until no version is in the making. One that waits for an authority is none."""
        waited = 0.0
        while waited < LONGEST_MAKING:
            answer = self._pending()
            operation = self._object(answer) if answer else {}
            if operation.get("status") != "inProgress" or waits_for_an_authority(operation):
                self._refuse_failed(operation)
                return
            asked = retry_after(answer) if answer else None
            pause = min(POLL, asked or POLL)  # it asks for 10 s, and is ready after 2 to 13
            self._timing.wait(pause, f"Key Vault to make a version of {self.location}")
            waited += pause
        raise KeyStoreError(
            f"Key Vault has not made the version of {self.location} in {LONGEST_MAKING:.0f} s. Look at its pending "
            "operation; run again when it has ended, and the version is taken up."
        )

    def import_pem(self, content: bytes, policy: Json, tags: t.Mapping[str, str]) -> None:
        """A key pair with its chain, in base64 as Microsoft's own clients send it."""
        body = {"value": base64.b64encode(content).decode(), "policy": policy, "tags": dict(tags)}
        self._once(f"/certificates/{self._name}/import", body, lambda: self._holds(tags))

    def merge(self, certificates: t.Sequence[bytes], tags: t.Mapping[str, str]) -> None:
        """Give the certificate, and its chain, to the key that waits for one."""
        encoded = [base64.b64encode(der).decode() for der in certificates]
        body = {"x5c": encoded, "tags": dict(tags)}
        self._once(f"/certificates/{self._name}/pending/merge", body, lambda: self._holds(tags))

    def update(self, version: str, tags: t.Mapping[str, str], enabled: bool | None) -> None:
        """One request, whole or not at all; the same twice is the same once."""
        attributes = {} if enabled is None else {"attributes": {"enabled": enabled}}
        body = {"tags": dict(tags), **attributes}
        self._repeat("PATCH", self._url(f"/certificates/{self._name}/{version}"), body)

    def sign(self, version: str, algorithm: str, digest: bytes) -> bytes:
        body = {"alg": algorithm, "value": _base64url(digest)}
        answer = self._object(self._repeat("POST", self._url(f"/keys/{self._name}/{version}/sign"), body))
        try:
            return base64.urlsafe_b64decode(f"{answer['value']}==")
        except (KeyError, ValueError) as error:
            raise self._untrusted("The vault answered without a signature.") from error

    # Below: one request, who asks, what is refused.

    def _url(self, path: str) -> str:
        return f"{self._vault_url}{path}?api-version={API_VERSION}"

    def _once(self, path: str, body: Json, is_begun: t.Callable[[], bool]) -> None:
        """A write that is not the same when it is sent twice.

        Put off, 401 and 429, it is sent again when the vault does not show that it was begun all the same: it may be a
        gateway that answers so.
        """
        url, was_sent = self._url(path), False

        def attempt() -> Response:
            nonlocal was_sent
            if was_sent and is_begun():
                return Response(202, {}, b"")
            was_sent = True
            return self._send("POST", url, body, is_begun)

        self._be_signed_in(url)
        self._raise_for_error(self._patience.repeat(VAULT, attempt, put_off))

    def _is_making(self, policy: Json) -> bool:
        """Whether a version of this kind is under way: of the vault's own making, or one that an authority signs."""
        answer = self._pending(VAULT_LOOKS)
        operation = self._object(answer) if answer else {}
        wanted = waits_for_an_authority({**policy, "status": "inProgress"})
        return operation.get("status") == "inProgress" and waits_for_an_authority(operation) is wanted

    def _holds(self, tags: t.Mapping[str, str]) -> bool:
        """Whether there is a version with these tags, of which no two versions that we make have the same."""
        return any(item.get("tags") == dict(tags) for item in self._list(VAULT_LOOKS))

    def _repeat(self, method: str, url: str, body: Json | None, kind: Kind = VAULT) -> Response:
        """Passing trouble is waited out, as long as the vault asks for."""
        self._be_signed_in(url)
        answer = self._patience.repeat(kind, lambda: self._send(method, url, body))
        self._raise_for_error(answer)
        return answer

    def _be_signed_in(self, url: str) -> None:
        """Before anything is repeated: what says for what a token is needed, and the sign-in, have patience too."""
        if self._token is None:
            self._token = self._sign_in(self._resource(url))

    def _send(
        self, method: str, url: str, body: Json | None, is_begun: t.Callable[[], bool] = lambda: False
    ) -> Response:
        answer = self._transport.send(self._request(method, url, body))
        if answer.status == 401:
            self._token = self._sign_in(self._resource(url))
            if is_begun():
                return Response(202, {}, b"")
            answer = self._transport.send(self._request(method, url, body))
        return answer

    def _request(self, method: str, url: str, body: Json | None) -> Request:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {t.cast(AccessToken, self._token).value}"}
        if body is None:
            return Request(method, url, headers)
        return Request(method, url, {**headers, "Content-Type": "application/json"}, json.dumps(body).encode())

    def _resource(self, url: str) -> str:
        """Ask without a token: the refusal says what a token has to be issued for, and that has to be this vault."""
        unsigned = Request("GET", url, {"Accept": "application/json"})
        answer = self._patience.repeat(VAULT, lambda: self._transport.send(unsigned))
        if answer.status != 401:
            self._raise_for_error(answer)
            raise self._untrusted("It did not ask for a token, so it is no key vault.")
        named = dict(_PARAMETER.findall(answer.headers.get("www-authenticate", "")))
        resource: str = (named.get("resource") or named.get("scope", "").removesuffix("/.default")).rstrip("/")
        if not _lies_in(self._vault_url, resource):
            raise self._untrusted(f"It asks for a token for '{resource[:100]}', which is another domain.")
        return resource

    def _next_link(self, body: Json) -> str | None:
        link = body.get("nextLink")
        if not link:
            return None
        if not isinstance(link, str) or not same_host(link, self._vault_url):
            raise self._untrusted("Its next page lies on another host: the token was not sent there.")
        return link

    def _object(self, answer: Response) -> Json:
        body = answer.json_object()
        if body is None:
            raise self._untrusted("The answer is not a JSON object; a proxy may have answered.")
        return body

    def _refuse_failed(self, operation: Json) -> None:
        if operation.get("status") in ("inProgress", "completed", None):
            return
        error = operation.get("error")
        why = said(error.get("message")) if isinstance(error, dict) else operation["status"]
        raise KeyStoreError(
            f"Key Vault could not make a version of {self.location}: {why}. Delete the pending operation and run again."
        )

    def _raise_for_error(self, answer: Response) -> None:
        if 200 <= answer.status < 300:
            return
        found = (answer.json_object() or {}).get("error")
        error: Json = found if isinstance(found, dict) else {}
        inner = error.get("innererror")
        word = said(inner.get("code") if isinstance(inner, dict) else None, 100) or said(error.get("code"), 100) or ""
        diagnosis = self._diagnosis(answer, word, said(error.get("message")) or "")
        raise VaultRefused(
            f"Key Vault answered {answer.status} {word} for {self.location}. {diagnosis.sentence}",
            diagnosis,
            answer.status,
        )

    def _diagnosis(self, answer: Response, word: str, message: str) -> Diagnosis:
        evidence = {
            "http_status": answer.status,
            "error": word or None,
            "correlation_id": said(answer.headers.get("x-ms-request-id")),
            "timestamp": said(answer.headers.get("date")),
            "message": message,
        }
        passing = ("service_unavailable", "Run again later: nothing is lost.")
        otherwise = passing if answer.status >= 500 else ("unknown", "Look up the vault's own words below.")
        code, remedy = REFUSALS.get(word) or BY_STATUS.get(answer.status) or otherwise
        known = explain(code, host_of(self._vault_url), evidence)
        cause = f"The vault refuses this ({word or answer.status})."
        return Diagnosis(code, cause, remedy, known.retry, known.evidence)

    def _untrusted(self, message: str) -> UntrustedAnswer:
        host = host_of(self._vault_url)
        sentence = f"{host} is not trusted with a token for {self.location}. {message}"
        return UntrustedAnswer(sentence, explain("unknown", host, {"message": message}))


def waits_for_an_authority(operation: t.Mapping[str, t.Any]) -> bool:
    """Whether a pending operation goes on only when somebody brings a certificate."""
    issuer = operation.get("issuer")
    named = str(issuer.get("name")) if isinstance(issuer, dict) else ""
    return operation.get("status") == "inProgress" and named.lower() == "unknown"


def _lies_in(vault_url: str, resource: str) -> bool:
    """Whether a token for `resource` is one for the domain of this vault: the vault's own host, or one above it."""
    if same_host(resource, vault_url):
        return True
    try:
        wanted, vault = urllib.parse.urlsplit(resource), urllib.parse.urlsplit(vault_url)
        domain, host = (wanted.netloc or "").lower(), (vault.netloc or "").lower()
    except ValueError:
        return False
    return wanted.scheme == "https" and "." in domain and "@" not in domain and host.endswith(f".{domain}")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
