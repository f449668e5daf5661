# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renewals in which nothing goes wrong: by whom, how, at what cost, and what they leave alone."""

from __future__ import annotations

WHOLE = ["generate", "register", "prove", "promote", "retire"]


def test_an_administrator_renews_by_add_key_within_12_requests(adopted):
    result = adopted.renew(overlap=0)

    assert result.steps == WHOLE
    assert result.finding == "near_expiry"
    assert result.proof == "directory+sign_in"
    assert "add_key" in result.operations and "remove_key" in result.operations
    assert "patch_application" not in result.operations
    assert adopted.registered == [adopted.current] == adopted.made
    assert result.requests <= 12, result.operations


def test_an_administrator_renews_by_update_within_14_requests(adopted):
    result = adopted.renew(overlap=0, add_method="update")

    assert result.steps == WHOLE
    assert "add_key" not in result.operations
    assert adopted.registered == [adopted.current] == adopted.made
    assert result.requests <= 14, result.operations


def test_an_application_without_any_permission_renews_itself(world):
    world.adopt(**world.as_itself)
    world.settle()
    result = world.renew(overlap=7, **world.as_itself)

    assert result.steps == WHOLE[:4]
    assert result.proof == "sign_in"
    assert world.current == world.made[0]
    assert len(world.registered) == 2
    assert result.requests <= 12, result.operations


def test_an_application_that_renews_itself_retires_what_it_registered_itself(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(overlap=0, **world.as_itself)
    world.settle()
    result = world.renew(overlap=0, force=True, **world.as_itself)

    assert result.steps == WHOLE
    assert world.current == world.made[1]
    assert world.made[0] not in world.registered


def test_a_second_run_changes_nothing(adopted):
    adopted.renew(overlap=0)
    adopted.settle()
    before = adopted.credentials
    result = adopted.renew(overlap=0)

    assert not result.changed and result.steps == [] and result.finding is None
    assert adopted.credentials == before and len(adopted.made) == 1
