# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A peer on this host that answers each connection as a test says: properly, badly, slowly or not at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading


class Peer:
    """Accepts connections and hands each to `answer(connection)`; keeps what was asked. A context manager."""

    def __init__(self, answer, certificate=None):
        self._answer = answer
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(self._tls)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.asked = []
        self.over = threading.Event()

    @property
    def url(self):
        return f"https://localhost:{self.port}/x"

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        self._listening.close()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._thread.join(10)

    def _serve(self):
        while not self.over.is_set():
            try:
                connection, _address = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            if self._tls is None:
                self._answer(self, connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                while request := _head(wrapped):
                    self.asked.append(request)
                    self._answer(self, wrapped)


def _head(connection):
    """The request's lines up to its body, which the tests do not send."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(4096)
        if not part:
            return ""
        received += part
    return received.decode("latin-1")


def says(body=b"fine", status="200 OK", headers=()):
    """Answer every request the same way."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda peer, connection: connection.sendall("\r\n".join(lines).encode("latin-1") + body)


def resets(peer, connection):
    """A zero linger time makes the kernel send RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket(fileno=connection.detach()).close()


def hangs_up(peer, connection):
    """Take what the client says first, and go."""
    connection.recv(1)
    connection.shutdown(socket.SHUT_RDWR)


def is_silent(peer, connection):
    peer.over.wait(10)


def trickles(peer, connection):
    """A chunk now and then, each in time, without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not peer.over.wait(0.05):
        connection.sendall(b"1\r\nx\r\n")


def trickles_what_it_promised(peer, connection):
    """A body of known length, letter by letter."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not peer.over.wait(0.05):
        connection.sendall(b"x")


def trickles_its_headers(peer, connection):
    """A header that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not peer.over.wait(0.05):
        connection.sendall(b"x")


def breaks_off(peer, connection):
    """Promise more than comes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    connection.unwrap()
    connection.close()
