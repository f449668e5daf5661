# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 7.2: $batch."""

from __future__ import annotations

import pytest
from adapter.client import code


def get(number, url, **more):
    return {"id": str(number), "method": "GET", "url": url, **more}


@pytest.fixture
def batch(manager):
    def send(*requests):
        return manager.post("/$batch", {"requests": list(requests)})

    return send


def by_id(answer):
    return {one["id"]: one for one in answer.json()["responses"]}


def test_each_request_is_answered_by_itself(batch, payroll):
    answer = batch(
        get(1, f"/applications/{payroll.object_id}?$select=id,keyCredentials"),
        get(2, "applications/none"),
        get(3, "organization"),
    )

    parts = by_id(answer)
    assert {name: part["status"] for name, part in parts.items()} == {"1": 200, "2": 404, "3": 200}
    assert parts["1"]["body"]["keyCredentials"][0]["key"]
    assert parts["2"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert parts["1"]["headers"]["x-ms-resource-unit"] == "1"


def test_a_write_in_a_batch_is_applied(batch, tenant, payroll):
    part = {
        "id": "1",
        "method": "PATCH",
        "url": f"/applications/{payroll.object_id}",
        "headers": {"Content-Type": "application/json"},
        "body": {"keyCredentials": []},
    }

    assert by_id(batch(part))["1"]["status"] == 204
    assert tenant.oracle.registered(payroll) == {}


def test_a_request_is_skipped_when_the_one_it_depends_on_fails(batch, payroll):
    answer = batch(get(1, "applications/none"), get(2, f"applications/{payroll.object_id}", dependsOn=["1"]))

    assert by_id(answer)["2"]["status"] == 424


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [get(number, "organization") for number in range(21)],
        [get(1, "organization"), get(1, "organization")],
        [{"method": "GET", "url": "organization"}],
        [{"id": "1", "method": "GET"}],
        [get(1, "organization", dependsOn=["2"])],
        [{"id": "1", "method": "POST", "url": "servicePrincipals", "body": {}}],
        ["text"],
    ],
    ids=["empty", "too many", "same id", "no id", "no url", "unknown dependency", "no content type", "no object"],
)
def test_a_malformed_batch_is_refused_whole(batch, requests):
    answer = batch(*requests)

    assert (answer.status_code, code(answer)) == (400, "Request_BadRequest")


def test_parts_count_one_by_one_against_every_limit(batch, tenant, payroll):
    tenant.throttle.enabled = True
    tenant.throttle.limits["keys"] = (2, 60)
    url = f"applications/{payroll.object_id}?$select=keyCredentials"

    parts = by_id(batch(*(get(number, url) for number in range(3))))

    assert [part["status"] for part in parts.values()] == [200, 200, 429]
    assert parts["2"]["headers"]["Retry-After"]


def test_a_fault_strikes_the_part_that_it_matches(batch, tenant, payroll):
    tenant.faults.add("error", match="get_application", status=503)

    parts = by_id(batch(get(1, "organization"), get(2, f"applications/{payroll.object_id}")))

    assert [part["status"] for part in parts.values()] == [200, 503]


def test_a_batch_without_token_is_401(client):
    assert client.session.post("https://graph.microsoft.com/v1.0/$batch", json={"requests": []}).status_code == 401
