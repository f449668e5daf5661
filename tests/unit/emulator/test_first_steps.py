# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life of a certificate, once: what everything else builds on."""

from __future__ import annotations

from adapter.client import entry_for


def test_a_certificate_is_renewed_with_add_key_and_the_old_one_removed(tenant, client):
    old, new = tenant.issue("payroll", -100, 20), tenant.issue("payroll", 0, 180)
    payroll = tenant.add_application("payroll", [old])
    graph = client.graph(payroll, old)

    added = graph.add_key(payroll, new, client.proof(payroll, old))
    accepted = client.sign_in(payroll, new)
    tenant.clock.advance(300)  # the new key is not good for proofs at once
    removed = graph.remove_key(
        payroll, tenant.application("payroll").key_credentials[0].key_id, client.proof(payroll, new)
    )
    refused = client.sign_in(payroll, old)

    assert (added.status_code, accepted.status_code, removed.status_code) == (200, 200, 204)
    assert refused.json()["error_codes"] == [700027]
    assert tenant.oracle.registered(payroll) == {added.json()["keyId"]: new.thumbprint}


def test_a_certificate_is_added_with_patch_beside_the_one_that_was_read(tenant, client, manager):
    old, new = tenant.issue("payroll", -100, 20), tenant.issue("payroll", 0, 180)
    payroll = tenant.add_application("payroll", [old])

    entries = manager.get(f"/applications/{payroll.object_id}").json()["keyCredentials"]
    answer = manager.patch(f"/applications(appId='{payroll.app_id}')", {"keyCredentials": [*entries, entry_for(new)]})

    assert answer.status_code == 204
    assert set(tenant.oracle.registered(payroll).values()) == {old.thumbprint, new.thumbprint}
    assert tenant.oracle.can_sign_in(payroll, new)
