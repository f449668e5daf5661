# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 3: addKey and removeKey, and the proof of possession they ask for."""

from __future__ import annotations

import pytest
from adapter.client import base64url, code, entry_for


@pytest.fixture
def own(client, payroll, key_pair):
    """Graph as payroll itself, which has no permission at all."""
    return client.graph(payroll, key_pair)


def outcome(answer):
    return answer.status_code, code(answer)


MISSING_OR_MALFORMED = (401, "Authentication_MissingOrMalformed")
DENIED = (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("action", ["addKey", "microsoft.graph.addKey"])
@pytest.mark.parametrize("address", ["/applications/{0.object_id}", "/applications(appId='{0.app_id}')"])
def test_both_spellings_and_both_addresses_add_a_key(client, own, payroll, key_pair, successor, action, address):
    path = f"{address.format(payroll)}/{action}"

    answer = own.add_key(payroll, successor, client.proof(payroll, key_pair), path=path)

    assert answer.status_code == 200
    assert answer.json()["customKeyIdentifier"] == successor.thumbprint
    assert answer.json()["key"] is None


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_a_proof_may_name_its_key_in_any_way_or_not_at_all(client, own, payroll, key_pair, tenant, alg):
    headers = ({"kid": key_pair.thumbprint}, {"x5t#S256": base64url(key_pair.thumbprint_sha256)}, {})

    for header in headers:
        new = tenant.issue("new", 0, 100)
        assert own.add_key(payroll, new, client.proof(payroll, key_pair, alg, header)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "00000003-0000-0000-c000-000000000000"},
        {"iss": "somebody-else"},
        {"exp": 1},
        {"exp": 1795342401},
        {"nbf": 4000000000, "exp": 4000000600},
    ],
    ids=["audience", "issuer", "expired", "longer than ten minutes", "not yet"],
)
def test_a_proof_with_wrong_claims_is_malformed(client, own, payroll, key_pair, successor, claims):
    proof = client.proof(payroll, key_pair, **{"nbf": 1795341600, **claims})

    assert outcome(own.add_key(payroll, successor, proof)) == MISSING_OR_MALFORMED


def test_a_proof_issued_by_the_app_id_is_malformed(client, own, payroll, key_pair, successor):
    proof = client.proof(payroll, key_pair, iss=payroll.app_id)

    assert outcome(own.add_key(payroll, successor, proof)) == MISSING_OR_MALFORMED


@pytest.mark.parametrize(("switch", "accepted"), [("0002", False), ("0003", True), ("either", True)])
def test_the_audience_is_a_switch(client, tenant, own, payroll, key_pair, successor, switch, accepted):
    tenant.switches.set(proof_audience=switch)
    proof = client.proof(payroll, key_pair, aud="00000003-0000-0000-c000-000000000000")

    assert (own.add_key(payroll, successor, proof).status_code == 200) is accepted


def test_a_padded_proof_is_malformed(client, own, payroll, key_pair, successor):
    head, payload, signature = client.proof(payroll, key_pair).split(".")

    assert outcome(own.add_key(payroll, successor, f"{head}=.{payload}.{signature}")) == MISSING_OR_MALFORMED


def test_a_proof_that_is_no_token_is_malformed(own, payroll, successor):
    assert outcome(own.add_key(payroll, successor, "nonsense")) == MISSING_OR_MALFORMED


def test_a_proof_signed_by_another_key_is_malformed(client, own, payroll, key_pair, successor):
    proof = client.proof(payroll, key_pair, signer=successor)

    assert outcome(own.add_key(payroll, successor, proof)) == MISSING_OR_MALFORMED


def test_a_proof_that_names_no_key_of_the_object_is_denied(client, own, payroll, successor):
    assert outcome(own.add_key(payroll, successor, client.proof(payroll, successor))) == DENIED


def test_a_missing_proof_is_denied(own, payroll, successor):
    assert outcome(own.add_key(payroll, successor, None)) == DENIED


def test_times_that_are_no_numbers_are_a_server_error(client, own, payroll, key_pair, successor):
    proof = client.proof(payroll, key_pair, exp="2026-11-22T10:10:00Z")

    assert own.add_key(payroll, successor, proof).status_code == 500


def test_an_expired_key_cannot_sign_a_proof(client, tenant, own, payroll, key_pair, successor):
    tenant.clock.advance(3000)
    tenant.change(payroll, key_credentials=())
    tenant.add_credential(payroll, key_pair, end="2026-11-22T10:30:00Z")

    assert outcome(own.add_key(payroll, successor, client.proof(payroll, key_pair))) == MISSING_OR_MALFORMED


def test_another_application_needs_a_permission_and_the_proof_all_the_same(
    client, tenant, manager, own, payroll, key_pair, successor
):
    other_pair = tenant.issue("other", -1, 100)
    other = tenant.add_application("other", [other_pair])

    assert outcome(own.add_key(other, successor, client.proof(other, other_pair))) == DENIED
    assert outcome(manager.add_key(payroll, successor, client.proof(other, other_pair))) == DENIED
    assert manager.add_key(payroll, successor, client.proof(payroll, key_pair)).status_code == 200


def test_add_key_obeys_the_rules_for_dates_and_policy(client, tenant, own, payroll, key_pair, successor):
    tenant.limit_lifetime("P30D")
    proof = client.proof(payroll, key_pair)

    late = own.add_key(payroll, successor, proof, endDateTime="2030-01-01T00:00:00Z")

    assert code(late) == "KeyCredentialsInvalidEndDate"
    assert code(own.add_key(payroll, successor, proof)) == "CredentialInvalidLifetimeAsPerAppPolicy"


def test_remove_key_removes_one_entry_by_its_key_id(client, tenant, own, payroll, key_pair, successor):
    added = own.add_key(payroll, successor, client.proof(payroll, key_pair)).json()["keyId"]
    old = next(key_id for key_id in tenant.oracle.registered(payroll) if key_id != added)
    tenant.clock.advance(300)

    answer = own.remove_key(payroll, old, client.proof(payroll, successor))

    assert answer.status_code == 204
    assert list(tenant.oracle.registered(payroll)) == [added]


@pytest.mark.parametrize(
    ("is_404", "expected"), [(False, (400, "Request_BadRequest")), (True, (404, "Request_ResourceNotFound"))]
)
def test_an_unknown_key_id_is_answered_that_nothing_was_found(client, tenant, own, payroll, key_pair, is_404, expected):
    unknown = "00000000-0000-4000-8000-000000000000"
    tenant.switches.set(absent_key_is_404=is_404)

    answer = own.remove_key(payroll, unknown, client.proof(payroll, key_pair))

    assert outcome(answer) == expected
    assert answer.json()["error"]["message"] == "No credentials found to be removed."


@pytest.mark.parametrize("seconds", [300, 1200])
def test_a_key_that_add_key_made_signs_in_before_it_is_good_for_proofs(
    client, tenant, own, payroll, key_pair, successor, seconds
):
    tenant.switches.set(young_key_refused=seconds)
    assert own.add_key(payroll, successor, client.proof(payroll, key_pair)).status_code == 200
    assert client.sign_in(payroll, successor).status_code == 200
    third = tenant.issue("third", 0, 100)

    tenant.clock.advance(seconds - 1)
    assert outcome(own.add_key(payroll, third, client.proof(payroll, successor))) == MISSING_OR_MALFORMED
    assert own.add_key(payroll, third, client.proof(payroll, key_pair)).status_code == 200
    tenant.clock.advance(1)
    assert own.add_key(payroll, third, client.proof(payroll, successor)).status_code == 200


def test_a_key_that_was_registered_by_an_update_is_good_for_proofs_at_once(
    client, tenant, manager, own, payroll, key_pair, successor
):
    entries = manager.get(f"/applications/{payroll.object_id}").json()["keyCredentials"]
    manager.patch(f"/applications/{payroll.object_id}", {"keyCredentials": [*entries, entry_for(successor)]})

    added = own.add_key(payroll, tenant.issue("third", 0, 100), client.proof(payroll, successor))

    assert added.status_code == 200


def test_add_key_chooses_the_key_id_itself(client, own, payroll, key_pair, successor):
    proof = client.proof(payroll, key_pair)

    refused = own.add_key(payroll, successor, proof, keyId="00000000-0000-4000-8000-000000000001")

    assert outcome(refused) == (400, "Request_BadRequest")
    assert refused.json()["error"]["message"] == "KeyId value must be null."


@pytest.mark.parametrize(
    ("switch", "by_app_id", "by_object_id"),
    [("by_app_id", 200, 401), ("always", 200, 200), ("never", 401, 401)],
)
def test_whether_the_app_id_issues_proofs_is_a_switch(
    client, tenant, own, payroll, key_pair, successor, switch, by_app_id, by_object_id
):
    tenant.switches.set(app_id_issues_proofs=switch)
    proof = client.proof(payroll, key_pair, iss=payroll.app_id)

    answers = [
        own.add_key(payroll, successor, proof, path=f"/applications{address}/addKey").status_code
        for address in (f"(appId='{payroll.app_id}')", f"/{payroll.object_id}")
    ]

    assert answers == [by_app_id, by_object_id]


@pytest.mark.parametrize(("one_year", "years"), [(False, 10), (True, 1)])
def test_without_dates_add_key_takes_the_certificates_own(client, tenant, own, payroll, key_pair, one_year, years):
    tenant.switches.set(add_key_ends_in_one_year=one_year)
    long = tenant.issue("long", 0, 3650)

    added = own.add_key(payroll, long, client.proof(payroll, key_pair)).json()

    assert int(added["endDateTime"][:4]) - int(added["startDateTime"][:4]) == years


@pytest.mark.parametrize("switch", ["signing_key_removable", "last_key_removable"])
def test_whether_the_last_and_signing_key_may_go_is_a_switch(client, tenant, own, payroll, key_pair, switch):
    key_id = payroll.key_credentials[0].key_id
    tenant.switches.set(**{switch: False})

    refused = own.remove_key(payroll, key_id, client.proof(payroll, key_pair))
    tenant.switches.reset()

    assert refused.status_code == 400
    assert own.remove_key(payroll, key_id, client.proof(payroll, key_pair)).status_code == 204
