# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts sections 1, 2, 5 and 11: what PATCH of keyCredentials accepts and refuses."""

from __future__ import annotations

import base64

import pytest
from adapter.client import code, entry_for
from emulator import certificates


@pytest.fixture
def patch(manager, payroll):
    def send(entries, **more):
        return manager.patch(f"/applications/{payroll.object_id}", {"keyCredentials": entries, **more})

    return send


@pytest.fixture
def entries(manager, payroll):
    """payroll's entries as a read without $select shows them."""
    return manager.get(f"/applications/{payroll.object_id}").json()["keyCredentials"]


def test_a_new_entry_is_added_beside_those_that_come_back_as_read(tenant, patch, entries, payroll, key_pair, successor):
    answer = patch([*entries, entry_for(successor)])

    assert (answer.status_code, answer.content) == (204, b"")
    assert set(tenant.oracle.registered(payroll).values()) == {key_pair.thumbprint, successor.thumbprint}


def test_an_entry_that_is_left_out_is_deleted(tenant, patch, payroll, successor):
    patch([entry_for(successor)])

    assert list(tenant.oracle.registered(payroll).values()) == [successor.thumbprint]


def test_an_empty_list_deletes_all(tenant, patch, payroll):
    patch([])

    assert tenant.oracle.registered(payroll) == {}


def test_properties_outside_the_body_keep_their_value(tenant, manager, payroll, key_pair):
    manager.patch(f"/applications/{payroll.object_id}", {"displayName": "Payroll 2"})

    assert tenant.application(payroll).display_name == "Payroll 2"
    assert list(tenant.oracle.registered(payroll).values()) == [key_pair.thumbprint]


@pytest.mark.parametrize(
    "change",
    [
        {"displayName": "other"},
        {"endDateTime": "2027-01-01T00:00:00Z"},
        {"startDateTime": "2026-08-14T10:00:00.0000001Z"},
        {"customKeyIdentifier": "b3RoZXI="},
        {"usage": "Sign"},
        {"key": "AAAA"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_is_refused_as_not_updatable(patch, entries, change):
    answer = patch([{**entries[0], **change}])

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "Request_BadRequest")
    assert error["message"] == f"Update to existing credential with KeyId '{entries[0]['keyId']}' is not allowed."
    assert error["details"][0]["code"] == "KeyNotUpdatable"


PROPERTIES = ("customKeyIdentifier", "displayName", "endDateTime", "startDateTime", "type", "usage")


@pytest.mark.parametrize("left_out", [*((one,) for one in PROPERTIES), PROPERTIES], ids=" ".join)
def test_an_entry_that_comes_back_without_a_property_is_refused_as_not_updatable(tenant, patch, entries, left_out):
    less = {name: value for name, value in entries[0].items() if name not in left_out}

    refused = patch([less])
    tenant.switches.set(absent_property_is_unchanged=True)
    accepted = patch([less])

    assert refused.json()["error"]["details"][0]["code"] == "KeyNotUpdatable"
    assert accepted.status_code == 204


def test_what_is_null_may_be_left_out(tenant, patch, manager, payroll):
    tenant.add_credential(payroll, tenant.issue("nameless", -1, 90), display_name=None)
    shown = manager.get(f"/applications/{payroll.object_id}").json()["keyCredentials"]

    answer = patch([{name: value for name, value in entry.items() if value is not None} for entry in shown])

    assert answer.status_code == 204


def test_an_entry_may_come_back_with_its_key_or_with_its_dates_spelled_another_way(patch, entries, key_pair):
    end = entries[0]["endDateTime"].replace("Z", "+00:00")

    assert patch([{**entries[0], "key": key_pair.base64, "endDateTime": end}]).status_code == 204


def test_an_unchanged_expired_entry_may_come_back(tenant, manager, successor):
    old = tenant.issue("old", -100, -1)
    application = tenant.add_application("old", [old])
    path = f"/applications/{application.object_id}"
    entries = manager.get(path).json()["keyCredentials"]

    accepted = manager.patch(path, {"keyCredentials": [*entries, entry_for(successor)]})
    tenant.switches.set(expired_entry_refuses_patch=True)
    refused = manager.patch(path, {"keyCredentials": entries})

    assert accepted.status_code == 204
    assert code(refused) == "KeyCredentialsInvalidEndDate"


@pytest.mark.parametrize("missing", [{"key": None}, {"key": ""}])
def test_a_new_entry_without_key_is_refused(patch, successor, missing):
    assert code(patch([entry_for(successor, **missing)])) == "KeyCredentialsInvalidValue"


def test_any_code_of_the_family_of_policies_refuses_a_new_entry(tenant, patch, successor):
    tenant.switches.set(refused_by_policy="TrustedCertificateAuthorityAsPerAppPolicy")

    answer = patch([entry_for(successor)])

    assert (answer.status_code, code(answer)) == (400, "TrustedCertificateAuthorityAsPerAppPolicy")


@pytest.mark.parametrize(
    "value",
    [{}, "text", ["text"], [{"key": 1}], [{"startDateTime": "soon"}], [{"keyId": "no guid"}], [{"x": 1}]],
    ids=["object", "text", "list of texts", "number as key", "no date", "no guid", "unknown property"],
)
def test_a_value_that_does_not_match_the_schema_is_answered_by_the_gateway(patch, value):
    answer = patch(value)

    assert (answer.status_code, code(answer)) == (400, "BadRequest")
    assert answer.json()["error"]["message"] == (
        "Property keyCredentials in payload has a value that does not match schema."
    )


def test_white_space_inside_the_base64_is_accepted(tenant, patch, payroll, successor):
    body = "\n".join(successor.certificate_pem.splitlines()[1:-1])

    assert patch([entry_for(successor, key=body)]).status_code == 204
    assert list(tenant.oracle.registered(payroll).values()) == [successor.thumbprint]


def test_base64_of_pem_text_is_accepted(tenant, patch, payroll, successor):
    body = base64.b64encode(successor.certificate_pem.encode()).decode()

    assert patch([entry_for(successor, key=body)]).status_code == 204
    assert list(tenant.oracle.registered(payroll).values()) == [successor.thumbprint]


def test_a_private_key_is_stored_and_shown_as_the_service_does(manager, patch, tenant, payroll, successor):
    body = base64.b64encode(successor.pfx).decode()

    stored = patch([entry_for(successor, key=body)]).status_code
    shown = manager.get(f"/applications/{payroll.object_id}?$select=keyCredentials").json()
    tenant.switches.set(private_key_material_accepted=False)

    assert stored == 204
    assert shown["keyCredentials"][0]["key"] == body
    assert code(patch([entry_for(successor, key=body)])) == "Request_BadRequest"


def test_garbage_as_key_is_refused(patch, successor):
    assert code(patch([entry_for(successor, key="AAAA")])) == "Request_BadRequest"
    assert code(patch([entry_for(successor, key="not base64!")])) == "Request_BadRequest"


def test_an_ec_certificate_is_refused(tenant, patch):
    pair = tenant.issue("ec", 0, 100, key=certificates.new_ec_key())

    assert code(patch([entry_for(pair)])) == "Request_BadRequest"


def test_another_usage_is_refused_with_the_words_of_the_service(patch, successor):
    answer = patch([entry_for(successor, usage="verify")])

    assert "Acceptable values are Sign, Verify." in answer.json()["error"]["message"]


def test_the_identifier_defaults_to_the_thumbprint_and_odd_ones_are_kept(tenant, patch, payroll, successor, key_pair):
    patch([entry_for(successor), entry_for(key_pair, customKeyIdentifier="Q049cGF5cm9sbA==")])

    stored = tenant.application(payroll).key_credentials
    assert [entry.custom_key_identifier for entry in stored] == [successor.thumbprint, "Q049cGF5cm9sbA=="]


def test_an_identifier_longer_than_32_bytes_is_refused(patch, successor):
    identifier = base64.b64encode(b"x" * 33).decode()

    assert code(patch([entry_for(successor, customKeyIdentifier=identifier)])) == "Request_BadRequest"


def test_a_name_is_cut_at_90_characters(tenant, patch, payroll, successor):
    patch([entry_for(successor, displayName="x" * 200)])

    assert tenant.application(payroll).key_credentials[0].display_name == "x" * 90


def test_a_client_may_choose_the_key_id_but_not_twice(tenant, patch, payroll, successor, key_pair):
    key_id = "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11"

    twice = patch([entry_for(successor, keyId=key_id), entry_for(key_pair, keyId=key_id)])
    once = patch([entry_for(successor, keyId=key_id)])

    assert (code(twice), once.status_code) == ("Request_BadRequest", 204)
    assert tenant.oracle.registered(payroll) == {key_id: successor.thumbprint}


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"endDateTime": "2028-11-22T10:00:01Z"}, "KeyCredentialsInvalidEndDate"),
        ({"endDateTime": "2026-11-20T00:00:00Z"}, "KeyCredentialsInvalidEndDate"),
        (
            {"startDateTime": "2027-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"},
            "KeyCredentialsInvalidEndDate",
        ),
        ({"startDateTime": "2026-01-01T00:00:00Z"}, "KeyCredentialsInvalidStartDate"),
    ],
    ids=["after the certificate", "already ended", "before its start", "starts before the certificate"],
)
def test_dates_outside_the_certificate_are_refused(tenant, patch, dates, expected):
    pair = tenant.issue("long", -10, 730)

    assert code(patch([entry_for(pair, **dates)])) == expected


def test_the_dates_of_the_certificate_itself_are_accepted_even_over_one_year(tenant, patch, payroll):
    pair = tenant.issue("long", 0, 730)
    dates = {"startDateTime": "2026-11-22T10:00:00Z", "endDateTime": "2028-11-21T10:00:00Z"}

    accepted = patch([entry_for(pair, **dates)]).status_code
    tenant.switches.set(one_year_limit=True)

    assert accepted == 204
    assert code(patch([entry_for(pair, **dates)])) == "KeyCredentialsInvalidEndDate"


def test_an_omitted_end_is_one_year_or_the_end_of_the_certificate(tenant, patch, payroll, successor):
    long = tenant.issue("long", 0, 730)

    patch([entry_for(long), entry_for(successor)])

    ends = [entry.end for entry in tenant.application(payroll).key_credentials]
    assert ends == ["2027-11-22T10:00:00Z", "2027-05-21T10:00:00Z"]


def test_the_policy_of_the_tenant_limits_the_lifetime_of_what_is_added(tenant, patch, entries, successor):
    tenant.limit_lifetime("P90D")

    refused = patch([*entries, entry_for(successor)])
    kept = patch(entries)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "CredentialInvalidLifetimeAsPerAppPolicy")
    assert error["details"][0] == {"code": "InvalidKeyEndDate", "message": error["message"], "target": "EndDate"}
    assert kept.status_code == 204


def test_a_policy_of_the_application_replaces_that_of_the_tenant(tenant, patch, payroll, successor):
    tenant.limit_lifetime("P90D")
    tenant.limit_lifetime("P181D", payroll)

    assert patch([entry_for(successor)]).status_code == 204


def test_too_many_credentials_are_refused(tenant, patch, entries, successor):
    tenant.switches.set(maximum_credentials=1)

    answer = patch([*entries, entry_for(successor)])

    assert (answer.status_code, code(answer)) == (403, "Directory_ResourceSizeExceeded")


def test_the_same_certificate_twice_is_accepted_unless_the_switch_forbids_it(tenant, patch, entries, key_pair):
    accepted = patch([*entries, entry_for(key_pair)]).status_code
    tenant.switches.set(duplicate_certificate_refused=True)

    assert accepted == 204
    assert code(patch([*entries, entry_for(key_pair)])) == "Request_BadRequest"


def test_password_credentials_cannot_be_set(patch, entries):
    assert code(patch(entries, passwordCredentials=[])) == "Request_BadRequest"


def test_a_body_that_is_no_json_is_refused(manager, payroll):
    answer = manager.send(
        "PATCH", f"/applications/{payroll.object_id}", data="{", headers={"Content-Type": "text/json"}
    )

    assert (answer.status_code, code(answer)) == (400, "BadRequest")
