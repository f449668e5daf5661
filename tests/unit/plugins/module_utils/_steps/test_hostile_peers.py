# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Peers that answer anything: the token stays at home, nothing is written on garbage, the error says what was wrong."""

from __future__ import annotations

import json
import traceback

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, UntrustedAnswer

GRAPH, LOGIN = "graph.microsoft.com", "login.microsoftonline.com"
SECRETS = ("eyJ", "s3cret", "PRIVATE KEY")


def body(value):
    return {"body": value if isinstance(value, bytes) else json.dumps(value).encode()}


def lie_about(world, part, answer, skip=0):
    """The answer to every request whose address holds `part`, after the first ones."""
    seen = []

    def liar(request):
        if part not in request.url:
            return None
        seen.append(request.url)
        return answer if len(seen) > skip else None

    world.liar = liar


def everything_said(error):
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return "".join(lines) + repr(error) + repr(vars(error))


def application(world, **changes):
    """What Graph answers about payroll, bent."""
    app = world.tenant.application(world.payroll)
    entries = [one.to_json(True) for one in app.key_credentials]
    honest = {"id": app.object_id, "appId": app.app_id, "displayName": "payroll", "keyCredentials": entries}
    return body({**honest, **changes})


GARBAGE = {
    "a proxy's page": body(b"<html><body>Sign in to the proxy</body></html>"),
    "nothing": body(b""),
    "cut off": body(b'{"id": "1", "keyCred'),
    "a list": body([1, 2]),
    "a number": body(7),
    "deeply nested": body(b"[" * 200_000),
    "deeply nested object": body(b'{"a":' * 100_000),
    "no text": body(b"\xff\xfe\x00\x80"),
    "an empty object": body({}),
}


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_garbage_in_place_of_an_application_ends_the_run_and_nothing_is_written(adopted, kind, skip):
    lie_about_reads(adopted, GARBAGE[kind], skip)
    before = adopted.credentials

    error = adopted.refused(overlap=0, add_method="update")

    assert isinstance(error, UntrustedAnswer) and adopted.usable()
    assert set(before) <= set(adopted.credentials)
    assert not [secret for secret in SECRETS if secret in everything_said(error)]


def lie_about_reads(world, answer, skip):
    seen = []

    def liar(request):
        if request.method != "GET" or "/applications" not in request.url:
            return None
        seen.append(1)
        return answer if len(seen) > skip else None

    world.liar = liar


@pytest.mark.parametrize(
    "changes",
    [
        {"keyCredentials": None},
        {"keyCredentials": {}},
        {"keyCredentials": "none"},
        {"keyCredentials": [7]},
        {"keyCredentials": [{}]},
        {"id": None},
        {"appId": 7},
        {"appId": "99999999-2222-4333-8444-555555555555"},
    ],
    ids=str,
)
def test_an_application_without_its_credentials_is_no_base_for_a_write(adopted, changes):
    lie_about_reads(adopted, application(adopted, **changes), 1)
    before = adopted.credentials

    assert isinstance(adopted.refused(add_method="update"), EvercertError)
    assert adopted.credentials == before


def test_another_object_than_the_one_asked_for_is_refused(adopted):
    lie_about_reads(adopted, application(adopted, id="99999999-2222-4333-8444-555555555555"), 1)

    assert isinstance(adopted.refused(add_method="update"), UntrustedAnswer)


def test_odd_values_in_credentials_of_others_are_carried_and_not_understood(adopted):
    odd = {
        "keyId": "11111111-1111-4111-8111-111111111111",
        "displayName": 7,
        "customKeyIdentifier": [],
        "key": "###",
        "startDateTime": "when?",
        "endDateTime": None,
        "type": {},
        "usage": None,
    }
    app = adopted.tenant.application(adopted.payroll)
    entries = [one.to_json(True) for one in app.key_credentials]
    lie_about_reads(adopted, application(adopted, keyCredentials=[*entries, odd]), 0)

    assert adopted.info().status == "near_expiry"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/token",
        "http://login.microsoftonline.com/t/oauth2/v2.0/token",
        "https://login.microsoftonline.com@evil.example/token",
        "https://login.microsoftonline.com.evil.example/token",
        "https://login.microsoftonline.com:8443/token",
        "//evil.example/token",
        7,
        None,
    ],
    ids=str,
)
@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_a_token_endpoint_elsewhere_gets_no_secret(adopted, endpoint, identity):
    found = {"token_endpoint": endpoint, "authorization_endpoint": "https://x.example/a", "issuer": "https://x.example"}
    lie_about(adopted, "openid-configuration", body(found))
    since = len(adopted.sent)

    assert isinstance(adopted.refused(**getattr(adopted, identity)), UntrustedAnswer)
    assert [request.method for request in adopted.sent[since:]] == ["GET"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("part", ["openid-configuration", "/oauth2/v2.0/token", "/applications"])
def test_redirects_are_not_followed(adopted, status, part):
    headers = {"location": "https://evil.example/"}
    lie_about(adopted, part, {"status": status, "headers": headers, "body": b""})
    since = len(adopted.sent)

    adopted.refused()

    assert {request.url.split("/")[2] for request in adopted.sent[since:]} <= {GRAPH, LOGIN}


@pytest.mark.parametrize(
    "link", ["https://evil.example/v1.0/applications", "http://graph.microsoft.com/v1.0/applications", "/relative", 7]
)
def test_a_next_page_elsewhere_gets_no_token(world, link):
    lie_about(world, "$filter", body({"value": [], "@odata.nextLink": link}))
    since = len(world.sent)

    with pytest.raises(UntrustedAnswer):
        world.info(app_id=None, display_name="payroll", key_store=None)
    assert not any("evil" in request.url or "http:" in request.url for request in world.sent[since:])


def test_a_page_named_twice_ends_the_listing(world):
    link = "https://graph.microsoft.com/v1.0/applications?$skiptoken=1"
    lie_about(world, "/applications?", body({"value": [], "@odata.nextLink": link}))

    with pytest.raises(UntrustedAnswer, match="second time"):
        world.info(app_id=None, display_name="payroll", key_store=None)


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_from_the_token_endpoint_is_no_token(adopted, kind):
    lie_about(adopted, "/oauth2/v2.0/token", GARBAGE[kind])

    error = adopted.refused()

    assert isinstance(error, EvercertError) and not [one for one in SECRETS if one in everything_said(error)]


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
@pytest.mark.parametrize("part", ["/oauth2/v2.0/token", "/addKey", "/applications"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_no_refusal_carries_a_secret(adopted, identity, part, status):
    lie_about(adopted, part, {"status": status, "body": b'{"error": {"code": "x", "message": "y"}}'})

    error = adopted.refused(timeout_propagation=30, add_method="add_key", **getattr(adopted, identity))

    assert not [secret for secret in SECRETS if secret in everything_said(error)]


def test_requests_and_connections_show_no_secret(adopted):
    options = adopted.options()
    connection = adopted.connect(options)
    token = connection.graph.token

    for thing in (connection, connection.identity, token, adopted.sent[-1], adopted.request(options)):
        assert not [secret for secret in (*SECRETS, token.value) if secret in repr(thing)]


@pytest.mark.parametrize("seconds", ["nan", "inf", "-5", "soon", "1e400"])
def test_an_odd_retry_after_is_no_wait_for_ever(adopted, seconds):
    lie = {"status": 429, "headers": {"retry-after": seconds}, "body": b"{}"}
    seen = []
    adopted.liar = lambda request: lie if "addKey" in request.url and not seen.append(1) and len(seen) == 1 else None

    adopted.renew(overlap=0)

    assert adopted.registered == [adopted.current]
