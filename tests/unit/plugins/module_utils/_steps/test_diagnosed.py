# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals whose cause lies in what is on the application, and refusals that are final although others like it pass."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused


def test_entries_that_have_expired_are_named_when_graph_refuses_dates(world):
    world.tenant.switches.set(expired_entry_refuses_patch=True)
    ended = world.tenant.add_credential(world.payroll, world.tenant.issue("old one", -400, -35))

    with pytest.raises(GraphRefused) as refused:
        world.certificate(world.tenant.issue("given", 0, 60))

    assert refused.value.diagnosis.code == "dates_refused"
    assert f"key ID {ended.key_id}, until 2026-10-18" in refused.value.message
    assert refused.value.message.count("key ID") == 1


def test_without_an_expired_entry_the_new_dates_are_named_as_the_cause(world):
    refused = {"status": 400, "code": "KeyCredentialsInvalidEndDate"}
    world.tenant.faults.add("error", match="patch_application", times=2, **refused)  # once is met for right dates

    with pytest.raises(GraphRefused, match="No entry of application payroll has expired"):
        world.certificate(world.tenant.issue("given", 0, 60))


def test_a_conflict_that_waiting_cannot_solve_is_not_sent_again(world):
    world.tenant.faults.add(
        "error", match="patch_application", status=409, code="Request_MultipleObjectsWithSameKeyValue", times=None
    )

    with pytest.raises(GraphRefused) as of_certificate:
        world.certificate(world.tenant.issue("given", 0, 60))
    of_renewal = world.refused(add_method="update")

    assert of_certificate.value.diagnosis.code == of_renewal.diagnosis.code == "conflict"
    assert world.operations().count("patch_application") == 2
