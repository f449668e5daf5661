# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access tokens: one sign-in, one answer, nothing remembered. The only importer of msal.

msal keeps tokens and replays refusals for a minute, so every sign-in is made with an application object of its own
and empty caches. Only the discovery document is kept: it says where to sign in, not whether.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import traceback
import typing as t
import urllib.parse
from dataclasses import dataclass, field

from .._core.errors import SignInRefused, UntrustedAnswer
from .algorithm import Algorithm
from .answers import number_in, odd, refusal_of, token_in
from .assertion import Signer, client_assertion
from .clock import ServiceClock
from .clouds import Cloud, host_of, is_authority, is_https, is_on_this_machine
from .device_prompt import DevicePrompt, parse_prompt
from .machine import machine_refusal, read_machine_token
from .transport import Request, Response, Transport

try:
    import msal as _msal
    from msal.exceptions import MsalServiceError
except ImportError:
    MSAL_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    MSAL_IMPORT_ERROR = None
    msal: t.Any = _msal  # msal states no types


# What msal reads of the discovery document.
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")


@dataclass(frozen=True)
class AccessToken:
    """What Graph accepts. It goes to the host it was issued for and nowhere else."""

    value: str = field(repr=False)
    source: str
    correlation_id: str | None = None
    seconds: float | None = None  # how long it is valid from its answer on, where that says so
    is_reused: bool = False  # whether it is from a sign-in that was made for another task

    def claims(self) -> dict[str, t.Any]:
        """The token's claims as a hint only: by contract Graph's tokens are opaque to clients."""
        return _claims(self.value)


class TokenService:
    """The token endpoint of one tenant. Keeps the discovery document, nothing else."""

    def __init__(
        self,
        transport: Transport,
        clock: ServiceClock,
        cloud: Cloud,
        tenant_id: str,
        algorithm: Algorithm | None = None,
    ) -> None:
        self.algorithm = algorithm or Algorithm(cloud.authority_host)
        self._transport = transport
        self._clock = clock
        self.cloud = cloud
        self.tenant_id = tenant_id
        self._discovery: Response | None = None
        self.attempts = 0

    def towards(self, resource: str) -> TokenService:
        """The same service for tokens of something else than Graph."""
        cloud = dataclasses.replace(self.cloud, graph_url=resource)
        return TokenService(self._transport, self._clock, cloud, self.tenant_id, self.algorithm)

    @property
    def authority(self) -> str:
        return f"{self.cloud.authority_host}/{self.tenant_id}"

    def with_secret(self, client_id: str, secret: str) -> AccessToken:
        """Sign in with a client secret. Raises SignInRefused or NetworkFailure."""
        self._discover(new_connection=False)
        return self._acquire(client_id, secret, "client_secret", new_connection=False)

    def with_key(
        self,
        client_id: str,
        signer: Signer,
        source: str,
        new_connection: bool = False,
        note: t.Callable[[], None] = lambda: None,
    ) -> AccessToken:
        """Sign in with a certificate's key: a new assertion and empty caches. Raises SignInRefused, NetworkFailure.

        Once more where the algorithm was refused; `note` hears of it, as it is one more attempt.
        """
        endpoint = self._discover(new_connection)
        while True:
            now, algorithm = self._clock.service_time(), self.algorithm.name
            credential = {"client_assertion": _as_is(client_assertion(signer, client_id, endpoint, now, algorithm))}
            try:
                return self._acquire(client_id, credential, source, new_connection)
            except SignInRefused as refusal:
                if not self.algorithm.gives_way(refusal):
                    raise
                note()

    def with_assertion(self, client_id: str, assertion: str, source: str) -> AccessToken:
        """Sign in with a token of an outside issuer. Raises SignInRefused, NetworkFailure."""
        self._discover(new_connection=False)
        return self._acquire(client_id, {"client_assertion": lambda: assertion}, source, new_connection=False)

    def with_managed_identity(self, client_id: str | None) -> AccessToken:
        """A token of the machine's own identity, or of `client_id`. Raises SignInRefused, NetworkFailure."""
        identity = (
            msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
        )
        self.attempts += 1
        http = _MachineHttp(self._transport)
        client = msal.ManagedIdentityClient(identity, http_client=http, token_cache=msal.TokenCache(), http_cache={})
        try:
            client.acquire_token_for_client(resource=self.cloud.graph_url)
        except msal.ManagedIdentityError as error:
            raise machine_refusal(str(error)) from error
        except (ValueError, TypeError, AttributeError):
            pass  # the answer itself says more
        except OSError as error:
            raise machine_refusal(f"The key file of the machine's agent cannot be read: {error.strerror}.") from error
        token = read_machine_token(http.answers, client_id)
        return AccessToken(token, "managed_identity", seconds=self.seconds_left(http.answers[-1].json_object() or {}))

    def seconds_left(self, body: t.Mapping[str, t.Any]) -> float | None:
        """How long the token in an answer is valid: some say the seconds, some the moment of its end."""
        left, ends = number_in(body, "expires_in"), number_in(body, "expires_on")
        return ends - self._clock.service_time().timestamp() if left is None and ends is not None else left

    def ask(self, request: Request) -> Response:
        """Another service than the authority, such as a platform that vouches for this job: https only."""
        if not is_https(request.url):
            raise UntrustedAnswer(*odd(f"{host_of(request.url)} would have been asked without TLS.", ""))
        return self._transport.send(request)

    def begin_device_code(self, client_id: str, scopes: t.Sequence[str]) -> DevicePrompt:
        """Ask for a code that a person enters in a browser. Raises SignInRefused, NetworkFailure, UntrustedAnswer."""
        http, host = _MsalHttp(self, new_connection=False), host_of(self.cloud.authority_host)
        wanted = [f"{self.cloud.graph_url}/{scope}" for scope in scopes]
        with contextlib.suppress(MsalServiceError, ValueError, _Answered):
            self._public_client(client_id, http).initiate_device_flow(scopes=wanted)
        if http.last_answer is None:
            raise UntrustedAnswer(*odd(f"{host} offers no sign-in with a device code.", host))
        return parse_prompt(http.last_answer, host)

    def with_device_code(self, client_id: str, prompt: DevicePrompt) -> AccessToken:
        """Ask once whether the person has signed in; until then SignInRefused says authorization_pending."""
        self.attempts += 1
        http = _MsalHttp(self, new_connection=False)
        flow = {"device_code": prompt.device_code}
        with contextlib.suppress(MsalServiceError, ValueError, _Answered):
            self._public_client(client_id, http).acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)
        return self._read(http, "device_code")

    def _public_client(self, client_id: str, http: _MsalHttp) -> t.Any:
        """A client without a credential. It asks for no refresh token, as nothing here is remembered."""
        self._discover(new_connection=False)
        return msal.PublicClientApplication(
            client_id,
            authority=self.authority,
            instance_discovery=False,
            token_cache=msal.TokenCache(),
            http_client=http,
            http_cache={},
            exclude_scopes=["offline_access"],
        )

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
            raise UntrustedAnswer(*odd("The token endpoint was not asked.", host))
        body = answer.json_object() or {}
        token = token_in(body)
        if answer.status == 200 and token:
            return AccessToken(token, source, http.correlation_id, self.seconds_left(body))
        raise refusal_of(answer, host, http.correlation_id)

    # What msal sends goes through here, so that every answer's time is seen and no secret leaves its host.

    def discovery(self) -> Response:
        """The discovery document, read once; its token endpoint must lie on the authority's host."""
        self._discover(new_connection=False)
        return t.cast(Response, self._discovery)

    def post(self, url: str, headers: t.Mapping[str, str], body: bytes, new_connection: bool) -> Response:
        if not is_authority(url, self.cloud.authority_host):
            raise UntrustedAnswer(*odd(f"A sign-in would have gone to {host_of(url)}.", host_of(url)))
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
            raise refusal_of(answer, host)
        body = answer.json_object() or {}
        endpoint = body.get("token_endpoint")
        if not isinstance(endpoint, str) or not isinstance(body.get("authorization_endpoint"), str):
            raise UntrustedAnswer(*odd(f"The discovery document of {host} names no token endpoint.", host))
        if not is_authority(endpoint, self.cloud.authority_host):
            other = host_of(endpoint)
            raise UntrustedAnswer(
                *odd(f"The discovery document of {host} names a token endpoint on {other}: nothing was sent.", host)
            )


def _as_is(text: str) -> t.Callable[[], str]:
    return lambda: text


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


class _MachineHttp:
    """The HTTP client that msal asks the machine with. No proxy stands between a machine and itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.answers: list[Response] = []

    def get(
        self, url: str, params: t.Any = None, headers: t.Mapping[str, str] | None = None, **ignored: t.Any
    ) -> _MachineAnswer:
        if not is_on_this_machine(url):
            raise machine_refusal(
                f"{host_of(url)} is no address of this machine, and only there a managed identity is asked for."
            )
        joined = f"{url}{'&' if '?' in url else '?'}{urllib.parse.urlencode(params or {})}"
        self.answers.append(self._transport.send(Request("GET", joined, headers or {}, direct=True)))
        return _MachineAnswer(self.answers[-1])

    def close(self) -> None:
        """Connections belong to the transport."""


class _MachineAnswer:
    """An answer in the shape that msal reads."""

    def __init__(self, answer: Response) -> None:
        self.status_code = answer.status
        self.headers = dict(answer.headers)
        self.text = answer.body.decode(errors="replace")


class _MsalDiscovery:
    """The discovery document in the shape that msal reads, without what msal has no need of."""

    def __init__(self, answer: Response) -> None:
        known = answer.json_object() or {}
        self.status_code = answer.status
        self.headers: dict[str, str] = {}
        self.text = json.dumps({name: known[name] for name in ENDPOINTS if isinstance(known.get(name), str)})

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise MsalServiceError(error=f"HTTP {self.status_code}", error_description="")


def _claims(token: str) -> dict[str, t.Any]:
    try:
        segment = token.split(".")[1]
        value = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
