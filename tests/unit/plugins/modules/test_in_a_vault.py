# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules whose key store is a vault, over HTTPS: renew, report, verify, and a certificate from an authority."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.evercert.entra.plugins.modules import application_certificate_info as info
from ansible_collections.evercert.entra.plugins.modules import application_certificate_renew as renew
from ansible_collections.evercert.entra.plugins.modules import application_certificate_verify as verify
from ansible_collections.evercert.entra.tests.unit.plugins.modules.test_certificate_from_elsewhere import Authority
from cryptography import x509

QUICK = {"sign_in_interval": 0, "initial_pause": 0}


@pytest.fixture
def vault(tenant, administrator, server):
    """The vault at the emulator's own address, with nothing in it."""
    vault = tenant.vaults.add("payroll")
    vault.allow(administrator)
    vault.certificates.clear()
    return vault


@pytest.fixture
def in_vault(run_module, payroll, server, vault):
    def make(module, check=False, **options):
        location = f"{server.url}/certificates/payroll"
        quick = {} if module is info else QUICK
        return run_module(module, check, **{"app_id": payroll.app_id, "key_store": location, **quick, **options})

    return make


def steps(found):
    return [step["step"] for step in found["steps"]]


def test_a_vault_is_renewed_reported_and_verified(in_vault, vault, server):
    planned, done = in_vault(renew, check=True), in_vault(renew)

    assert steps(planned) == steps(done) == ["generate", "register", "prove", "promote"]
    (version,) = vault.certificate("payroll").versions
    assert done["certificate"]["path"] == f"{server.url}/certificates/payroll/{version.id}"
    assert done["certificate"]["stage"] == "current" and done["proof"] == "directory+sign_in"
    assert not in_vault(renew)["changed"]
    (told,) = in_vault(info, history=3)["applications"]
    assert told["status"] == "healthy" and [event["event"] for event in told["history"]][-1] == "promoted"
    assert in_vault(verify)["verified"]


@pytest.mark.parametrize("csr", [{}, {"csr": True, "stop_after": "generated"}])
def test_a_name_that_nobody_gave_is_no_reason_to_fail(in_vault, tenant, csr):
    named = tenant.add_application(f"env=prod, {'payroll ' * 12}", [tenant.issue("short", -170, 10)])

    done = in_vault(renew, app_id=named.app_id, sign_ins=1, **csr)

    assert done["changed"] and not done.get("failed")


def test_what_auto_renew_made_is_reported_before_it_is_repaired(in_vault, vault, tenant):
    in_vault(renew)
    made = vault.auto_renew("payroll")
    made.created += 1  # the same second as the first one, else

    (told,) = in_vault(info)["applications"]
    assert [finding["reason"] for finding in told["findings"]] == ["unregistered"]
    assert made.id in told["findings"][0]["message"]
    done = in_vault(renew)
    assert done["finding"] == "unregistered" and done["certificate"]["thumbprint"] == made.pair.thumbprint


def test_a_request_for_an_authority_comes_from_the_vault_and_its_certificate_goes_back(in_vault, vault):
    authority, asked = Authority(), {"csr": True, "stop_after": "generated", "subject": "CN=payroll,O=Example"}

    planned = in_vault(renew, check=True, **asked)
    assert planned["changed"] and planned["csr"] is None and vault.certificate("payroll") is None
    first, again = in_vault(renew, **asked), in_vault(renew, **asked)
    assert first["changed"] and steps(first) == ["generate"]
    assert not again["changed"] and again["csr"] == first["csr"]
    assert "waits for a certificate from an authority" in in_vault(renew)["msg"]
    stranger = authority.for_key(authority.key.public_key())
    assert "has another public key" in in_vault(renew, certificate_content=stranger)["msg"]

    signed = authority.sign(first["csr"])
    planned = in_vault(renew, check=True, certificate_content=signed)
    done = in_vault(renew, certificate_content=signed)

    assert planned["certificate"]["thumbprint"] == done["certificate"]["thumbprint"]
    assert done["certificate"]["stage"] == "current"
    (version,) = vault.certificate("payroll").versions
    held = [x509.load_der_x509_certificate(der) for der in (version.pair.der, *version.chain)]
    assert held[0].subject.rfc4514_string() == "CN=payroll,O=Example"
    assert held[1:] == [authority.intermediate, authority.root]
    assert not in_vault(renew, certificate_content=signed)["changed"]


def test_a_certificate_without_a_waiting_key_says_what_to_give(in_vault, server):
    certificate = Authority().for_key(Authority().key.public_key())

    failed = in_vault(renew, certificate_content=certificate)

    assert f"which leaves a key in {server.url}/certificates/payroll." in failed["msg"]


def test_everything_that_does_not_go_with_a_vault_is_told_at_once(in_vault):
    failed = in_vault(
        renew, group="root", pfx_passphrase="for consumers", validity=20, renew_before=3, auth_source="key_store"
    )

    words = [problem.split(" ")[0] for problem in failed["problems"]]
    assert words == ["pfx_passphrase", "group", "auth_source", "validity"]


def test_a_renewal_in_a_vault_may_be_cut_at_any_wait(in_vault, vault):
    vault.seconds_to_make = 1
    try:
        found, waited_for = in_vault(renew, _waiting={"slice": 0.1}, initial_pause=1), []
        while "_waiting" in found:
            waited_for.append(found["_waiting"]["what"])
            time.sleep(min(1.0, found["_waiting"]["seconds"]))
            carry = json.loads(json.dumps(found["_waiting"]["carry"]))
            found = in_vault(renew, _waiting={"slice": 0.1, "carry": carry}, initial_pause=1)
    finally:
        vault.seconds_to_make = 0.0

    assert any("Key Vault to make a version" in what for what in waited_for)
    assert (
        steps(found) == ["generate", "register", "prove", "promote"] and len(vault.certificate("payroll").versions) == 1
    )
