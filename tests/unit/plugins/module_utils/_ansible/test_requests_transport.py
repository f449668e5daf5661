# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import socket
import ssl

import pytest
import trustme
from ansible_collections.evercert.entra.plugins.module_utils._ansible import requests_transport
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NetworkFailure
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Request
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._ansible.peer import (
    Peer,
    breaks_off,
    hangs_up,
    is_silent,
    resets,
    says,
    trickles,
    trickles_its_headers,
    trickles_what_it_promised,
)
from requests.adapters import HTTPAdapter

can_be_given_trust = pytest.mark.skipif(
    not hasattr(HTTPAdapter, "build_connection_pool_key_attributes"), reason="requests is older than 2.32.3"
)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue_cert("localhost")


@pytest.fixture
def ca_path(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """No proxy, no CA file and no .netrc of the person who runs the tests."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")


@pytest.fixture
def failure(ca_path):
    """The diagnosis of a request that gets no answer."""

    def ask(url, timeout=5.0, ca=None, was_sent=True, **facts):
        with pytest.raises(NetworkFailure) as raised:
            RequestsTransport(ca or ca_path, timeout).send(Request("GET", url, **facts))
        assert raised.value.message == raised.value.diagnosis.sentence
        assert raised.value.was_sent == raised.value.may_have_applied == was_sent
        return raised.value.diagnosis

    return ask


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_an_answer_comes_back_with_lower_case_names(certificate, ca_path):
    with Peer(says(b"body", "418 Teapot", ["Retry-After: 7"]), certificate) as peer:
        answer = RequestsTransport(ca_path, 5).send(Request("POST", peer.url, {"X-Ours": "1"}, b""))

    assert (answer.status, answer.body, answer.headers["retry-after"]) == (418, b"body", "7")
    assert "X-Ours: 1" in peer.asked[0]
    assert "User-Agent: evercert.entra" in peer.asked[0]


def test_a_refused_connection_is_no_answer(failure):
    port = free_port()

    found = failure(f"https://localhost:{port}/x", was_sent=False)

    assert (found.code, found.retry) == ("network_refused", "later")
    assert found.cause == f"The connection to localhost:{port} was refused or broken off."
    assert found.evidence["message"] == "Connection refused"


def test_a_name_that_does_not_exist_is_a_matter_of_dns(failure):
    assert failure("https://nonexistent.invalid/x", was_sent=False).code == "dns"


def test_an_untrusted_certificate_is_a_matter_of_tls_and_final(certificate, failure, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)

    with Peer(says(), certificate) as peer:
        found = failure(peer.url, ca=str(other), was_sent=False)

    assert (found.code, found.retry) == ("tls", "no")
    assert "ca_path" in found.remedy
    assert peer.asked == []


@can_be_given_trust
def test_the_authorities_are_read_once_and_again_when_their_file_changes(certificate, ca_path, failure, monkeypatch):
    loaded = []

    class Counting(ssl.SSLContext):
        def load_verify_locations(self, *places, **named):
            loaded.append(places or tuple(named.values()))
            super().load_verify_locations(*places, **named)

    monkeypatch.setattr(requests_transport, "create_urllib3_context", lambda: Counting(ssl.PROTOCOL_TLS_CLIENT))
    with Peer(says(b"body"), certificate) as peer:
        for _time in range(3):
            RequestsTransport(ca_path, 5).send(Request("GET", peer.url, new_connection=True))
        assert loaded == [(ca_path,)]

        trustme.CA().cert_pem.write_to_path(ca_path)
        assert failure(peer.url, was_sent=False).code == "tls"
        assert loaded == [(ca_path,)] * 2


@can_be_given_trust
@pytest.mark.parametrize("name", ["ENTRA_CA_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_process_that_forks_reads_the_authorities_for_its_children(name, ca_path, certificate, monkeypatch):
    requests_transport.prepare_trust({name: ca_path, "HOME": "/root"})
    monkeypatch.setattr(requests_transport, "create_urllib3_context", lambda: pytest.fail("read again"))

    with Peer(says(b"body"), certificate) as peer:
        assert RequestsTransport(ca_path, 5).send(Request("GET", peer.url)).body == b"body"


def test_a_process_that_forks_does_not_mind_what_it_cannot_read(tmp_path):
    requests_transport.prepare_trust({"ENTRA_CA_PATH": str(tmp_path / "none.pem")})


def test_a_certificate_for_another_name_is_a_matter_of_tls(authority, failure):
    with Peer(says(), authority.issue_cert("other.test")) as peer:
        assert failure(peer.url, was_sent=False).code == "tls"


def test_a_ca_file_that_holds_none_or_is_gone_is_a_matter_of_tls(certificate, failure, tmp_path):
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")

    with Peer(says(), certificate) as peer:
        assert failure(peer.url, ca=str(garbage), was_sent=False).code == "tls"
        assert failure(peer.url, ca=str(tmp_path / "gone.pem"), was_sent=False).code == "tls"


def test_a_peer_that_speaks_no_tls_is_a_matter_of_tls(failure):
    with Peer(says()) as peer:
        assert failure(peer.url, was_sent=False).code == "tls"


@pytest.mark.parametrize("answer", [resets, hangs_up], ids=["reset", "hung up"])
def test_a_connection_lost_in_the_handshake_says_nothing_about_trust(answer, failure):
    with Peer(answer) as peer:
        found = failure(peer.url, was_sent=False)

    assert (found.code, found.retry) == ("network_refused", "later")


@pytest.mark.parametrize("answer", [resets, breaks_off], ids=["reset", "broken off"])
def test_a_connection_lost_before_the_answer_ended_is_no_answer(answer, certificate, failure):
    with Peer(answer, certificate) as peer:
        assert failure(peer.url).code == "network_refused"


@pytest.mark.parametrize("tls", [True, False], ids=["after the handshake", "before it"])
def test_a_silent_peer_is_given_up_in_time(tls, certificate, failure):
    with Peer(is_silent, certificate if tls else None) as peer:
        found = failure(peer.url, timeout=0.2, was_sent=tls)

    assert (found.code, found.retry) == ("timeout", "later")


@pytest.mark.parametrize("answer", [trickles, trickles_what_it_promised, trickles_its_headers])
def test_an_answer_that_trickles_in_is_given_up_in_time(answer, certificate, failure):
    with Peer(answer, certificate) as peer:
        found = failure(peer.url, timeout=0.1)

    assert (found.code, found.retry) == ("timeout", "later")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_alarm_that_somebody_else_has_set_is_left_alone(certificate, ca_path):
    signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        with Peer(says(), certificate) as peer:
            assert RequestsTransport(ca_path, 5).send(Request("GET", peer.url)).status == 200
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_an_answer_that_is_too_large_is_given_up(certificate, failure, monkeypatch):
    monkeypatch.setattr(requests_transport, "LARGEST_BODY", 1000)

    with Peer(says(b"x" * 1001), certificate) as peer:
        assert failure(peer.url).code == "network_refused"


def test_a_redirect_is_not_followed(certificate, ca_path):
    elsewhere = f"Location: https://localhost:{free_port()}/elsewhere"

    with Peer(says(b"", "302 Found", [elsewhere]), certificate) as peer:
        answer = RequestsTransport(ca_path, 5).send(Request("GET", peer.url, {"Authorization": "Bearer t"}))

    assert answer.status == 302
    assert len(peer.asked) == 1


def test_a_netrc_does_not_replace_our_authorization(certificate, ca_path, tmp_path):
    (tmp_path / "netrc").write_text("machine localhost login somebody password else\n")

    with Peer(says(), certificate) as peer:
        RequestsTransport(ca_path, 5).send(Request("GET", peer.url, {"Authorization": "Bearer ours"}))
        RequestsTransport(ca_path, 5).send(Request("GET", peer.url))

    assert "Authorization: Bearer ours" in peer.asked[0]
    assert "Authorization" not in peer.asked[1]


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ca_path_wins_over_the_environment(name, certificate, ca_path, failure, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)

    with Peer(says(), certificate) as peer:
        monkeypatch.setenv(name, str(other))
        assert RequestsTransport(ca_path, 5).send(Request("GET", peer.url)).status == 200
        monkeypatch.setenv(name, ca_path)
        assert failure(peer.url, ca=str(other), was_sent=False).code == "tls"


def test_without_ca_path_the_environment_counts(certificate, ca_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_path)

    with Peer(says(), certificate) as peer:
        assert RequestsTransport(None, 5).send(Request("GET", peer.url)).status == 200


def test_a_proxy_that_is_not_there_is_a_matter_of_the_proxy(failure, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:hunter2@127.0.0.1:{free_port()}")

    found = failure("https://login.test/x", was_sent=False)

    assert found.code == "proxy"
    assert "hunter2" not in repr(found)


def test_a_proxy_that_refuses_is_a_matter_of_the_proxy(failure, monkeypatch):
    def refuse(peer, connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with Peer(refuse) as peer:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{peer.port}")
        assert failure("https://login.test/x", was_sent=False).code == "proxy"


def test_a_header_that_cannot_be_sent_is_a_failure_without_its_value(certificate, failure):
    with Peer(says(), certificate) as peer:
        found = failure(peer.url, headers={"Authorization": "Bearer secret\r\nX: y"})

    assert "secret" not in repr(found)


def test_no_cookie_is_kept(certificate, ca_path):
    """The login service counts sign-ins by cookie."""
    with Peer(says(headers=["Set-Cookie: fpc=x; path=/; secure; HttpOnly"]), certificate) as peer:
        transport = RequestsTransport(ca_path, 5)
        for _request in range(2):
            transport.send(Request("GET", peer.url))

    assert len(peer.asked) == 2 and "cookie" not in peer.asked[1].lower()


def test_connections_are_kept_and_a_new_one_is_made_when_asked_for(ca_path):
    sessions = []

    class Session:
        def __init__(self):
            sessions.append(self)
            self.closed = False

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.closed = True

        def request(self, method, url, **facts):
            answer = requests_transport.requests.Response()
            answer.status_code = 200
            answer._content, answer._content_consumed = b"", True
            return answer

    transport = RequestsTransport(ca_path, 5, Session)
    for is_new in (False, False, True, False):
        transport.send(Request("GET", "https://x.test", new_connection=is_new))

    assert [each.closed for each in sessions] == [False, True]


@pytest.mark.parametrize("address", ["https://[elsewhere", "https://\xff/"])
def test_the_address_of_a_redirect_is_not_even_parsed(address, certificate, ca_path):
    with Peer(says(b"moved", "302 Found", [f"Location: {address}"]), certificate) as peer:
        answer = RequestsTransport(ca_path, 5).send(Request("GET", peer.url))

    assert (answer.status, answer.body) == (302, b"moved")


def test_the_body_of_a_redirect_is_bounded_as_well(certificate, failure, monkeypatch):
    monkeypatch.setattr(requests_transport, "LARGEST_BODY", 1000)

    with Peer(says(b"x" * 100_000, "302 Found", ["Location: https://elsewhere.test/"]), certificate) as peer:
        assert "larger than" in failure(peer.url).evidence["message"]


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "x" * 1000])
def test_an_encoding_that_was_not_asked_for_is_not_unpacked(encoding, certificate, failure):
    with Peer(says(b"x", headers=[f"Content-Encoding: {encoding}"]), certificate) as peer:
        assert "content encoding" in failure(peer.url).evidence["message"]


def test_an_address_that_cannot_be_sent_is_no_answer(failure):
    assert failure("https://localhost/\ud800", was_sent=False).code == "network_refused"
