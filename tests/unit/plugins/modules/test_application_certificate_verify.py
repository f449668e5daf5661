# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evercert.entra.plugins.modules import application_certificate_renew as renew
from ansible_collections.evercert.entra.plugins.modules import application_certificate_verify as module

QUICK = {"sign_in_interval": 0, "initial_pause": 0}


@pytest.fixture
def verify(run_module, payroll, old, pem_of):
    def make(check=False, **options):
        given = {"app_id": payroll.app_id, "client_certificate_path": pem_of(old), **QUICK, **options}
        return run_module(module, check, **given)

    return make


def test_a_key_that_signs_in_is_verified(verify, old):
    found = verify()

    assert found["verified"] is True
    assert found["sign_ins"]["consecutive"] == 3
    assert found["evidence"]["thumbprint"] == old.thumbprint


def test_what_fails_is_a_failure_with_every_check_and_the_diagnosis(verify, tenant, pem_of):
    found = verify(client_certificate_path=pem_of(tenant.issue("stranger")), timeout_propagation=1)

    assert found["failed"] and found["verified"] is False
    assert [check["ok"] for check in found["checks"]] == [False]
    assert found["diagnosis"]["code"] == "certificate_not_registered"


def test_a_key_of_another_certificate_is_a_failure_like_any_other(verify, tenant, old, pem_of, tmp_path):
    ours, other = (Path(pem_of(pair)).read_text() for pair in (old, tenant.issue("other")))
    mixed = tmp_path / "mixed.pem"
    mixed.write_text(ours[: ours.index("-----BEGIN CERTIFICATE")] + other[other.index("-----BEGIN CERTIFICATE") :])
    mixed.chmod(0o600)

    found = verify(client_certificate_path=str(mixed))

    assert found["failed"] and found["verified"] is False and "do not belong together" in found["msg"]
    assert found["diagnosis"]["code"] == "wrong_private_key"


def test_so_is_one_in_a_key_store(verify, run_module, payroll, tenant, old, pem_of, key_store):
    """What is wrong has a code there too, not only that a store is broken."""
    run_module(renew, app_id=payroll.app_id, key_store=key_store, adopt_path=pem_of(old))
    other = Path(pem_of(tenant.issue("other"))).read_text()
    Path(key_store, "current", "key.pem").write_text(other[: other.index("-----BEGIN CERTIFICATE")])

    found = verify(client_certificate_path=None, key_store=key_store)

    assert found["failed"] and found["verified"] is False and "do not belong together" in found["msg"]
    assert (found["diagnosis"]["code"], found["diagnosis"]["cause"]) == ("wrong_private_key", found["msg"])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"tenant_id": ""}, "invalid_input"),
        ({"client_certificate_path": None, "key_store": "/nowhere"}, "key_store_error"),
    ],
)
def test_every_failure_has_its_verdict_and_a_code(verify, given, code):
    found = verify(**given)

    assert found["failed"] and found["verified"] is False
    assert (found["diagnosis"]["code"], found["diagnosis"]["cause"]) == (code, found["msg"])


def test_missing_roles_and_probes_are_checks_of_their_own(verify):
    found = verify(required_roles=["User.Read.All"], probes=[{"url": "organization"}])

    assert found["failed"]
    assert [(check["name"], check["ok"]) for check in found["checks"]] == [
        ("sign_in", True),
        ("required_roles", False),
        ("probe /organization", False),
    ]


@pytest.fixture
def bundle(tmp_path):
    """The path of a support bundle, and what is in it."""
    path = tmp_path / "bundle.json"
    return path, lambda: json.loads(path.read_text())


def test_a_bundle_is_written_but_not_in_check_mode(verify, bundle):
    path, read = bundle

    verify(check=True, support_bundle=str(path))
    assert not path.exists()
    found = verify(support_bundle=str(path))

    told = read()
    assert told["verification"]["verified"] is True
    assert told["verification"]["evidence"] == found["evidence"]
    assert told["correlation_ids"] == found["evidence"]["correlation_ids"] and len(told["correlation_ids"]) == 3
    assert abs(told["clock"]["offset_seconds"]) < 5
    assert told["identity"] == "client_secret" and told["versions"]["msal"]


def test_a_bundle_of_a_refusal_has_the_diagnosis_and_finds_every_attempt(verify, tenant, pem_of, bundle):
    path, read = bundle

    found = verify(
        client_certificate_path=pem_of(tenant.issue("stranger")), timeout_propagation=1, support_bundle=str(path)
    )

    told = read()
    assert told["failure"] == found["msg"]
    assert told["verification"]["diagnosis"] == found["diagnosis"]
    assert len(told["correlation_ids"]) == found["sign_ins"]["attempts"] >= 1
    assert found["diagnosis"]["evidence"]["correlation_id"] in told["correlation_ids"]


def test_a_bundle_is_written_when_nothing_can_be_reached(verify, bundle):
    path, read = bundle

    found = verify(support_bundle=str(path), authority_host="https://localhost:9")

    told = read()
    assert found["failed"] and told["failure"] == found["msg"]
    assert told["verification"]["diagnosis"]["code"] == "network_refused"
    assert told["verification"]["checks"][0]["ok"] is False
    assert told["clock"]["offset_seconds"] is None
    assert told["hosts"]["authority"] == "https://localhost:9" and told["asked"]["sign_ins"] == 3


def test_a_bundle_is_written_when_it_is_not_even_known_what_to_verify(verify, bundle, tmp_path, tenant, public_of):
    path, read = bundle
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(public_of(tenant.issue("stranger")))

    found = verify(app_id=None, display_name="payroll", ca_path=str(stranger), support_bundle=str(path))

    told = read()
    assert found["failed"] and told["failure"] == found["msg"]
    assert told["verification"]["diagnosis"]["code"] == found["diagnosis"]["code"] == "tls"
    assert told["verification"]["verified"] is False and told["asked"]["display_name"] == "payroll"


def test_a_bundle_is_written_when_the_store_has_nothing_to_verify(verify, bundle, tmp_path):
    path, read = bundle

    found = verify(key_store=str(tmp_path / "empty"), support_bundle=str(path))

    assert read()["failure"] == found["msg"] and "holds no current certificate" in found["msg"]


def test_a_bundle_that_cannot_be_written_does_not_hide_why_it_failed(verify, tmp_path, monkeypatch):
    place, said = tmp_path / "bundle.json", []
    place.symlink_to(tmp_path / "elsewhere.json")  # nobody writes through a link
    monkeypatch.setattr(AnsibleModule, "warn", lambda module, words: said.append(words))

    found = verify(key_store=str(tmp_path / "empty"), support_bundle=str(place))

    assert "holds no current certificate" in found["msg"]
    assert len(said) == 1 and said[0].startswith(f"support_bundle: cannot write {place}: ")


def test_no_secret_is_in_a_bundle_even_when_the_service_quotes_it(verify, tenant, bundle, pem_of, old):
    path, read = bundle
    secret, token = "canary-client-secret", "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.canary"
    said = f"AADSTS7000215: {secret} is not {token}."
    tenant.faults.add("error", match="token", status=401, code=7000215, message=said, times=None)
    with open(pem_of(old), encoding="ascii") as file:
        pieces = [line for line in file.read().split("-----")[2].split() if len(line) == 64]

    found = verify(
        app_id=None, display_name="payroll", client_secret=secret, access_token=None, support_bundle=str(path)
    )

    assert found["diagnosis"]["code"] == "secret_invalid"
    assert "is not (token)" in read()["failure"]
    for hidden in (secret, token, "canary", *pieces):
        assert hidden not in path.read_text()


def test_a_bundle_in_no_directory_is_refused_before_anything_is_sent(verify, server, tmp_path):
    since = len(server.emulator.log.lines)

    found = verify(support_bundle=str(tmp_path / "no" / "b.json"), sign_ins=0)

    assert len(found["problems"]) == 2
    assert len(server.emulator.log.lines) == since


def test_a_wait_is_handed_over_and_gone_on_with(verify):
    found, waits = verify(_waiting={"slice": 0.1}, sign_in_interval=60), 0
    while "_waiting" in found:
        waits += 1
        carry = found["_waiting"]["carry"]
        carry["progress"]["next_at"] = 0.0  # as if the caller had waited
        found = verify(_waiting={"slice": 0.1, "carry": carry}, sign_in_interval=60)

    assert waits >= 2
    assert (found["verified"], found["sign_ins"]["attempts"]) == (True, 3)


def test_a_token_without_its_tenant_is_refused(verify):
    found = verify(auth_source="access_token", access_token="t0ken", tenant_id=None)

    assert found["msg"].startswith("tenant_id is needed (AZURE_TENANT_ID) beside access_token")


def test_nothing_to_verify_is_refused(verify):
    assert verify(client_certificate_path=None)["problems"] == [
        "Nothing to verify: give key_store, or client_certificate_path."
    ]


def test_a_probe_with_a_host_is_refused(verify):
    assert "without a host" in verify(probes=[{"url": "https://evil.test/"}])["msg"]


def test_an_empty_store_has_nothing_to_verify(verify, tmp_path):
    found = verify(key_store=str(tmp_path / "empty"))

    assert found["failed"]
    assert f"The key store {tmp_path / 'empty'} holds no current certificate." in found["msg"]
