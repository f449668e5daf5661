# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract gate bites: each way of breaking Microsoft's contract is caught."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import requests
from adapter.wsgi_adapter import connect
from contract import command, deviations, rest
from contract.exchange import Exchange
from contract.gate import Contract, ContractError
from emulator.app import Emulator

HEADERS = {
    "Content-Type": "application/json;odata.metadata=minimal",
    "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
    "request-id": "1",
    "client-request-id": "1",
}
ENTRY = {
    "customKeyIdentifier": "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A",
    "displayName": "CN=payroll-sync",
    "endDateTime": "2027-05-20T09:15:00Z",
    "key": None,
    "keyId": "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11",
    "startDateTime": "2026-11-21T09:15:00Z",
    "type": "AsymmetricX509Cert",
    "usage": "Verify",
}
READ = Exchange(
    method="GET",
    url="https://localhost:8443/v1.0/applications/3f0a6f2e-8c0d-4c5e-9b54-6d1f0f2a7c90?$select=id,keyCredentials",
    request_body=None,
    status=200,
    headers=HEADERS,
    body={"@odata.context": "x", "id": "3f0a6f2e-8c0d-4c5e-9b54-6d1f0f2a7c90", "keyCredentials": [ENTRY]},
)


def problems(exchange):
    return Contract().problems(exchange)


def test_the_documented_example_is_within_the_contract():
    assert problems(READ) == []


@pytest.mark.parametrize(
    "change",
    [
        {"keyId": "no guid"},
        {"endDateTime": 1795341600},
        {"endDateTime": "22.11.2026"},
        {"startDateTime": "2026-11-21T09:15:00+02:00"},
        {"displayName": 7},
        {"thumbprint": "x"},
        {"key": ["x"]},
    ],
    ids=str,
)
def test_an_answer_with_a_wrong_property_is_caught(change):
    assert problems(replace(READ, body={**READ.body, "keyCredentials": [{**ENTRY, **change}]}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keyId", "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c1"),
        ("keyId", "5b1c3a4e7d0e4f539a2b0d9f6b7f2c11"),
        ("keyId", "2026-11-21T09:15:00Z"),
        ("endDateTime", "2027-05-20 09:15:00Z"),
        ("endDateTime", "2027-05-20T09:15:00"),
        ("endDateTime", "2027-05-20T09:15:000Z"),
        ("endDateTime", "2027-13-20T09:15:00Z"),
        ("endDateTime", ENTRY["keyId"]),
        ("customKeyIdentifier", "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A!"),
        ("customKeyIdentifier", ENTRY["keyId"]),
        ("key", "2026-11-21T09:15:00Z"),
    ],
)
def test_an_exchange_that_is_like_a_right_one_but_for_its_forms_is_caught(name, value):
    """One that differs in an ID, a time or a key alone is not looked at a second time."""
    contract = Contract()
    entry = {**ENTRY, "key": "MIIC8DCCAdigAwIBAgIUTzKSd0p0"}
    later = {**entry, "keyId": "0d9f6b7f-2c11-4f53-9a2b-5b1c3a4e7d0e", "endDateTime": "2028-01-31T23:59:59Z"}

    for right in (entry, later):
        assert contract.problems(replace(READ, body={**READ.body, "keyCredentials": [right]})) == []
    assert contract.problems(replace(READ, body={**READ.body, "keyCredentials": [{**entry, name: value}]}))
    assert contract.validated == 3


@pytest.mark.parametrize(
    "broken",
    [
        replace(READ, body={**READ.body, "app_id": "x"}),
        replace(READ, body={**READ.body, "keyCredentials": {}}),
        replace(READ, body=[]),
        replace(READ, status=404, body={"message": "gone"}),
        replace(READ, headers={"Content-Type": "application/json"}),
        replace(READ, url=READ.url.replace("applications", "aplications")),
        replace(READ, url=READ.url + "&$bottom=1"),
        replace(READ, url="https://localhost/v1.0/applications?$top=-1", body={"value": []}),
        replace(READ, url="https://localhost/v1.0/applications", body={"value": [{"id": 1}]}),
    ],
    ids=[
        "unknown property",
        "object for a list",
        "list for an object",
        "error without error",
        "missing headers",
        "unknown address",
        "unknown option",
        "negative page",
        "wrong item of a list",
    ],
)
def test_a_broken_exchange_is_caught(broken):
    assert problems(broken)


def test_a_patch_is_answered_with_204_and_nothing_else():
    patch = replace(READ, method="PATCH", url=READ.url.split("?")[0], request_body={"keyCredentials": [ENTRY]})

    assert problems(replace(patch, status=204, body=None)) == []
    assert problems(replace(patch, status=200))


@pytest.mark.parametrize("body", [{"keyCredentials": ENTRY}, {"keyCredentials": [{"keyId": 1}]}, ["x"], None, {"x": 1}])
def test_a_request_with_a_wrong_body_is_caught_unless_it_is_meant(body):
    patch = replace(READ, method="PATCH", url=READ.url.split("?")[0], request_body=body, status=204, body=None)

    assert problems(patch)
    assert Contract(requests=False).problems(patch) == []


@pytest.mark.parametrize("action", ["addKey", "microsoft.graph.addKey"])
def test_add_key_may_send_null_for_the_password_credential(action):
    url = f"{READ.url.split('?')[0]}/{action}"
    body = {"keyCredential": ENTRY, "passwordCredential": None, "proof": "x.y.z"}
    call = replace(READ, method="POST", url=url, request_body=body, body={"@odata.context": "x", **ENTRY})

    assert problems(call) == []
    assert problems(replace(call, request_body={**body, "proof": 1}))


def test_the_parts_of_a_batch_are_checked_one_by_one():
    asked = [{"id": "1", "method": "GET", "url": "/applications"}]
    answered = [{"id": "1", "status": 200, "headers": {}, "body": {"value": [{"keyCredentials": [ENTRY]}]}}]
    batch = replace(
        READ,
        method="POST",
        url="https://localhost/v1.0/$batch",
        request_body={"requests": asked},
        body={"responses": answered},
    )
    broken = json.loads(json.dumps(answered).replace("2027-05-20T09:15:00Z", "soon"))

    assert problems(batch) == []
    assert problems(replace(batch, body={"responses": broken}))


def test_answers_of_the_login_service_are_held_against_the_facts_page():
    token = replace(READ, method="POST", url="https://localhost/t/oauth2/v2.0/token")
    error = {"error": "invalid_client", "error_description": "no", "error_codes": [700027]}

    assert problems(replace(token, body={"token_type": "Bearer", "expires_in": 3599, "access_token": "x"})) == []
    assert problems(replace(token, body={"token_type": "Bearer", "access_token": "x"}))
    assert problems(replace(token, status=401, body=error))


def test_every_deviation_still_deviates():
    """A line of the table that changes nothing is out of date."""
    original = rest.yaml.safe_load(rest.DOCUMENT.read_text(encoding="utf-8"))
    for reason, correct in deviations.DEVIATIONS:
        document = json.loads(json.dumps(original))
        correct(document)
        assert document != original, reason


def test_an_observer_raises_on_the_exchange_that_breaks_the_contract(emulator, tenant):
    contract = Contract()
    session = connect(requests.Session(), emulator, [contract.observe])

    with pytest.raises(ContractError, match="soon is no option of this address"):
        session.get("https://graph.microsoft.com/v1.0/applications?$soon=1")
    assert contract.validated == 1


def test_a_recording_is_checked_and_an_empty_one_is_no_success(tmp_path, tenant, capsys):
    tenant.add_application(
        "reader", secret="s", app_id="a0000000-0000-4000-8000-000000000001", roles=["Application.Read.All"]
    )
    recorded, broken, empty = (tmp_path / name for name in ("recorded", "broken", "empty"))
    emulator = Emulator(tenant, record=recorded)
    session = connect(requests.Session(), emulator)
    form = {
        "client_id": "a0000000-0000-4000-8000-000000000001",
        "client_secret": "s",
        "grant_type": "client_credentials",
        "scope": "https://graph.microsoft.com/.default",
    }
    token = session.post(f"https://localhost/{tenant.id}/oauth2/v2.0/token", data=form).json()["access_token"]
    session.get("https://localhost/v1.0/applications", headers={"Authorization": f"Bearer {token}"})
    emulator.log.close()
    broken.write_text(recorded.read_text().replace('"keyCredentials": []', '"keyCredentials": 1'))
    empty.touch()

    assert command.main(["check", str(recorded)]) == 0
    assert "2 exchanges validated, 0 against the contract" in capsys.readouterr().out
    assert command.main(["check", str(broken)]) == 1
    assert command.main(["check", str(empty)]) == 1
    assert token not in recorded.read_text()
    assert '"client_secret": "(redacted)"' in recorded.read_text()
