# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
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


def test_missing_roles_and_probes_are_checks_of_their_own(verify):
    found = verify(required_roles=["User.Read.All"], probes=[{"url": "organization"}])

    assert found["failed"]
    assert [(check["name"], check["ok"]) for check in found["checks"]] == [
        ("sign_in", True),
        ("required_roles", False),
        ("probe /organization", False),
    ]


def test_a_bundle_is_written_but_not_in_check_mode(verify, tmp_path):
    path = tmp_path / "bundle.json"

    verify(check=True, support_bundle=str(path))
    assert not path.exists()
    verify(support_bundle=str(path))
    assert json.loads(path.read_text())["verification"]["verified"] is True


def test_a_wait_is_handed_over_and_gone_on_with(verify):
    found, waits = verify(_waiting={"slice": 0.1}, sign_in_interval=1), 0
    while "_waiting" in found:
        waits += 1
        carry = found["_waiting"]["carry"]
        carry["progress"]["next_at"] = 0.0  # as if the caller had waited
        found = verify(_waiting={"slice": 0.1, "carry": carry}, sign_in_interval=1)

    assert waits >= 2
    assert (found["verified"], found["sign_ins"]["attempts"]) == (True, 3)


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
