# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transport over requests: one pooled session, no redirects, nothing repeated. The only importer of requests.

requests reads the file of certificate authorities again for each connection, which takes longer than everything else in
a request. Here it is read once, by the process that forks the workers where there is one, and again when it changes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import ssl
import stat
import threading
import traceback
import typing as t
from http.cookiejar import DefaultCookiePolicy

from .._core.diagnosis import explain
from .._core.errors import EvercertError, NetworkFailure
from .._entra.clouds import host_of
from .._entra.transport import Request, Response

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import DEFAULT_CA_BUNDLE_PATH
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
    from urllib3.exceptions import HTTPError
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

    class _Session(requests.Session):
        """Leaves redirects alone: requests would read the whole body of one, and parse its address, unasked."""

        def get_redirect_target(self, resp: requests.Response) -> str | None:
            return None

        def __init__(self) -> None:
            super().__init__()
            self.mount("https://", _Adapter())
            # Entra counts sign-ins by cookie (AADSTS50196), and its cookies name the server that is asked next.
            self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    class _Connection(HTTPSConnection):
        """Marks what fails before a request can leave: the name, the connection, a proxy, the handshake."""

        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, HTTPError) as error:
                # Later the libraries raise the same classes of a connection that may have carried all of it.
                setattr(error, _UNSENT, True)
                raise

    class _Pool(HTTPSConnectionPool):
        ConnectionCls = _Connection

    class _Adapter(HTTPAdapter):
        """Gives its connections what they trust ready to use."""

        def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

        def proxy_manager_for(self, proxy: t.Any, **kwargs: t.Any) -> t.Any:
            manager = super().proxy_manager_for(proxy, **kwargs)
            manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
            return manager

        def build_connection_pool_key_attributes(
            self, request: requests.PreparedRequest, verify: t.Any, cert: t.Any = None
        ) -> t.Any:
            where, how = super().build_connection_pool_key_attributes(request, verify, cert)
            trusted = _trusted(verify)
            if not trusted:
                return where, how
            kept = {name: value for name, value in how.items() if name not in ("ca_certs", "ca_cert_dir")}
            return where, {**kept, "ssl_context": trusted}

        def cert_verify(self, conn: t.Any, url: str, verify: t.Any, cert: t.Any) -> None:
            t.cast(t.Any, super()).cert_verify(conn, url, verify, cert)
            if conn.conn_kw.get("ssl_context"):  # releases of requests before 2.32.3 ask for none
                conn.ca_certs = conn.ca_cert_dir = None

    def _trusted(verify: t.Any) -> ssl.SSLContext | None:
        """What a file of authorities lets us trust. None for a directory, or where requests will say what is wrong."""
        path = DEFAULT_CA_BUNDLE_PATH if verify is True else verify
        try:
            found = os.stat(path)
            is_file = stat.S_ISREG(found.st_mode)
            return _read_authorities(path, found.st_mtime_ns, found.st_size, found.st_ino) if is_file else None
        except (OSError, ValueError):
            return None

    @functools.lru_cache(maxsize=8)
    def _read_authorities(path: str, *_state: int) -> ssl.SSLContext:
        context = create_urllib3_context()
        context.load_verify_locations(path)
        return context


# A page of 999 applications is some megabytes with a hundred thousand values; more than this is no answer of Graph.
# The values count as well as the bytes: a body of empty objects needs 25 times its size when it is parsed.
LARGEST_BODY = 32 * 1024 * 1024
MOST_VALUES = 1_000_000
# What we ask for. Encodings piled on each other would unpack to any size at once.
ENCODINGS = ("", "identity", "gzip", "deflate")
# How long a peer may be silent, in seconds.
TIMEOUT = 30.0
# A peer that trickles may take this many times the timeout, which counts each silence by itself.
PATIENCE = 10
# None is what requests takes for "not this one, whatever the environment says".
NO_PROXIES: t.Any = {"http": None, "https": None, "all": None}
USER_AGENT = "evercert.entra"
# The attribute of an error that marks it as one of a connection that was never made.
_UNSENT = "evercert_unsent"


def prepare_trust(environment: t.Mapping[str, str]) -> None:
    """Read those that tasks will most likely trust, for the processes that are forked from this one."""
    if REQUESTS_IMPORT_ERROR is None:
        names = ("ENTRA_CA_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        _trusted(next((environment[name] for name in names if environment.get(name)), True))


class RequestsTransport:
    """Sends requests. `open_session` makes the sessions, so that tests can bring their own adapters."""

    def __init__(
        self,
        ca_path: str | None,
        timeout: float = TIMEOUT,
        open_session: t.Callable[[], requests.Session] | None = None,
    ) -> None:
        self._verify: bool | str = ca_path or True
        self._timeout = timeout
        self._open_session = open_session or _Session
        self._session: requests.Session | None = None

    def send(self, request: Request) -> Response:
        if request.new_connection:
            with self._open_session() as session:
                return self._send(session, request)
        if self._session is None:
            self._session = self._open_session()
        return self._send(self._session, request)

    def _send(self, session: requests.Session, request: Request) -> Response:
        # verify goes with each request, else REQUESTS_CA_BUNDLE would win over ca_path; auth keeps a .netrc entry
        # from replacing our Authorization header.
        try:
            with (
                _within(self._timeout * PATIENCE),
                contextlib.closing(
                    session.request(
                        request.method,
                        request.url,
                        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate", **request.headers},
                        data=request.body,
                        timeout=self._timeout,
                        verify=self._verify,
                        allow_redirects=False,
                        auth=_keep_headers,
                        stream=True,
                        proxies=dict(NO_PROXIES) if request.direct else None,
                    )
                ) as answer,
            ):
                body = self._read(answer, host_of(request.url))
        except (requests.RequestException, OSError, UnicodeError) as error:
            raise _as_network_failure(error, host_of(request.url)) from error
        return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)

    def _read(self, answer: requests.Response, host: str) -> bytes:
        """The whole body, bounded in size and in what it comes to when it is parsed."""
        encoding = answer.headers.get("content-encoding", "").strip().lower()
        if encoding not in ENCODINGS:
            raise _unreadable(host, f"The answer has the content encoding '{encoding[:50]}'.")
        parts, size = [], 0
        for part in answer.iter_content(1 << 16):
            size += len(part)
            if size > LARGEST_BODY:
                raise _unreadable(host, f"The answer is larger than {LARGEST_BODY >> 20} MiB.")
            parts.append(part)
        body = b"".join(parts)
        if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
            raise _unreadable(host, f"The answer holds more than {MOST_VALUES:,} values.")
        return body


@contextlib.contextmanager
def _within(seconds: float) -> t.Iterator[None]:
    """Raise TimeoutError out of whatever is going on when the time is over.

    An alarm ends the request where it stands; a thread left behind could send a write long after it was given up.
    Where an alarm cannot be had (not the main thread, or in use), the timeout of each silence alone counts.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError("the answer trickles in")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _keep_headers(prepared: t.Any) -> t.Any:
    return prepared


def _unreadable(host: str, why: str) -> NetworkFailure:
    diagnosis = explain("network_refused", host, {"message": why, "http_status": None})
    return NetworkFailure(diagnosis.sentence, diagnosis)


def _as_network_failure(error: Exception, host: str) -> NetworkFailure:
    """The diagnosis of a connection that gave no answer. The library's text stays out: it may name proxy accounts."""
    causes = list(_causes(error))
    diagnosis = explain(_code(error, causes), host, {"message": _short(causes), "http_status": None})
    return NetworkFailure(diagnosis.sentence, diagnosis, was_sent=not _is_unsent(error, causes))


def _is_unsent(error: Exception, causes: t.Sequence[BaseException]) -> bool:
    """Whether no byte of the request can have left this host."""
    return _is_bad_ca_file(error) or any(hasattr(cause, _UNSENT) for cause in causes)


def _code(error: Exception, causes: t.Sequence[BaseException]) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "proxy"
    if any(isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in causes):
        return "network_refused"  # hung up in the middle of the handshake: nothing was said about trust
    if any(isinstance(cause, (ssl.SSLError, ssl.CertificateError)) for cause in causes):
        return "tls"
    if isinstance(error, requests.exceptions.SSLError) or _is_bad_ca_file(error):
        return "tls"
    if any(isinstance(cause, (requests.exceptions.Timeout, TimeoutError)) for cause in causes):
        return "timeout"
    if any(isinstance(cause, socket.gaierror) or type(cause).__name__ == "NameResolutionError" for cause in causes):
        return "dns"
    return "network_refused"


def _is_bad_ca_file(error: Exception) -> bool:
    """requests reports an unusable CA file as a plain OSError."""
    return not isinstance(error, requests.RequestException) and "CA certificate bundle" in str(error)


def _causes(error: BaseException) -> t.Iterator[BaseException]:
    """The exceptions behind this one, however the libraries wrapped them."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        # A failure of ours is what was being handled when this request was made.
        if not isinstance(current, BaseException) or isinstance(current, EvercertError) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def _short(causes: t.Sequence[BaseException]) -> str:
    """What the system says, such as 'Connection refused'."""
    for cause in causes:
        verify_message = getattr(cause, "verify_message", None)
        if verify_message:
            return str(verify_message)
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
    return type(causes[0]).__name__
