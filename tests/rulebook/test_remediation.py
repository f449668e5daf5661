# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a certificate that ends soon to a proven new one, by the collection's rulebook alone."""

from __future__ import annotations

import pytest


def test_ansible_is_not_in_the_environment_of_the_source(python):
    find = (
        "import importlib.util; print(importlib.util.find_spec('ansible') or importlib.util.find_spec('ansible_core'))"
    )

    assert python(find) == "None"


def test_a_certificate_that_ends_soon_is_renewed_once_and_an_outage_ends_nothing(rulebook, tenant, secret, tmp_path):
    running = rulebook(entra_interval=1)
    current = tmp_path / "stores" / "payroll" / "current"
    running.until(current.is_symlink, "the renewal")
    running.until_said("PLAY RECAP")
    made = current.resolve().name
    assert made in tenant.oracle.registered("payroll").values()
    assert tenant.oracle.sign_in("payroll", made).primary

    tenant.faults.add("error", match="token", status=401, error="invalid_client", code=7000222, times=None)
    running.until_said("'kind': 'unreachable'")
    tenant.faults.clear()
    running.until_said("'kind': 'reachable'")
    running.end()

    assert running.said.count("PLAY RECAP") == 1
    assert not (tmp_path / "stores" / "mailer").exists()
    assert secret not in running.said


@pytest.mark.parametrize("variables", [{"entra_interval": 0, "entra_tenant_id": "x y"}])
def test_everything_wrong_is_named_at_the_start(rulebook, variables):
    running = rulebook(**variables)
    running.process.wait(timeout=180)

    assert running.process.returncode
    for word in ("interval must be", "tenant_id must be a GUID or a domain"):
        assert word in running.said
