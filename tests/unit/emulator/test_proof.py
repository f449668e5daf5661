# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 3: addKey and removeKey, and the proof of possession they ask for."""

from __future__ import annotations

import pytest
from adapter.client import base64url, code


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

    answer = own.remove_key(payroll, old, client.proof(payroll, successor))

    assert answer.status_code == 204
    assert list(tenant.oracle.registered(payroll)) == [added]


def test_an_unknown_key_id_is_not_found(client, own, payroll, key_pair):
    unknown = "00000000-0000-4000-8000-000000000000"

    assert outcome(own.remove_key(payroll, unknown, client.proof(payroll, key_pair))) == (
        404,
        "Request_ResourceNotFound",
    )


@pytest.mark.parametrize("switch", ["signing_key_removable", "last_key_removable"])
def test_whether_the_last_and_signing_key_may_go_is_a_switch(client, tenant, own, payroll, key_pair, switch):
    key_id = payroll.key_credentials[0].key_id
    tenant.switches.set(**{switch: False})

    refused = own.remove_key(payroll, key_id, client.proof(payroll, key_pair))
    tenant.switches.reset()

    assert refused.status_code == 400
    assert own.remove_key(payroll, key_id, client.proof(payroll, key_pair)).status_code == 204
