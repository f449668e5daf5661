# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 7.1: resource units, the 150 reads of keys per minute, and the headers of a 429."""

from __future__ import annotations

import pytest
from adapter.client import Client, Graph, code
from emulator.throttling import resource_units


@pytest.mark.parametrize(
    ("operation", "method", "query", "units"),
    [
        ("list_applications", "GET", {}, 2),
        ("list_applications", "GET", {"$select": "id"}, 1),
        ("list_applications", "GET", {"$select": "id", "$top": "10"}, 1),
        ("list_applications", "GET", {"$expand": "owners"}, 3),
        ("list_applications", "GET", {"$top": "999"}, 2),
        ("get_application", "GET", {}, 1),
        ("get_service_principal", "GET", {}, 1),
        ("get_app_role_assignments", "GET", {}, 2),
        ("patch_application", "PATCH", {}, 1),
    ],
)
def test_a_request_costs_what_the_table_says_and_never_less_than_one(operation, method, query, units):
    assert resource_units(operation, method, query) == units


def test_the_cost_is_in_a_header_of_every_answer(manager):
    assert manager.get("/applications").headers["x-ms-resource-unit"] == "2"
    assert manager.get("/applications?$select=id").headers["x-ms-resource-unit"] == "1"


@pytest.fixture
def many(emulator, manager):
    """Graph without an observer: these requests are many and alike."""
    return Graph(Client(emulator), manager.token)


def test_nothing_is_throttled_unless_switched_on(many, payroll):
    path = f"/applications/{payroll.object_id}?$select=keyCredentials"

    assert {many.get(path).status_code for _read in range(160)} == {200}


def test_the_151st_read_of_keys_in_a_minute_is_refused(tenant, manager, many, payroll):
    tenant.throttle.enabled = True
    path = f"/applications/{payroll.object_id}?$select=keyCredentials"
    answers = [many.get(path) for _read in range(151)]

    refused = answers[-1]
    other = manager.get(f"/applications/{payroll.object_id}").status_code
    tenant.clock.advance(int(refused.headers["Retry-After"]))

    assert [one.status_code for one in answers] == [200] * 150 + [429]
    assert code(refused) == "TooManyRequests"
    assert refused.headers["x-ms-throttle-scope"].startswith("Tenant/Read/")
    assert refused.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    assert other == 200
    assert manager.get(path).status_code == 200


def test_lists_that_select_keys_count_as_well(tenant, manager):
    tenant.throttle.enabled = True
    tenant.throttle.limits["keys"] = (1, 60)

    statuses = [manager.get("/applications?$select=id,keyCredentials").status_code for _read in range(2)]

    assert statuses == [200, 429]


def test_the_share_of_the_limit_is_shown_above_four_fifths(tenant, manager):
    tenant.throttle.enabled = True
    tenant.throttle.limits["units"] = (10, 10)

    shares = [manager.get("/applications").headers.get("x-ms-throttle-limit-percentage") for _read in range(6)]

    assert shares == [None, None, None, None, "1.0", None]


def test_writes_have_a_limit_of_their_own(tenant, manager, payroll):
    tenant.throttle.enabled = True
    tenant.throttle.limits["writes"] = (1, 150)
    path = f"/applications/{payroll.object_id}"

    answers = [manager.patch(path, {"notes": "x"}) for _write in range(2)]

    assert [one.status_code for one in answers] == [204, 429]
    assert answers[1].headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert "/Write/" in answers[1].headers["x-ms-throttle-scope"]
    assert manager.get(path).status_code == 200
