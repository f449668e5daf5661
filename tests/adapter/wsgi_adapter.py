# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets any client built on `requests` talk to the emulator in process: no sockets, no TLS, a clock in the test's hand.

    session = requests.Session()
    connect(session, emulator)            # or session.mount("https://", WsgiAdapter(emulator))

Connection faults become the exceptions that requests raises for them; a slow reply advances the emulator's clock and
becomes a ReadTimeout when it is slower than the client's own timeout.
"""

from __future__ import annotations

import io
import sys
from urllib.parse import unquote, urlsplit

import requests
from emulator.errors import ConnectionReset, NoReply
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse


class Exchange:
    """What an observer gets to see: one request and its answer, as plain data."""

    def __init__(self, request, response):
        self.method = request.method
        self.url = request.url
        self.request_headers = dict(request.headers)
        self.request_body = request.body
        self.status = response.status_code
        self.headers = dict(response.headers)
        self.body = response.content


class WsgiAdapter(BaseAdapter):
    """A transport adapter that calls a WSGI application; `observers` see every exchange that got an answer."""

    def __init__(self, emulator, observers=()):
        super().__init__()
        self.emulator = emulator
        self.observers = list(observers)

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        environ = _environ(request)
        environ["emulator.sleep"] = lambda seconds: self._sleep(seconds, timeout, request)
        try:
            status, headers, body = _answer_of(self.emulator, environ)
        except ConnectionReset as fault:
            raise requests.ConnectionError(f"Connection reset by peer ({fault})", request=request) from fault
        except NoReply as fault:
            message = f"Remote end closed connection without response ({fault})"
            raise requests.ConnectionError(message, request=request) from fault
        response = _response(self, request, status, headers, body)
        for observer in self.observers:
            observer(Exchange(request, response))
        return response

    def close(self):
        """Nothing is held open."""

    def _sleep(self, seconds, timeout, request):
        """Let the emulator's time pass, but no longer than the client waits."""
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        clock = self.emulator.tenant.clock
        if patience is not None and seconds > patience:
            clock.advance(patience)
            raise requests.ReadTimeout(f"Read timed out. (read timeout={patience})", request=request)
        clock.advance(seconds)


def connect(session, emulator, observers=()):
    """Route every request of a session to the emulator; plain HTTP is how a machine serves its managed identities."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, WsgiAdapter(emulator, observers))
    return session


def _environ(request):
    """The WSGI environment of one prepared request (PEP 3333), with no more than a server has to put into it."""
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    url = urlsplit(request.url)
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path).encode().decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or {"https": 443, "http": 80}[url.scheme]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        environ["HTTP_" + name.upper().replace("-", "_")] = text
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    return environ


def _answer_of(application, environ):
    """Status line, headers and body of what a WSGI application answers."""
    started = []

    def start_response(status, headers, _error=None):
        started[:] = [status, headers]

    chunks = application(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return *started, body


def _response(adapter, request, status, headers, content):
    """A requests.Response made by requests' own rules."""
    code, _space, reason = status.partition(" ")
    raw = HTTPResponse(
        body=io.BytesIO(content), headers=dict(headers), status=int(code), reason=reason, preload_content=False
    )
    response = requests.adapters.HTTPAdapter.build_response(adapter, request, raw)
    response.connection = adapter
    return response
