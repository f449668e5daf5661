# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 4: what the token endpoint accepts and how it refuses."""

from __future__ import annotations

import json

import jwt
import pytest
from adapter.client import LOGIN, base64url, code
from emulator import certificates


@pytest.mark.parametrize("padded", [False, True], ids=["unpadded", "padded"])
@pytest.mark.parametrize("alg", ["RS256", "PS256"])
@pytest.mark.parametrize("name", ["x5t", "x5t#S256", "kid"])
def test_an_assertion_is_accepted_by_each_algorithm_and_header(client, payroll, key_pair, alg, name, padded):
    value = {
        "x5t": base64url(key_pair.thumbprint, padded),
        "x5t#S256": base64url(key_pair.thumbprint_sha256, padded),
        "kid": key_pair.thumbprint,
    }[name]

    answer = client.sign_in(payroll, assertion=client.assertion(payroll, key_pair, alg, {name: value}))

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"


def test_times_may_be_floats_and_nbf_may_be_absent_as_msal_sends_them(client, tenant, payroll, key_pair):
    now = tenant.clock.now().timestamp() + 0.25
    assertion = client.assertion(payroll, key_pair, nbf=None, iat=now, exp=now + 600)

    assert client.sign_in(payroll, assertion=assertion).status_code == 200


def test_a_token_carries_roles_only_when_some_are_granted(client, tenant, payroll, key_pair):
    reader = tenant.add_application("reader", secret="s", roles=["Application.Read.All"])

    without = claims_of(client.sign_in(payroll, key_pair))
    with_roles = claims_of(client.sign_in(reader, secret="s"))

    assert "roles" not in without
    assert with_roles["roles"] == ["Application.Read.All"]
    assert (without["appidacr"], with_roles["appidacr"]) == ("2", "1")
    assert without["oid"] == without["sub"] == tenant.service_principal(payroll).object_id


def claims_of(answer):
    return jwt.decode(answer.json()["access_token"], options={"verify_signature": False})


def test_a_key_that_was_not_found_is_700027_and_named_only_to_x5t_clients(client, payroll, successor):
    by_x5t = client.sign_in(payroll, successor)
    header = {"x5t#S256": base64url(successor.thumbprint_sha256)}
    by_sha256 = client.sign_in(payroll, assertion=client.assertion(payroll, successor, "PS256", header))

    assert (by_x5t.status_code, code(by_x5t), by_x5t.json()["error"]) == (401, 700027, "invalid_client")
    assert "[Reason - The key was not found., Thumbprint of key used by client: '" in by_x5t.json()["error_description"]
    assert successor.thumbprint in by_x5t.json()["error_description"]
    assert "[Reason - The key was not found., Please visit" in by_sha256.json()["error_description"]


def test_the_sha1_value_under_the_sha256_name_is_not_found(client, payroll, key_pair):
    header = {"x5t#S256": base64url(key_pair.thumbprint)}

    assert code(client.sign_in(payroll, assertion=client.assertion(payroll, key_pair, header=header))) == 700027


def test_another_certificate_with_the_same_key_is_not_found(client, tenant, payroll, key_pair):
    twin = tenant.issue("payroll", -100, 80, key=key_pair.private_key)

    assert code(client.sign_in(payroll, twin)) == 700027


def test_an_expired_key_is_named_with_its_dates(client, tenant):
    old = tenant.issue("old", -100, -1)
    application = tenant.add_application("old", [old])

    answer = client.sign_in(application, old)

    text = answer.json()["error_description"]
    assert code(answer) == 700027
    assert "[Reason - The key used is expired., Thumbprint of key used by client: " in text
    assert "Found key 'Start=08/14/2026 10:00:00, End=11/21/2026 10:00:00'" in text


def test_the_dates_of_the_key_credential_count_and_not_those_of_the_certificate(client, tenant, key_pair):
    application = tenant.add_application("short")
    tenant.add_credential(application, key_pair, end="2026-11-22T09:00:00Z")

    assert "The key used is expired" in client.sign_in(application, key_pair).json()["error_description"]


def test_a_key_that_starts_later_is_outside_its_window(client, tenant):
    early = tenant.issue("early", 1, 100)
    application = tenant.add_application("early", [early])

    first = client.sign_in(application, early)
    tenant.switches.set(not_yet_valid_is_1000502=False)
    second = client.sign_in(application, early)

    assert (code(first), code(second)) == (1000502, 700027)


def test_the_wrong_private_key_fails_signature_validation(client, payroll, key_pair, successor):
    answer = client.sign_in(payroll, assertion=client.assertion(payroll, key_pair, signer=successor))

    assert code(answer) == 700027
    assert answer.json()["error_description"].startswith("AADSTS700027: Client assertion failed signature validation.")


@pytest.mark.parametrize(
    ("claims", "header", "expected"),
    [
        ({"iss": "someone"}, None, 700021),
        ({"sub": "someone"}, None, 700021),
        ({"aud": "https://login.microsoftonline.us/x/oauth2/v2.0/token"}, None, 700023),
        ({"exp": 1}, None, 700024),
        ({"exp": None}, None, 700024),
        ({"nbf": 4000000000}, None, 700024),
        ({"exp": "soon"}, None, 50027),
        ({}, {}, 5002723),
    ],
)
def test_a_bad_assertion_is_refused(client, payroll, key_pair, claims, header, expected):
    answer = client.sign_in(payroll, assertion=client.assertion(payroll, key_pair, header=header, **claims))

    assert (answer.status_code, code(answer)) == (401, expected)


def test_a_missing_nbf_shows_as_1970(client, payroll, key_pair):
    text = client.sign_in(payroll, assertion=client.assertion(payroll, key_pair, nbf=None, exp=1)).json()

    assert "assertion valid from 1970-01-01T00:00:00.0000000Z" in text["error_description"]


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "W10.W10.x"], ids=["one part", "no json", "no objects"])
def test_a_token_that_is_no_jwt_is_50027(client, payroll, text):
    assert code(client.sign_in(payroll, assertion=text)) == 50027


@pytest.mark.parametrize("alg", ["RS512", "PS384"])
def test_only_two_algorithms_sign_in(client, payroll, key_pair, alg):
    assert code(client.sign_in(payroll, assertion=client.assertion(payroll, key_pair, alg))) == 700027


def test_an_unsigned_assertion_is_refused(client, payroll, key_pair):
    _head, payload, _signature = client.assertion(payroll, key_pair).split(".")
    header = {"alg": "none", "x5t": base64url(key_pair.thumbprint)}
    head = base64url(json.dumps(header).encode().hex())

    assert code(client.sign_in(payroll, assertion=f"{head}.{payload}.")) == 700027


def test_a_symmetric_key_signs_nobody_in(client, tenant, payroll, successor):
    tenant.add_credential(payroll, successor, type="Symmetric", key=b"secret")

    assert code(client.sign_in(payroll, successor)) == 700027


def test_the_key_of_access_tokens_is_published(client, tenant, payroll, key_pair):
    token = client.sign_in(payroll, key_pair).json()["access_token"]
    published = client.session.get(f"{LOGIN}/{tenant.id}/discovery/v2.0/keys").json()

    key = jwt.PyJWK(published["keys"][0]).key
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="https://graph.microsoft.com", options=options)
    assert claims["appid"] == payroll.app_id


@pytest.mark.parametrize(("skew", "accepted"), [(0, True), (290, True), (1000, False), (-301, False)])
def test_the_service_clock_decides_about_times(client, tenant, payroll, key_pair, skew, accepted):
    assertion = client.assertion(payroll, key_pair)
    tenant.clock.skew = skew

    answer = client.sign_in(payroll, assertion=assertion)

    assert (answer.status_code == 200) is accepted
    assert accepted or code(answer) == 700024


def test_an_unknown_tenant_is_90002_in_the_discovery_document_and_at_the_token_endpoint(client):
    document = client.session.get(f"{LOGIN}/nowhere/v2.0/.well-known/openid-configuration")
    token = client.sign_in("x", secret="y", tenant="nowhere")

    assert (document.status_code, code(document)) == (400, 90002)
    assert (token.status_code, code(token), token.json()["error"]) == (400, 90002, "invalid_request")


def test_a_tenant_is_known_by_its_domain_too(client, payroll, key_pair):
    assert client.sign_in(payroll, key_pair, tenant="contoso.onmicrosoft.com").status_code == 200


@pytest.mark.parametrize("name", ["common", "consumers"])
def test_client_credentials_need_a_tenant(client, payroll, key_pair, name):
    assert code(client.sign_in(payroll, key_pair, tenant=name)) == 9001023


def test_an_unknown_application_is_700016(client):
    answer = client.sign_in("d3b0c9a4-0000-4000-8000-000000000000", secret="x")

    assert (answer.status_code, code(answer), answer.json()["error"]) == (400, 700016, "unauthorized_client")


def test_a_soft_deleted_application_is_700016_until_it_is_restored(client, tenant, payroll, key_pair):
    tenant.soft_delete(payroll)
    deleted = client.sign_in(payroll, key_pair)
    tenant.restore(payroll)

    assert code(deleted) == 700016
    assert client.sign_in(payroll, key_pair).status_code == 200


def test_a_missing_service_principal_is_7000229(client, tenant, key_pair):
    application = tenant.add_application("lonely", [key_pair], service_principal=False)

    answer = client.sign_in(application, key_pair)

    assert (answer.status_code, code(answer), answer.json()["error"]) == (401, 7000229, "invalid_client")


def test_a_disabled_application_is_7000112(client, tenant, payroll, key_pair):
    tenant.enable(payroll, False)

    answer = client.sign_in(payroll, key_pair)

    assert (answer.status_code, code(answer), answer.json()["error"]) == (400, 7000112, "unauthorized_client")


def test_conditional_access_is_53003(client, tenant, payroll, key_pair):
    tenant.conditional_access.add(payroll.app_id)

    assert code(client.sign_in(payroll, key_pair)) == 53003


def test_a_wrong_secret_is_7000215_and_an_expired_one_7000222(client, tenant):
    application = tenant.add_application("batch", secret="right")

    wrong = client.sign_in(application, secret="wrong")
    tenant.clock.advance(400 * 86400)
    expired = client.sign_in(application, secret="right")

    assert (code(wrong), code(expired)) == (7000215, 7000222)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"grant_type": None}, 900144),
        ({"scope": None}, 900144),
        ({"grant_type": "password"}, 70003),
        ({"scope": "User.Read"}, 1002012),
        ({"scope": "https://graph.microsoft.us/.default"}, 500011),
        ({"client_secret": None}, 7000216),
    ],
)
def test_a_malformed_request_is_refused(client, tenant, form, expected):
    application = tenant.add_application("batch", secret="s")

    assert code(client.sign_in(application, secret="s", **form)) == expected


def test_the_assertion_type_is_required(client, payroll, key_pair):
    assert code(client.sign_in(payroll, key_pair, client_assertion_type=None)) == 900144


def test_sixteen_identical_requests_in_five_minutes_are_a_loop_where_the_switch_is_on(
    client, tenant, payroll, key_pair
):
    tenant.switches.set(loop_detection=True)

    answers = [client.sign_in(payroll, key_pair).status_code for _attempt in range(16)]
    tenant.clock.advance(301)

    assert answers == [200] * 15 + [400]
    assert client.sign_in(payroll, key_pair).status_code == 200


def test_a_failed_lookup_stays_cached_where_the_switch_is_on(client, tenant, payroll, successor):
    tenant.switches.set(remember_refusals=60)
    client.sign_in(payroll, successor)
    tenant.add_credential(payroll, successor)

    early = client.sign_in(payroll, successor)
    tenant.clock.advance(61)

    assert code(early) == 700027
    assert client.sign_in(payroll, successor).status_code == 200


def test_a_certificate_on_the_service_principal_signs_in(client, tenant, payroll, successor):
    tenant.change_service_principal(payroll, key_credentials=(certificates_entry(successor),))

    accepted = client.sign_in(payroll, successor).status_code
    tenant.switches.set(service_principal_keys_sign_in=False)

    assert accepted == 200
    assert code(client.sign_in(payroll, successor)) == 700027


def certificates_entry(pair):
    from emulator.credentials import credential_of

    return credential_of(certificates.as_certificate(pair))


def test_the_error_body_has_every_part_of_section_4_6(client):
    headers = {"client-request-id": "7c2d0000-0000-4000-8000-000000000000"}
    url = f"{LOGIN}/{client.tenant.id}/oauth2/v2.0/token"

    body = client.session.post(url, data={"client_id": "x"}, headers=headers).json()

    assert body["error"] == "invalid_request"
    assert body["error_codes"] == [900144]
    assert body["timestamp"] == "2026-11-22 10:00:00Z"
    assert body["correlation_id"] == headers["client-request-id"]
    assert body["error_uri"] == "https://login.microsoftonline.com/error?code=900144"
    assert body["error_description"].endswith(
        f" Trace ID: {body['trace_id']} Correlation ID: {body['correlation_id']} Timestamp: 2026-11-22 10:00:00Z"
    )


def test_older_clusters_separate_the_parts_by_line_breaks(client, tenant):
    tenant.switches.set(old_separators=True)

    assert "\r\nTrace ID: " in client.sign_in("x", secret="y").json()["error_description"]


def test_discovery_names_the_endpoints_of_the_host_that_was_asked(client, tenant):
    body = client.session.get(f"https://localhost:8443/{tenant.id}/v2.0/.well-known/openid-configuration").json()

    assert body["token_endpoint"] == f"https://localhost:8443/{tenant.id}/oauth2/v2.0/token"
    assert body["issuer"] == f"https://localhost:8443/{tenant.id}/v2.0"


def test_instance_discovery_names_the_tenant_document(client, tenant):
    endpoint = f"{LOGIN}/{tenant.id}/oauth2/v2.0/authorize"

    body = client.session.get(f"{LOGIN}/common/discovery/instance", params={"authorization_endpoint": endpoint}).json()

    assert body["tenant_discovery_endpoint"] == f"{LOGIN}/{tenant.id}/v2.0/.well-known/openid-configuration"


def test_the_date_header_is_the_clock_of_the_service(client, tenant):
    tenant.clock.skew = 3600

    answer = client.session.get(f"{LOGIN}/{tenant.id}/v2.0/.well-known/openid-configuration")

    assert answer.headers["Date"] == "Sun, 22 Nov 2026 11:00:00 GMT"
