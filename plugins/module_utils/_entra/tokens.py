# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access tokens: one sign-in, one answer, nothing remembered. The only importer of msal.

msal keeps tokens and replays refusals for a minute, so every sign-in is made with an application object of its own
and empty caches. Only the discovery document is kept: it says where to sign in, not whether.
"""

from __future__ import annotations

import base64
import json
import re
import traceback
import typing as t
import urllib.parse
from dataclasses import dataclass, field

from .._core.diagnosis import explain, explain_sign_in
from .._core.errors import SignInRefused, UntrustedAnswer
from .assertion import Signer, client_assertion
from .clock import ServiceClock
from .clouds import Cloud, host_of, same_host
from .transport import Request, Response, Transport

try:
    import msal as _msal
    from msal.exceptions import MsalServiceError
except ImportError:
    MSAL_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    MSAL_IMPORT_ERROR = None
    msal: t.Any = _msal  # msal states no types


# What can stand in a header.
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class AccessToken:
    """What Graph accepts. It goes to the host it was issued for and nowhere else."""

    value: str = field(repr=False)
    source: str
    correlation_id: str | None = None

    def claims(self) -> dict[str, t.Any]:
        """The token's claims as a hint only: by contract Graph's tokens are opaque to clients."""
        return _claims(self.value)


class TokenService:
    """The token endpoint of one tenant. Keeps the discovery document, nothing else."""

    def __init__(self, transport: Transport, clock: ServiceClock, cloud: Cloud, tenant_id: str) -> None:
        self._transport = transport
        self._clock = clock
        self.cloud = cloud
        self.tenant_id = tenant_id
        self._discovery: Response | None = None
        self.attempts = 0

    @property
    def authority(self) -> str:
        return f"{self.cloud.authority_host}/{self.tenant_id}"

    def with_secret(self, client_id: str, secret: str) -> AccessToken:
        """Sign in with a client secret. Raises SignInRefused or NetworkFailure."""
        self._discover(new_connection=False)
        return self._acquire(client_id, secret, "client_secret", new_connection=False)

    def with_key(self, client_id: str, signer: Signer, source: str, new_connection: bool = False) -> AccessToken:
        """Sign in with a certificate's key: a new assertion and empty caches. Raises SignInRefused, NetworkFailure."""
        endpoint = self._discover(new_connection)
        assertion = client_assertion(signer, client_id, endpoint, self._clock.service_time())
        return self._acquire(client_id, {"client_assertion": lambda: assertion}, source, new_connection)

    def _acquire(
        self, client_id: str, credential: str | dict[str, t.Callable[[], str]], source: str, new_connection: bool
    ) -> AccessToken:
        self.attempts += 1
        http = _MsalHttp(self, new_connection)
        try:
            client = msal.ConfidentialClientApplication(
                client_id,
                client_credential=credential,
                authority=self.authority,
                instance_discovery=False,
                token_cache=msal.TokenCache(),
                http_client=http,
                http_cache={},
            )
            client.acquire_token_for_client(scopes=[self.cloud.graph_scope])
        except (MsalServiceError, ValueError, _Answered):
            pass  # the answer itself says more than msal's summary of it
        return self._read(http, source)

    def _read(self, http: _MsalHttp, source: str) -> AccessToken:
        host, answer = host_of(self.cloud.authority_host), http.last_answer
        if answer is None:
            raise UntrustedAnswer(*_odd("The token endpoint was not asked.", host))
        body = answer.json_object() or {}
        token = body.get("access_token")
        if answer.status == 200 and isinstance(token, str) and _TOKEN.fullmatch(token):
            return AccessToken(token, source, http.correlation_id)
        raise _refusal(answer, host)

    # What msal sends goes through here, so that every answer's time is seen and no secret leaves its host.

    def discovery(self) -> Response:
        """The discovery document, read once; its token endpoint must lie on the authority's host."""
        self._discover(new_connection=False)
        return t.cast(Response, self._discovery)

    def post(self, url: str, headers: t.Mapping[str, str], body: bytes, new_connection: bool) -> Response:
        if not same_host(url, self.cloud.authority_host):
            raise UntrustedAnswer(*_odd(f"A sign-in would have gone to {host_of(url)}.", host_of(url)))
        answer = self._transport.send(Request("POST", url, headers, body, new_connection))
        self._clock.observe(answer.headers.get("date"))
        return answer

    def _discover(self, new_connection: bool) -> str:
        """The token endpoint. Raises SignInRefused (unknown tenant), UntrustedAnswer, NetworkFailure."""
        if self._discovery is None:
            url = f"{self.authority}/v2.0/.well-known/openid-configuration"
            answer = self._transport.send(Request("GET", url, {"Accept": "application/json"}, None, new_connection))
            self._clock.observe(answer.headers.get("date"))
            self._check_discovery(answer)
            self._discovery = answer
        return str((self._discovery.json_object() or {})["token_endpoint"])

    def _check_discovery(self, answer: Response) -> None:
        host = host_of(self.cloud.authority_host)
        if answer.status != 200:
            raise _refusal(answer, host)
        body = answer.json_object() or {}
        endpoint = body.get("token_endpoint")
        if not isinstance(endpoint, str) or not isinstance(body.get("authorization_endpoint"), str):
            raise UntrustedAnswer(*_odd(f"The discovery document of {host} names no token endpoint.", host))
        if not same_host(endpoint, self.cloud.authority_host):
            other = host_of(endpoint)
            raise UntrustedAnswer(
                *_odd(f"The discovery document of {host} names a token endpoint on {other}: nothing was sent.", host)
            )


class _Answered(Exception):
    """Raised inside msal's call once the answer is here: it is read here, where nothing in it is relied on."""


class _MsalHttp:
    """The HTTP client that msal is handed. msal wants `get`, `post` and `close`."""

    def __init__(self, service: TokenService, new_connection: bool) -> None:
        self._service = service
        self._new_connection = new_connection
        self.last_answer: Response | None = None
        self.correlation_id: str | None = None

    def get(self, url: str, **ignored: t.Any) -> _MsalDiscovery:
        return _MsalDiscovery(self._service.discovery())

    def post(
        self, url: str, data: t.Any = None, headers: t.Mapping[str, str] | None = None, **ignored: t.Any
    ) -> t.NoReturn:
        body = data.encode() if isinstance(data, str) else urllib.parse.urlencode(data or {}).encode()
        named = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        self.correlation_id = named.get("client-request-id")
        self.last_answer = self._service.post(url, named, body, self._new_connection)
        raise _Answered

    def close(self) -> None:
        """Connections belong to the transport."""


class _MsalDiscovery:
    """The discovery document in the shape that msal reads, without what msal has no need of."""

    def __init__(self, answer: Response) -> None:
        known = answer.json_object() or {}
        self.status_code = answer.status
        self.headers: dict[str, str] = {}
        self.text = json.dumps({name: known[name] for name in ("authorization_endpoint", "token_endpoint")})

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise MsalServiceError(error=f"HTTP {self.status_code}", error_description="")


def _refusal(answer: Response, host: str) -> SignInRefused:
    """No token: why, or at least what came in place of one."""
    body = answer.json_object()
    diagnosis = explain_sign_in(answer.status, body or {}, host, answer.headers)
    if body is None:
        came = f"{host} answered {answer.status} and no JSON object; a proxy may have answered. "
    else:
        came = "" if diagnosis.evidence["error_codes"] else f"{host} answered {answer.status}. "
    return SignInRefused(f"{came}{diagnosis.sentence}", diagnosis)


def _odd(message: str, host: str) -> tuple[str, t.Any]:
    return message, explain("unknown", host, {"message": message})


def _claims(token: str) -> dict[str, t.Any]:
    try:
        segment = token.split(".")[1]
        value = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
