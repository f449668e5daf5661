# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a vault's token goes to, what is asked again and what is not, and answers that no vault gives."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import explain
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    KeyStoreError,
    NetworkFailure,
    UntrustedAnswer,
    VaultRefused,
)
from ansible_collections.evercert.entra.plugins.module_utils._entra.key_vault import KeyVault, _lies_in
from ansible_collections.evercert.entra.plugins.module_utils._entra.tokens import AccessToken
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response

LOCATION = "https://payroll.vault.azure.net/certificates/payroll"
CHALLENGE = {"www-authenticate": 'Bearer authorization="https://login/t", resource="https://vault.azure.net"'}


def answer(body=None, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers, content)


def error(status, word=None, inner=None, **headers):
    innermost = {"innererror": {"code": inner}} if inner else {}
    return answer({"error": {"code": word, "message": "said by the vault", **innermost}}, status, **headers)


class Peer:
    """Plays a vault: challenges whoever has no token, then gives the answers it was made with, one after another."""

    def __init__(self, *answers, challenge=None, first=()):
        self.answers = list(answers)
        self.first = list(first)
        self.challenge = CHALLENGE if challenge is None else challenge
        self.requests = []
        self.tokens = []
        self.waits = []

    def send(self, request):
        self.requests.append(request)
        if "Authorization" not in request.headers and not self.first:
            return Response(401, self.challenge, b"{}")
        found = (self.first or self.answers).pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def sign_in(self, resource):
        self.tokens.append(resource)
        return AccessToken(f"token{len(self.tokens)}", "client_secret")

    def wait(self, seconds, what):
        self.waits.append((seconds, what))

    @property
    def vault(self):
        return KeyVault(self, self, LOCATION, self.sign_in)


def no_answer():
    diagnosis = explain("timeout", "vault", {})
    return NetworkFailure(diagnosis.sentence, diagnosis)


@pytest.mark.parametrize("key", ["resource", "scope"])
def test_a_token_is_got_for_what_the_vault_asks_for_and_kept(key):
    suffix = "/.default" if key == "scope" else ""
    header = {"www-authenticate": f'Bearer authorization_uri="https://l/t", {key}="https://vault.azure.net{suffix}"'}
    peer = Peer(answer({"value": []}), answer({"value": []}), challenge=header)
    vault = peer.vault

    vault.versions()
    vault.versions()

    assert peer.tokens == ["https://vault.azure.net"]
    assert [request.headers.get("Authorization") for request in peer.requests] == [
        None,
        "Bearer token1",
        "Bearer token1",
    ]


def test_a_token_that_is_refused_later_is_replaced_once():
    peer = Peer(error(401, "Unauthorized"), answer({"value": []}))

    assert peer.vault.versions() == []
    assert peer.tokens == ["https://vault.azure.net"] * 2


def test_a_vault_of_another_tenant_is_told():
    refusal = refused(Peer(error(401, "Unauthorized"), error(401, "Unauthorized")).vault.versions)

    assert refusal.status == 401 and "Check tenant_id" in refusal.message


def refused(act):
    with pytest.raises(VaultRefused) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    ("resource", "fits"),
    [
        ("https://vault.azure.net", True),
        ("https://VAULT.azure.net", True),
        ("https://payroll.vault.azure.net", True),
        ("https://azure.net", True),
        ("https://net", False),
        ("https://other.vault.azure.net", False),
        ("https://ault.azure.net", False),
        ("http://vault.azure.net", False),
        ("https://vault.azure.net.evil", False),
        ("https://user@vault.azure.net", False),
        ("https://[", False),
        ("vault.azure.net", False),
        ("", False),
    ],
)
def test_only_the_vaults_own_domain_is_an_audience(resource, fits):
    assert _lies_in("https://payroll.vault.azure.net", resource) is fits


@pytest.mark.parametrize("header", [{}, {"www-authenticate": "Bearer"}, {"www-authenticate": 'Basic realm="x"'}])
def test_without_a_challenge_no_token_is_got(header):
    peer = Peer(challenge=header)

    with pytest.raises(UntrustedAnswer, match="asks for a token for ''"):
        peer.vault.versions()
    assert peer.tokens == []


def test_whoever_asks_for_no_token_is_no_vault():
    peer = Peer()
    peer.send = lambda request: answer({"value": []})

    with pytest.raises(UntrustedAnswer, match="so it is no key vault"):
        peer.vault.versions()


def test_the_pages_of_a_list_are_followed_on_the_same_host_only():
    link = "https://payroll.vault.azure.net/certificates/payroll/versions?api-version=7.4&$skiptoken=25"
    peer = Peer(answer({"value": [{"id": "1"}], "nextLink": link}), answer({"value": [{"id": "2"}]}))
    assert [item["id"] for item in peer.vault.versions()] == ["1", "2"]
    assert peer.requests[-1].url == link

    for elsewhere in ("https://evil.example/versions", "http://payroll.vault.azure.net/x", 7):
        peer = Peer(answer({"value": [], "nextLink": elsewhere}))
        with pytest.raises(UntrustedAnswer, match="next page lies on another host"):
            peer.vault.versions()
        assert len(peer.requests) == 2


def test_pages_without_an_end_are_given_up():
    link = f"{LOCATION}/versions?api-version=7.4"
    peer = Peer(*[answer({"value": [], "nextLink": link}) for _page in range(101)])

    with pytest.raises(UntrustedAnswer, match="more than 100 pages"):
        peer.vault.versions()


@pytest.mark.parametrize("body", [{}, {"value": 1}, {"value": ["x"]}, b"<html>", b"[]"])
def test_a_list_that_is_none_is_not_trusted(body):
    with pytest.raises(UntrustedAnswer):
        Peer(answer(body)).vault.versions()


def test_what_does_not_exist_is_empty():
    assert Peer(error(404, "CertificateNotFound")).vault.versions() == []
    assert Peer(error(404, "PendingCertificateNotFound")).vault.pending() is None


@pytest.mark.parametrize("act", [lambda vault: vault.versions(), lambda vault: vault.pending()])
def test_other_refusals_of_reads_are_told(act):
    assert refused(lambda: act(Peer(error(403, "Forbidden", "ForbiddenByRbac")).vault)).status == 403


def test_reads_tags_and_signatures_are_asked_again_and_retry_after_is_obeyed():
    peer = Peer(no_answer(), error(429, "Throttled", **{"retry-after": "7"}), error(503), answer({"value": "c2ln"}))

    assert peer.vault.sign("v1", "PS256", bytes(32)) == b"sig"
    assert [seconds for seconds, _what in peer.waits][1] == 7
    assert "Key Vault did not answer; asking again (attempt 2 of 5)" in peer.waits[0][1]
    body = json.loads(peer.requests[-1].body)
    assert body == {"alg": "PS256", "value": base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()}


def test_the_first_request_which_has_no_token_yet_is_as_patient():
    peer = Peer(answer({"value": []}), first=[error(429, "Throttled", **{"retry-after": "7"}), no_answer()])

    assert peer.vault.versions() == []
    assert peer.waits[0][0] == 7 and len(peer.waits) == 2
    assert peer.waits[1][1] == "Key Vault did not answer; asking again (attempt 3 of 5)"


def test_trouble_that_does_not_pass_ends_after_five_attempts():
    peer = Peer(*[error(503, "ServiceUnavailable") for _attempt in range(5)])

    refusal = refused(peer.vault.versions)
    assert (len(peer.waits), refusal.diagnosis.code) == (4, "service_unavailable")
    with pytest.raises(NetworkFailure):
        Peer(*[no_answer() for _attempt in range(5)]).vault.versions()


def test_a_very_long_pause_is_left_to_whoever_runs_it():
    peer = Peer(error(429, "Throttled", **{"retry-after": "3600"}))

    assert refused(peer.vault.versions).diagnosis.code == "throttled" and peer.waits == []


def test_trouble_that_waiting_does_not_mend_is_not_waited_for():
    diagnosis = explain("tls", "vault", {})
    peer = Peer(NetworkFailure(diagnosis.sentence, diagnosis))

    with pytest.raises(NetworkFailure):
        peer.vault.versions()
    assert peer.waits == []


@pytest.mark.parametrize("failure", [error(503, "ServiceUnavailable"), no_answer()], ids=["error", "no_answer"])
def test_a_version_is_begun_once_whatever_the_answer(failure):
    peer = Peer(failure)

    with pytest.raises((VaultRefused, NetworkFailure)):
        peer.vault.create({}, {})
    assert [request.method for request in peer.requests] == ["GET", "POST"]


def test_a_version_that_was_put_off_is_begun_again():
    peer = Peer(
        error(429, "Throttled"), error(404, "PendingCertificateNotFound"), listed({}), answer({"status": "x"}, 202)
    )

    peer.vault.create({"issuer": {}}, {"team": "x"})
    assert json.loads(peer.requests[-1].body) == {"policy": {"issuer": {}}, "tags": {"team": "x"}}


def listed(tags):
    return answer({"value": [{"id": f"{LOCATION}/v1", "tags": tags}]})


SAYS_NOT_BEGUN = pytest.mark.parametrize("refusal", [error(429, "Throttled"), Response(401, CHALLENGE, b"{}")])


@SAYS_NOT_BEGUN
def test_nothing_is_made_twice_where_a_gateway_says_that_it_was_not_begun(refusal):
    tags = {"team": "x"}
    under_way = answer({"status": "inProgress", "issuer": {"name": "Self"}})
    for seen in ([under_way], [answer({"status": "completed"}), listed(tags)]):
        peer = Peer(refusal, *seen)

        peer.vault.create({"issuer": {}}, tags)
        assert [request.method for request in peer.requests].count("POST") == 1 and peer.answers == []


@SAYS_NOT_BEGUN
def test_no_second_key_waits_for_an_authority_where_a_gateway_says_that_none_does(refusal):
    peer = Peer(refusal, answer({"status": "inProgress", "issuer": {"name": "Unknown"}}))

    peer.vault.create({"issuer": {"name": "Unknown"}}, {"team": "x"})
    assert [request.method for request in peer.requests].count("POST") == 1 and peer.answers == []


@SAYS_NOT_BEGUN
def test_nothing_is_imported_twice_where_a_gateway_says_that_it_was_not_begun(refusal):
    peer = Peer(refusal, listed({"team": "x"}))

    peer.vault.import_pem(b"PEM", {}, {"team": "x"})
    assert [request.method for request in peer.requests].count("POST") == 1 and peer.answers == []


def test_a_vault_that_goes_on_saying_so_is_asked_five_times():
    peer = Peer(*[error(429, "Throttled"), listed({})] * 4, error(429, "Throttled"))

    assert refused(lambda: peer.vault.import_pem(b"PEM", {}, {"team": "x"})).diagnosis.code == "throttled"
    assert peer.answers == [] and len(peer.waits) == 4


def test_a_version_in_the_making_is_waited_for():
    making = {"status": "inProgress", "issuer": {"name": "Self"}}
    peer = Peer(answer(making), answer(making), answer({"status": "completed"}))

    peer.vault.wait_until_made()
    assert [seconds for seconds, _what in peer.waits] == [3.0, 3.0]


@pytest.mark.parametrize(("asked", "waited"), [("10", 3.0), ("2", 2.0), ("0", 1.0), ("soon", 3.0)])
def test_how_long_the_vault_asks_to_wait_for_a_version_is_an_upper_bound_only(asked, waited):
    """It asks for 10 s each time, and most versions are made sooner."""
    under_way = answer({"status": "inProgress", "issuer": {"name": "Self"}}, **{"retry-after": asked})
    peer = Peer(under_way, answer({"status": "completed"}))

    peer.vault.wait_until_made()

    assert [seconds for seconds, _what in peer.waits] == [waited]


def test_short_pauses_give_the_vault_no_less_time():
    under_way = answer({"status": "inProgress", "issuer": {"name": "Self"}}, **{"retry-after": "1"})
    peer = Peer(*[under_way] * 200)

    with pytest.raises(KeyStoreError, match="in 180 s"):
        peer.vault.wait_until_made()

    assert sum(seconds for seconds, _what in peer.waits) == 180


@pytest.mark.parametrize("operation", [{"status": "inProgress", "issuer": {"name": "Unknown"}}, {}])
def test_what_waits_for_an_authority_is_not_waited_for(operation):
    peer = Peer(answer(operation))

    peer.vault.wait_until_made()
    assert peer.waits == []


def test_a_version_that_is_never_made_is_given_up_and_one_that_failed_is_told():
    peer = Peer(*[answer({"status": "inProgress", "issuer": None}) for _poll in range(60)])
    with pytest.raises(KeyStoreError, match="has not made the version"):
        peer.vault.wait_until_made()

    failed = {"status": "failed", "error": {"message": "the issuer said no"}}
    with pytest.raises(KeyStoreError, match=r"could not make a version of .*: the issuer said no"):
        Peer(answer(failed)).vault.wait_until_made()
    with pytest.raises(KeyStoreError, match=": cancelled"):
        Peer(answer({"status": "cancelled"})).vault.wait_until_made()


@pytest.mark.parametrize("body", [{}, {"value": 1}, {"value": "a"}])
def test_an_answer_without_a_signature_is_not_trusted(body):
    with pytest.raises(UntrustedAnswer, match="without a signature"):
        Peer(answer(body)).vault.sign("v1", "RS256", bytes(32))


@pytest.mark.parametrize(
    ("status", "inner", "code", "words"),
    [
        (403, "ForbiddenByRbac", "permission_denied", "Key Vault Certificates Officer and Key Vault Crypto User"),
        (403, "AccessDenied", "permission_denied", "sign for keys"),
        (403, "ForbiddenByFirewall", "network_refused", "firewall does not let this host in"),
        (403, "ForbiddenByConnection", "network_refused", "private endpoint"),
        (403, "KeyDisabled", "unknown", "enable it, or roll back"),
        (403, "KeyExpired", "certificate_expired", "renew"),
        (403, None, "permission_denied", "Crypto User"),
        (409, "ObjectIsDeletedButRecoverable", "unknown", "recover it, purge it, or choose another name"),
        (409, None, "unknown", "run again in a minute"),
        (404, None, "unknown", "Check the address in key_store"),
        (400, None, "unknown", "the vault's own words"),
    ],
)
def test_a_refusal_has_a_code_and_a_remedy(status, inner, code, words):
    refusal = refused(lambda: Peer(error(status, "Word", inner)).vault.certificate("v1"))

    assert refusal.diagnosis.code == code and words in refusal.message
    assert LOCATION in refusal.message and "The service said: said by the vault" in refusal.message
    assert refusal.diagnosis.evidence["http_status"] == status
    assert "token1" not in refusal.message + repr(refusal.diagnosis)


@pytest.mark.parametrize("body", [b"", b"<html>", {"error": "x"}, {"error": {"code": 7, "innererror": []}}])
def test_an_odd_refusal_is_still_one(body):
    assert refused(lambda: Peer(answer(body, 400)).vault.certificate("v1")).status == 400


def test_a_certificate_and_its_chain_are_merged_in_their_order():
    peer = Peer(answer({}, 201))

    peer.vault.merge([b"leaf", b"issuer"], {"evercert": "x"})
    body = json.loads(peer.requests[-1].body)
    assert [base64.b64decode(text) for text in body["x5c"]] == [b"leaf", b"issuer"]
    assert peer.requests[-1].url == f"{LOCATION}/pending/merge?api-version=7.4"
