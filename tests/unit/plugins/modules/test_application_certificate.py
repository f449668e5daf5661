# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.modules import application_certificate as module


@pytest.fixture
def keep(run_module, payroll):
    return lambda check=False, **options: run_module(module, check, **{"app_id": payroll.app_id, **options})


def shown(found, when="after"):
    return [entry["thumbprint"] for entry in found["diff"][when]["key_credentials"]]


def test_a_certificate_is_added_once_and_a_check_foretells_it(keep, tenant, old, public_of):
    new = tenant.issue("new")
    options = {"certificate_content": public_of(new), "credential_name": "ours"}

    planned, done, again = keep(check=True, **options), keep(**options), keep(**options)

    assert (planned["changed"], planned["key_id"]) == (True, "(generated)")
    assert (done["changed"], again["changed"]) == (True, False)
    assert shown(planned) == shown(done) == [old.thumbprint, new.thumbprint]
    assert again["key_id"] == done["key_id"]


def test_a_certificate_is_removed_by_any_of_its_names_and_a_check_foretells_it(keep, old):
    options = {"state": "absent", "thumbprint": old.thumbprint.lower()}

    planned, done, again = keep(check=True, **options), keep(**options), keep(**options)

    assert (planned["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert planned["key_id"] == done["key_id"]
    assert shown(planned) == shown(done) == []
    assert shown(done, "before") == [old.thumbprint]


def test_absent_by_certificate_or_key_id(keep, old, tenant, payroll, public_of):
    key_id = tenant.application(payroll).key_credentials[0].key_id

    assert keep(check=True, state="absent", certificate_content=public_of(old))["key_id"] == key_id
    assert keep(check=True, state="absent", key_id=key_id)["changed"] is True


def test_a_private_key_is_refused(keep, old, pem_of):
    assert "holds a private key, which must stay secret" in keep(certificate_path=pem_of(old))["msg"]


def test_nothing_named_is_refused(keep):
    assert keep()["problems"] == [
        "state present needs exactly one of certificate_content and certificate_path, and no other selector."
    ]
