# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile bytes over real sockets: an answer or a NetworkFailure comes out, and memory stays bounded."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import pytest
import scale
import trustme
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NetworkFailure
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Request
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._ansible.peer import Peer
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st

MIB = 1 << 20
# What one answer may cost beyond what the process had before; a body of 32 MiB is the largest that is read.
MOST_MIB = 150

# Reads one address and says what came of it and by how much the process grew.
CLIENT = """
import json, pathlib, re, sys
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NetworkFailure
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Request

def high_water():  # not ru_maxrss, which starts with what the parent had
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) // 1024

url, ca_path = sys.argv[1:]
before = high_water()
try:
    answer = RequestsTransport(ca_path, 30).send(Request("GET", url))
    found = str(answer.status) + " " + str(len(answer.json_object() or ""))
except NetworkFailure as failure:
    found = failure.diagnosis.evidence["message"]
print(json.dumps({"found": found, "grown": high_water() - before}))
"""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue_cert("localhost")


@pytest.fixture(scope="module")
def ca_path(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def zeros(mebibytes, layers):
    """Nothing but zeros, packed once or more; made in pieces, as this process must stay small as well."""
    pieces = (bytes(MIB) for _number in range(mebibytes))
    for _layer in range(layers):
        pieces = packed(pieces)
    return b"".join(pieces)


def packed(pieces):
    pack = zlib.compressobj(9, wbits=31)
    for piece in pieces:
        yield pack.compress(piece)
    yield pack.flush()


def sends(body, repeat=1, status="200 OK", headers=()):
    """A body of any size, without holding it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) * repeat}", *headers, "", ""]

    def answer(peer, connection):
        connection.sendall("\r\n".join(lines).encode())
        for _number in range(repeat):
            connection.sendall(body)

    return answer


LOCATION = "Location: https://elsewhere.test/"
GIGANTIC = {
    "200 MB": (lambda: sends(bytes(MIB), 200), "larger than"),
    "200 MB of a redirect": (lambda: sends(bytes(MIB), 200, "302 Found", [LOCATION]), "larger than"),
    "200 MB of an error": (lambda: sends(bytes(MIB), 200, "500 Error"), "larger than"),
    "ten million empty objects": (lambda: sends(b"[" + b"{}," * (10 * MIB) + b"{}]"), "more than 1,000,000 values"),
    "a gzip bomb": (lambda: sends(zeros(600, 1), headers=["Content-Encoding: gzip"]), "larger than"),
    "a gzip bomb in a redirect": (
        lambda: sends(zeros(600, 1), 1, "302 Found", [LOCATION, "Content-Encoding: gzip"]),
        "larger than",
    ),
    "a gzip bomb in a gzip bomb": (
        lambda: sends(zeros(600, 2), headers=["Content-Encoding: gzip, gzip"]),
        "content encoding",
    ),
}


@scale.in_check
@pytest.mark.parametrize("kind", GIGANTIC)
def test_a_gigantic_answer_is_given_up_in_bounded_memory(kind, certificate, ca_path):
    make, why = GIGANTIC[kind]
    with Peer(make(), certificate) as peer:
        client = subprocess.run(
            [sys.executable, "-c", CLIENT, peer.url, ca_path], capture_output=True, text=True, check=True
        )
    said = json.loads(client.stdout)

    assert why in said["found"]
    assert said["grown"] < MOST_MIB, f"{said['grown']} MiB"
    scale.note("memory_for_gigantic_answers", **{f"MiB for {kind}": str(said["grown"])})


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
ENDS = st.sampled_from([b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"])


@st.composite
def bytes_of_a_peer(draw):
    """An honest answer with some bytes replaced, left out or put in; or no answer at all."""
    honest = bytearray(HEAD + draw(ENDS))
    for _change in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(honest)))
        honest[start : start + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(honest) if draw(st.integers(0, 9)) else draw(st.binary(max_size=200))


@pytest.mark.filterwarnings("ignore:http.cookiejar bug")
@fuzz(60)
@given(bytes_of_a_peer())
@example(b"HTTP/1.1 banana\r\n\r\n")
@example(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: https://[\xff\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-\xe9: \xff\r\nDate: \xff\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b; Max-Age=" + b"9" * 400 + b"\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n")
def test_any_bytes_are_an_answer_or_none(certificate, ca_path, content):
    def answer(peer, connection):
        connection.sendall(content)
        connection.unwrap()
        connection.close()

    with Peer(answer, certificate) as peer:
        try:
            found = RequestsTransport(ca_path, 0.3).send(Request("GET", peer.url))
        except NetworkFailure as failure:
            assert failure.diagnosis.evidence["host"] == f"localhost:{peer.port}"
        else:
            assert 0 <= found.status <= 999 and all(name == name.lower() for name in found.headers)
