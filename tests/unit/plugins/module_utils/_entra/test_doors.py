# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doors to Microsoft let in and out: hosts, clocks, numbers in headers, proofs, bodies."""

from __future__ import annotations

import base64
import datetime as dt
import json
from email.utils import format_datetime

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
    GraphRefused,
    SignInRefused,
    UntrustedAnswer,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Certificate
from ansible_collections.evercert.entra.plugins.module_utils._entra import applications, assertion, clouds, surroundings
from ansible_collections.evercert.entra.plugins.module_utils._entra.clock import ServiceClock
from ansible_collections.evercert.entra.plugins.module_utils._entra.graph import GraphClient
from ansible_collections.evercert.entra.plugins.module_utils._entra.patience import parse_seconds
from ansible_collections.evercert.entra.plugins.module_utils._entra.tokens import AccessToken, TokenService
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.timezone.utc)
ROOT = "https://graph.microsoft.com"


class Timing:
    def __init__(self):
        self.passed = 0.0
        self.waits = []

    def wall(self):
        return NOW + dt.timedelta(seconds=self.passed)

    def monotonic(self):
        return self.passed

    def wait(self, seconds, what):
        self.waits.append(seconds)
        self.passed += seconds


class Answers:
    """A transport that answers from a list and keeps what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def send(self, request):
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Signer:
    certificate = Certificate("AB" * 20, "CD" * 32, NOW, NOW, b"der")

    def sign(self, data, algorithm):
        return algorithm.encode()


def graph(*answers):
    timing, transport = Timing(), Answers(*answers)
    token = AccessToken("secret-token", "client_secret")
    return GraphClient(transport, ServiceClock(timing), timing, clouds.CLOUDS["public"], lambda: token), transport


def answer(status=200, value=None, **headers):
    return Response(status, headers, json.dumps(value if value is not None else {}).encode())


@pytest.mark.parametrize(
    "url", ["https://graph.microsoft.com/x", "https://GRAPH.microsoft.com:443/", "HTTPS://graph.microsoft.com"]
)
def test_the_very_host_is_the_same_host(url):
    assert clouds.same_host(url, ROOT)


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.microsoft.com/",
        "https://graph.microsoft.com:8443/",
        "https://graph.microsoft.com.evil.example/",
        "https://graph.microsoft.com@evil.example/",
        "https://user@graph.microsoft.com/",
        "//graph.microsoft.com/",
        "https://graph.microsoft.com:port/",
        "https://[graph.microsoft.com/",
        "",
    ],
)
def test_anything_else_is_another_host(url):
    assert not clouds.same_host(url, ROOT)


@pytest.mark.parametrize("text", ["17", " 17 ", "17.0"])
def test_a_retry_after_is_a_number_of_seconds(text):
    assert parse_seconds(text) == 17


@pytest.mark.parametrize("text", [None, "", "soon", "nan", "inf", "-inf", "1e999", "Sun, 22 Nov 2026 10:00:00 GMT"])
def test_anything_else_is_no_retry_after(text):
    assert parse_seconds(text) is None


def date(minutes):
    return format_datetime(NOW + dt.timedelta(minutes=minutes), usegmt=True)


def test_the_clock_goes_on_from_the_first_answer_and_knows_how_far_ours_is_off():
    timing = Timing()
    clock = ServiceClock(timing)
    assert clock.now() == NOW and clock.offset_seconds is None

    clock.observe(date(10))
    timing.passed = 30
    clock.observe("not a date")
    clock.observe(None)

    assert clock.now() == NOW + dt.timedelta(minutes=10, seconds=30)
    assert clock.offset == dt.timedelta(minutes=-10) and clock.offset_seconds == -600
    assert clock.departure == dt.timedelta()


def test_an_answer_that_departs_from_the_runs_time_decides_nothing_and_is_not_excused_by_a_later_one():
    clock = ServiceClock(Timing())

    for minutes in (0, 2, 60, -10, 0):
        clock.observe(date(minutes))

    assert clock.now() == NOW
    assert clock.departure == dt.timedelta(minutes=60) and clock.offset == dt.timedelta()


def test_a_fixed_now_decides_and_never_signs_or_skews():
    clock = ServiceClock(Timing(), NOW + dt.timedelta(days=99))
    clock.observe(date(0))

    assert clock.now() == NOW + dt.timedelta(days=99)
    assert clock.service_time() == NOW and clock.offset == clock.departure == dt.timedelta()


def claims(token):
    header, payload, _signature = token.split(".")
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, payload)]


def test_an_assertion_and_a_proof_are_short_lived_unpadded_and_name_their_key():
    signed = assertion.client_assertion(Signer(), "app", "https://login/token", NOW)
    header, payload = claims(signed)
    assert header["alg"] == "PS256" and header["x5t#S256"] and "=" not in signed
    assert payload["exp"] - payload["nbf"] == 600 and payload["iss"] == payload["sub"] == "app"

    header, payload = claims(assertion.proof_of_possession(Signer(), "object", "aud", NOW))
    assert header["alg"] == "RS256" and header["kid"] == "AB" * 20
    assert payload == {
        "aud": "aud",
        "iss": "object",
        "nbf": payload["nbf"],
        "iat": payload["nbf"],
        "exp": payload["exp"],
    }
    assert all(isinstance(payload[name], int) for name in ("nbf", "exp"))


def test_reads_are_repeated_as_asked_and_writes_never():
    client, transport = graph(answer(503, **{"retry-after": "7"}), answer(429), answer(200, {"a": 1}))
    assert client.get("/x") == {"a": 1}
    assert len(transport.asked) == 3 and client.patience.timing.waits[0] == 7

    client, transport = graph(answer(503))
    with pytest.raises(GraphRefused) as refused:
        client.write("PATCH", "/x", {})
    assert len(transport.asked) == 1 and refused.value.may_have_applied


def test_a_read_that_keeps_failing_ends():
    client, transport = graph(answer(503))
    with pytest.raises(GraphRefused):
        client.get("/x")
    assert len(transport.asked) == 5 and client.tried == {}


def test_a_read_keeps_count_over_calls_that_had_to_wait():
    client, transport = graph(answer(503))
    client.tried = {"read": 4}
    with pytest.raises(GraphRefused):
        client.get("/x")
    assert len(transport.asked) == 1


def test_a_refused_token_is_renewed_once():
    client, transport = graph(answer(401))
    with pytest.raises(GraphRefused):
        client.get("/x")
    assert len(transport.asked) == 2


def test_every_request_goes_to_the_host_of_the_cloud():
    client, transport = graph(answer(200))
    client.probe("/@evil.example/")
    client.get("/../..//evil.example")

    assert all(clouds.same_host(request.url, ROOT) for request in transport.asked)


def test_a_batch_with_parts_missing_or_odd_answers_nothing_for_them():
    client, _sent = graph(answer(200, {"responses": [{"id": "1", "status": 200, "body": {"a": 1}}, 7, {"id": "0"}]}))
    assert client.batch(["/a", "/b", "/c"]) == [(0, {}), (200, {"a": 1}), (0, {})]


@pytest.mark.parametrize("page", [{}, {"value": None}, {"value": [7]}, {"value": "x"}])
def test_a_list_is_a_list_of_objects(page):
    client, _sent = graph(answer(200, page))
    with pytest.raises(UntrustedAnswer):
        list(client.pages("/applications"))


def test_an_entry_goes_back_as_it_was_read_with_a_null_key():
    raw = {
        "keyId": "k",
        "startDateTime": "2026-11-01T00:00:00.1234567Z",
        "customKeyIdentifier": "b2Rk",
        "key": "x",
        "new": 1,
    }
    body = {"id": "o", "appId": "a", "keyCredentials": [raw]}
    entry = applications.parse_application(body, lambda der: None).key_credentials[0]

    assert applications.existing_entry(entry) == {**raw, "key": None}


def test_a_token_is_in_no_repr():
    assert "secret-token" not in repr(AccessToken("secret-token", "x")) + repr(graph(answer())[0].__dict__["_sign_in"])


@pytest.mark.parametrize("url", ["https://[evil/x", "https://evil\u2100.example/"])
def test_an_address_that_cannot_be_read_has_a_name_for_messages(url):
    assert clouds.host_of(url) == "an unreadable address"


@pytest.mark.parametrize("text", ["0", "-5", "0.001"])
def test_a_service_that_asks_for_no_pause_is_not_asked_without_end(text):
    assert parse_seconds(text) == 1.0


@pytest.mark.parametrize(
    "body", [b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": [1], "a": []}', b'{"a": {"b": 1, "b": 2}}']
)
def test_what_is_no_json_or_says_two_things_at_once_is_no_object(body):
    assert Response(200, {}, body).json_object() is None


def test_a_list_without_an_end_is_ended(monkeypatch):
    monkeypatch.setattr("ansible_collections.evercert.entra.plugins.module_utils._entra.graph.MOST_PAGES", 5)
    pages = [answer(200, {"value": [], "@odata.nextLink": f"{ROOT}/v1.0/x?{number}"}) for number in range(9)]
    client, transport = graph(*pages)

    with pytest.raises(UntrustedAnswer, match="more than 5 pages"):
        list(client.pages("/x"))
    assert len(transport.asked) == 5


def test_so_many_namesakes_are_not_read_to_the_end():
    item = {"id": "object-1", "appId": "app-1"}
    page = answer(200, {"value": [item] * 60, "@odata.nextLink": f"{ROOT}/v1.0/x"})
    client, transport = graph(page)

    with pytest.raises(ApplicationNotFound, match="50 or more applications"):
        applications.find_application(client, lambda der: None, display_name="payroll")
    assert len(transport.asked) == 1


@pytest.mark.parametrize("value", ["../users/1", "a?b", "\ud800", "", 7, None])
@pytest.mark.parametrize("name", ["id", "appId"])
def test_what_cannot_be_an_id_never_becomes_part_of_an_address(name, value):
    body = {"id": "object-1", "appId": "app-1", "keyCredentials": [], name: value}

    with pytest.raises(UntrustedAnswer):
        applications.parse_application(body, lambda der: None)


@pytest.mark.parametrize(
    ("replies", "limits"),
    [
        ([{"id": ["0"], "status": 200}], None),
        ([{"id": "0", "status": 200, "body": {"value": 7}}], None),
        (7, None),
        ([{"id": "0", "status": 200, "body": {"value": []}}, {"id": "1", "status": 403}], None),
        ([{"id": "1", "status": 200, "body": {"isEnabled": False}}], ()),
    ],
    ids=str,
)
def test_what_may_not_be_read_or_is_odd_is_no_limit(replies, limits):
    client, _transport = graph(answer(200, {"responses": replies}))

    assert surroundings.read_lifetime_limits(client, "object-1") == limits


def test_odd_restrictions_are_no_limit():
    policy = {"isEnabled": True, "applicationRestrictions": {"keyCredentials": 7}}
    replies = [{"id": "0", "status": 404}, {"id": "1", "status": 200, "body": policy}]
    client, _transport = graph(answer(200, {"responses": replies}))

    assert surroundings.read_lifetime_limits(client, "object-1") == ()


@pytest.mark.parametrize("body", [{}, {"id": "../x", "appId": "app-1"}, {"id": "object-1", "appId": 7}])
def test_what_names_no_service_principal_is_none(body):
    assert surroundings.parse_service_principal(body, lambda der: None) is None


def test_a_service_principal_with_odd_parts_keeps_the_good_ones():
    body = {
        "id": "object-1",
        "appId": "app-1",
        "accountEnabled": "yes",
        "tokenEncryptionKeyId": 7,
        "keyCredentials": [7, {}, {"keyId": "k", "usage": []}],
    }

    found = surroundings.parse_service_principal(body, lambda der: None)

    assert (found.enabled, found.token_encryption_key_id) == (None, None)
    assert [entry.key_id for entry in found.key_credentials] == ["k"]


DISCOVERY = {
    "token_endpoint": "https://login.microsoftonline.com/t/token",
    "authorization_endpoint": "https://x.test/a",
}


def sign_in(*answers):
    timing, transport = Timing(), Answers(*answers)
    return TokenService(transport, ServiceClock(timing), clouds.CLOUDS["public"], "t").with_secret("app", "s3cret")


@pytest.mark.parametrize("token", ["a\r\nX-Injected: 1", "\u65e5\u672c", "a b", "", 7])
def test_what_cannot_stand_in_a_header_is_no_token(token):
    with pytest.raises(SignInRefused, match="answered 200"):
        sign_in(answer(200, DISCOVERY), answer(200, {"access_token": token}))


@pytest.mark.parametrize("odd", [{"expires_in": []}, {"id_token": 7}, {"client_info": "###"}, {"error": [7]}], ids=str)
def test_nothing_beside_the_token_is_relied_on(odd):
    assert (
        sign_in(answer(200, {**DISCOVERY, "issuer": 7}), answer(200, {"access_token": "a.b.c", **odd})).value == "a.b.c"
    )


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"expires_in": 3599}, 3599.0),
        ({"expires_in": "3599", "expires_on": "1"}, 3599.0),
        ({}, None),
        ({"expires_in": "soon"}, None),
        ({"expires_in": "inf", "expires_on": "nan"}, None),
    ],
    ids=str,
)
def test_how_long_a_token_is_valid_is_taken_from_its_answer(said, seconds):
    assert sign_in(answer(200, DISCOVERY), answer(200, {"access_token": "a.b.c", **said})).seconds == seconds


def test_an_answer_that_is_no_json_is_named_as_such():
    with pytest.raises(SignInRefused, match=r"login\.microsoftonline\.com answered 302 and no JSON object"):
        sign_in(answer(200, DISCOVERY), Response(302, {}, b"<html>"))
