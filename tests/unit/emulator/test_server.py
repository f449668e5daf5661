# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator over real HTTPS: the command, the files it leaves, and connections that break."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant

EMULATOR = Path(__file__).resolve().parents[2] / "emulator"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tenant = Tenant()
    tenant.add_application("manager", secret="s", roles=["Application.ReadWrite.All"])
    with HttpsServer(Emulator(tenant), tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def session(server):
    """verify= goes with each request: requests lets REQUESTS_CA_BUNDLE override that of the session."""
    made = requests.Session()
    made.trust_env = False
    made.verify = str(server.ca_path)
    yield made
    server.emulator.tenant.faults.clear()


def discovery(server):
    return f"{server.url}/{server.emulator.tenant.id}/v2.0/.well-known/openid-configuration"


def test_it_serves_tls_that_its_own_authority_vouches_for(server, session):
    body = session.get(discovery(server), timeout=10).json()

    assert body["token_endpoint"].startswith(f"{server.url}/")
    with pytest.raises(requests.exceptions.SSLError):
        session.get(discovery(server), timeout=10, verify=True)


def test_its_certificate_is_for_further_hosts_where_asked(tmp_path):
    def reach(name):
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as plain:
            trust.wrap_socket(plain, server_hostname=name).close()

    with HttpsServer(Emulator(Tenant()), tmp_path, names=["graph.microsoft.com"]) as running:
        trust = ssl.create_default_context(cafile=str(running.ca_path))
        reach("localhost")
        reach("graph.microsoft.com")
        with pytest.raises(ssl.SSLCertVerificationError, match=r"login\.example\.org"):
            reach("login.example.org")


def test_a_connection_is_kept_alive_and_the_date_is_the_clock_of_the_service(server, session):
    server.emulator.tenant.clock.skew = 7200
    try:
        answers = [session.get(discovery(server), timeout=10) for _request in range(3)]
    finally:
        server.emulator.tenant.clock.skew = 0

    assert session.get_adapter(server.url).poolmanager.pools.keys()
    pool = session.get_adapter(server.url).poolmanager.connection_from_url(server.url)
    assert pool.num_connections <= 1
    shown = time.mktime(time.strptime(answers[0].headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(shown - time.time() - 7200) < 5


class Wire:
    """TLS in memory over a plain socket, so that what TCP itself says is seen."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(server.ca_path))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # which Python 3.11 sets: a connection that breaks is no end
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def until_done(self, step):
        """Take a TLS step, moving bytes as long as it wants more."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                received = self.socket.recv(65536)
                self.incoming.write(received) if received else self.incoming.write_eof()

    def ask(self, server):
        """Send a request and read until something comes, or until the connection breaks."""
        self.until_done(self.tls.do_handshake)
        path = discovery(server).removeprefix(server.url)
        self.tls.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.socket.sendall(self.outgoing.read())
        return self.until_done(lambda: self.tls.read(1000))


def test_a_reset_is_a_true_reset(server, session):
    server.emulator.tenant.faults.add("reset", match="discovery")

    with pytest.raises(ConnectionResetError):
        Wire(server).ask(server)


def test_a_lost_reply_closes_without_an_answer(server, session):
    server.emulator.tenant.faults.add("lost_reply", match="discovery")

    with pytest.raises(ssl.SSLError, match=r"(?i)EOF"):  # by a class of its own from Python 3.12 on
        Wire(server).ask(server)


def test_clients_see_a_connection_error_and_the_next_request_is_served(server, session):
    for kind in ("reset", "lost_reply", "no_reply"):
        server.emulator.tenant.faults.add(kind, match="discovery")
        with pytest.raises(requests.ConnectionError):
            session.get(discovery(server), timeout=10)

    assert session.get(discovery(server), timeout=10).status_code == 200


def test_a_slow_reply_is_slow_and_others_are_served_meanwhile(server, session):
    server.emulator.tenant.faults.add("slow", match="discovery", seconds=20)

    with pytest.raises(requests.ReadTimeout):
        session.get(discovery(server), timeout=0.5)

    assert session.get(discovery(server), timeout=15).status_code == 200  # while the slow one is still to come


def test_an_open_connection_does_not_keep_others_waiting(server, session):
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _connection in range(3)]
    try:
        assert session.get(discovery(server), timeout=15).status_code == 200
    finally:
        for one in idle:
            one.close()


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """The command itself, started from a directory of its own."""
    directory = tmp_path_factory.mktemp("command")
    arguments = ["--directory", "run", "--applications", "3", "--record", "exchanges.jsonl"]
    process = subprocess.Popen(
        [sys.executable, str(EMULATOR), *arguments], cwd=directory, stdout=subprocess.PIPE, text=True
    )
    printed = list(iter(process.stdout.readline, "ready\n"))
    yield process, directory, printed
    process.kill()


def test_the_command_prints_what_to_export_and_serves(command):
    _process, directory, printed = command
    variables = dict(line.removeprefix("export ").rstrip().replace("'", "").split("=", 1) for line in printed)
    session = requests.Session()
    session.trust_env = False

    answer = session.get(f"{variables['ENTRA_EMULATOR_CONTROL']}/", verify=variables["ENTRA_CA_PATH"], timeout=10)

    assert answer.json()["ready"]
    assert set(variables) == {
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_AUTHORITY_HOST",
        "ENTRA_GRAPH_URL",
        "ENTRA_CA_PATH",
        "ENTRA_EMULATOR_CONTROL",
    }
    assert json.loads((directory / "run" / "endpoint.json").read_text()) == variables
    assert (directory / "run" / "environment.sh").read_text() == "".join(printed)


def test_the_command_ends_cleanly_when_asked_to(command):
    process, directory, _printed = command

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=15) == 0
    assert (directory / "exchanges.jsonl").exists()
    assert (directory / "run" / "requests.jsonl").exists()


def test_the_command_explains_itself():
    environment = {**os.environ, "COLUMNS": "200"}
    text = subprocess.run(
        [sys.executable, str(EMULATOR), "--help"], capture_output=True, text=True, check=True, env=environment
    ).stdout

    for option in (
        "--port",
        "--scenario",
        "--applications",
        "--seed",
        "--record",
        "--log",
        "--throttle",
        "--directory",
    ):
        assert option in text
