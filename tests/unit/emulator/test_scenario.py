# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scenario files: a tenant written down, the demo's and a generated one."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from emulator import scenario

DEMO = Path(__file__).resolve().parents[2] / "emulator" / "scenarios" / "demo.yml"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    return scenario.build(scenario.read(DEMO), keys_directory=directory), directory


def state_of(tenant, name):
    now = tenant.clock.now()
    entries = tenant.application(name).key_credentials
    return [(entry.ends - now).days for entry in entries if entry.is_for_sign_in()]


def test_the_demo_has_an_application_in_every_state(demo):
    tenant, _directory = demo

    assert state_of(tenant, "badge-printer") == []
    assert state_of(tenant, "invoice-mailer")[0] < 0
    assert 0 <= state_of(tenant, "payroll-sync")[0] < 30
    assert state_of(tenant, "orders-api")[0] > 30
    assert tenant.application("archive-export").key_credentials[0].begins > tenant.clock.now()
    assert tenant.application("hr-portal").key_credentials[0].custom_key_identifier == "Q049aHItcG9ydGFs"
    vault = tenant.application("document-vault")
    assert vault.token_encryption_key_id == vault.key_credentials[1].key_id
    assert [entry.usage for entry in tenant.application("saml-bridge").key_credentials] == ["Verify", "Sign", "Verify"]


def test_the_mark_of_token_encryption_stays_with_its_certificate():
    certificates = [{"registered": False}, {"token_encryption": True, "key_id": "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11"}]
    tenant = scenario.build({"applications": [{"name": "vault", "certificates": certificates}]})

    assert tenant.application("vault").token_encryption_key_id == "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11"


def test_local_keys_lie_in_private_files_that_hold_key_and_certificate(demo):
    tenant, directory = demo
    path = directory / "payroll-sync.pem"

    certificate = x509.load_pem_x509_certificate(path.read_bytes())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "BEGIN PRIVATE KEY" in path.read_text()
    assert certificate == tenant.application("payroll-sync").key_credentials[0].certificate.parsed
    assert not (directory / "crm-connector.pem").exists()


def test_a_rotation_that_was_reported_and_not_applied_left_a_key_that_entra_does_not_know(demo):
    tenant, directory = demo
    claimed = x509.load_pem_x509_certificate((directory / "ledger-sync.2.pem").read_bytes())

    registered = [entry.certificate.parsed for entry in tenant.application("ledger-sync").key_credentials]

    assert claimed not in registered
    assert x509.load_pem_x509_certificate((directory / "ledger-sync.pem").read_bytes()) in registered


def test_the_identities_have_their_permissions_and_the_applications_have_none(demo):
    tenant, _directory = demo
    names = {name: tenant.service_principal(name) for name in ("manager", "reader", "payroll-sync")}

    granted = {name: {tenant.graph.role_value(one.app_role_id) for one in sp.assignments} for name, sp in names.items()}

    assert granted["reader"] == {"Application.Read.All"}
    assert "Application.ReadWrite.All" in granted["manager"]
    assert granted["payroll-sync"] == set()


def test_lag_switches_policy_and_faults_are_set(tmp_path):
    path = tmp_path / "scenario.json"
    description = {
        "tenant": {"domain": "fabrikam.com"},
        "lag": {"reads": [0, 5], "after_sign_ins": 2},
        "switches": {"loop_detection": True},
        "throttle": {"writes": [5, 150]},
        "policy": {"max_lifetime": "P90D"},
        "faults": [{"kind": "not_applied", "match": ["add_key", "patch_application"], "application": "one"}],
        "applications": [
            {"name": "one", "soft_deleted": True},
            {"name": "two", "enabled": False, "conditional_access": True, "max_lifetime": "P10D"},
            {"name": "ec", "certificates": [{"algorithm": "ec"}]},
        ],
    }
    path.write_text(json.dumps(description))

    tenant = scenario.build(scenario.read(path))

    assert tenant.domain == "fabrikam.com"
    assert len(tenant.reads.lags) == 2
    assert tenant.sign_ins.lags[0].reads == 2
    assert tenant.switches.loop_detection
    assert tenant.throttle.enabled
    assert tenant.default_policy.max_lifetime == "P90D"
    assert [fault.kind for fault in tenant.faults.waiting] == ["not_applied"]
    assert tenant.application("one").deleted
    assert not tenant.service_principal("two").enabled
    assert tenant.application("two").app_id in tenant.conditional_access
    assert tenant.application("two").policy.max_lifetime == "P10D"
    assert tenant.application("manager").password_credentials


def test_a_misspelt_key_is_an_error(tmp_path):
    path = tmp_path / "scenario.yml"
    path.write_text("aplications: []\n")

    with pytest.raises(ValueError, match="unknown keys aplications"):
        scenario.read(path)


def test_ten_thousand_applications_are_the_same_for_the_same_seed():
    first = scenario.build({"generate": 10_000, "seed": 3})
    second = scenario.build({"generate": 10, "seed": 3})

    generated = [one.primary for one in first.directory.applications.values()][2:]
    assert len(generated) == 10_000
    assert len({one.app_id for one in generated}) == 10_000
    assert generated[9].app_id == second.application("generated-00009").app_id
