# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same application over real HTTPS, with connections that can be reset or left without an answer."""

from __future__ import annotations

import json
import socket
import struct
import threading
from pathlib import Path

import trustme
from cheroot import errors, server, wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from .errors import ConnectionFault, ConnectionReset
from .scenario import open_private

THREADS = 32


class Tls(BuiltinSSLAdapter):
    """Leaves the handshake to the worker, so that a silent client does not keep the others waiting."""

    def wrap(self, sock):
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class Connection(server.HTTPConnection):
    """Shakes hands before its first request."""

    shaken = False

    def communicate(self):
        if not self.shaken:
            try:
                self.socket.do_handshake()
            except OSError:  # ssl.SSLError among them: a client that does not trust us, or is gone
                return False
            self.shaken = True
        return super().communicate()


class FaultyGateway(wsgi.Gateway_10):
    """Turns the application's connection faults into what a client sees on the wire."""

    def respond(self):
        try:
            super().respond()
        except ConnectionFault as fault:
            _hang_up(self.req.conn, with_reset=isinstance(fault, ConnectionReset))
            raise errors.FatalSSLAlert from fault


def _hang_up(connection, with_reset):
    """Close the socket below TLS; a zero linger time makes the kernel send RST in place of FIN."""
    raw = socket.socket(fileno=connection.socket.detach())
    if with_reset:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    connection.linger = True


class HttpsServer:
    """Serves an Emulator on a TLS port; a context manager for tests, `serve_forever` for the command."""

    def __init__(self, emulator, directory, host="127.0.0.1", port=0, names=()):
        self.emulator = emulator
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca_path = self.directory / "ca.pem"
        self._server = wsgi.Server((host, port), emulator, numthreads=THREADS, request_queue_size=256)
        self._server.gateway = FaultyGateway
        self._server.ConnectionClass = Connection
        self._server.server_name = "localhost"
        self._server.error_log = _quiet
        self._server.timeout = 30
        self._server.ssl_adapter = self._tls(host, names)

    def _tls(self, host, names):
        """A certificate authority of its own for each start; `names` are further hosts that its certificate is for."""
        authority = trustme.CA(organization_name="evercert.entra emulator")
        authority.cert_pem.write_to_path(self.ca_path)
        certificate = authority.issue_cert("localhost", "127.0.0.1", "::1", host, *names)
        with certificate.private_key_and_cert_chain_pem.tempfile(self.directory) as path:
            return Tls(path, path)

    @property
    def port(self):
        return self._server.bind_addr[1]

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def __enter__(self):
        self._server.prepare()
        self.emulator.urls.add(self.url)
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._server.stop()
        self._thread.join(timeout=10)
        self.emulator.log.close()

    def environment(self, identity):
        """The variables with which clients find this emulator and sign in as one of its identities."""
        tenant = self.emulator.tenant
        application = tenant.application(identity)
        return {
            "AZURE_TENANT_ID": tenant.id,
            "AZURE_CLIENT_ID": application.app_id,
            "AZURE_CLIENT_SECRET": application.password_credentials[0].secret,
            "AZURE_AUTHORITY_HOST": self.url,
            "ENTRA_GRAPH_URL": self.url,
            "ENTRA_CA_PATH": str(self.ca_path.resolve()),
            "ENTRA_EMULATOR_CONTROL": f"{self.url}/_control",
        }

    def describe(self, identity):
        """Write environment.sh and endpoint.json; returns the variables."""
        variables = self.environment(identity)
        lines = [f"export {name}='{value}'\n" for name, value in variables.items()]
        for name, text in (("environment.sh", "".join(lines)), ("endpoint.json", json.dumps(variables, indent=2))):
            with open_private(self.directory / name) as file:
                file.write(text)
        return variables


class MachineServer:
    """The same emulator by plain HTTP on the loopback, as a machine serves its managed identities."""

    def __init__(self, emulator, host="127.0.0.1"):
        self._server = wsgi.Server((host, 0), emulator, numthreads=2)
        self._server.error_log = _quiet

    @property
    def url(self):
        return "http://{}:{}".format(*self._server.bind_addr[:2])

    def __enter__(self):
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._server.stop()
        self._thread.join(timeout=10)


def _quiet(message="", level=20, traceback=False):
    """A client that hangs up is no news here."""
