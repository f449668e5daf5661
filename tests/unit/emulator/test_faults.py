# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on demand: each kind does what its name says, at the request that was asked for."""

from __future__ import annotations

import pytest
import requests
from adapter.client import code, entry_for
from emulator.tenant import Tenant


@pytest.fixture
def patch(manager, payroll, successor):
    """One PATCH that replaces payroll's certificate by the successor."""

    def send():
        return manager.patch(f"/applications/{payroll.object_id}", {"keyCredentials": [entry_for(successor)]})

    return send


def is_renewed(tenant, payroll, successor):
    return list(tenant.oracle.registered(payroll).values()) == [successor.thumbprint]


def test_not_applied_acknowledges_a_write_that_never_happens(tenant, patch, payroll, successor):
    tenant.faults.add("not_applied", match="patch_application")

    assert patch().status_code == 204
    assert not is_renewed(tenant, payroll, successor)
    assert patch().status_code == 204
    assert is_renewed(tenant, payroll, successor)


def test_not_applied_strikes_add_key_too(tenant, client, payroll, key_pair, successor):
    tenant.faults.add("not_applied", match="add_key")
    graph = client.graph(payroll, key_pair)

    answer = graph.add_key(payroll, successor, client.proof(payroll, key_pair))

    assert answer.status_code == 200
    assert answer.json()["keyId"] not in tenant.oracle.registered(payroll)


def test_a_lost_reply_leaves_the_write_applied(tenant, patch, payroll, successor):
    tenant.faults.add("lost_reply", match="patch_application")

    with pytest.raises(requests.ConnectionError):
        patch()

    assert is_renewed(tenant, payroll, successor)


def test_no_reply_leaves_the_write_undone(tenant, patch, payroll, successor):
    tenant.faults.add("no_reply", match="patch_application")

    with pytest.raises(requests.ConnectionError):
        patch()

    assert not is_renewed(tenant, payroll, successor)


@pytest.mark.parametrize("kind", ["no_reply", "lost_reply"])
def test_a_long_silence_is_a_read_timeout(tenant, patch, kind):
    tenant.faults.add(kind, match="patch_application", seconds=60)
    before = tenant.clock.elapsed()

    with pytest.raises(requests.ReadTimeout):
        patch()

    assert tenant.clock.elapsed() == before + 10, "the client waits as long as its own timeout"


@pytest.mark.parametrize("applied", [False, True])
def test_a_reset_connection_is_a_connection_error(tenant, patch, payroll, successor, applied):
    tenant.faults.add("reset", match="patch_application", applied=applied)

    with pytest.raises(requests.ConnectionError):
        patch()

    assert is_renewed(tenant, payroll, successor) is applied


def test_a_write_may_be_reverted_later_without_losing_what_came_after(tenant, patch, payroll, successor, key_pair):
    tenant.faults.add("reverted", match="patch_application", seconds=30)
    patch()
    foreign = tenant.add_credential(payroll, tenant.issue("foreign", -1, 90))

    before = is_there(tenant, payroll, successor)
    tenant.clock.advance(31)
    tenant.run_due()

    assert before
    assert set(tenant.oracle.registered(payroll).values()) == {key_pair.thumbprint, foreign.certificate.thumbprint}


def test_a_removal_that_never_happened_leaves_nothing_to_revert(tenant, manager, payroll, key_pair):
    tenant.faults.add("reverted", match="patch_application", seconds=5)
    tenant.faults.add("not_applied", match="patch_application")

    manager.patch(f"/applications/{payroll.object_id}", {"keyCredentials": []})
    tenant.clock.advance(6)
    tenant.run_due()

    assert list(tenant.oracle.registered(payroll).values()) == [key_pair.thumbprint]
    assert len(tenant.application(payroll).key_credentials) == 1


def test_a_write_may_land_on_the_service_principal(tenant, patch, payroll, successor):
    tenant.faults.add("misdirected", match="patch_application")

    answer = patch()

    assert answer.status_code == 204 and not is_there(tenant, payroll, successor)
    [entry] = tenant.service_principal(payroll).key_credentials
    assert entry.certificate.thumbprint == successor.thumbprint


def test_a_write_may_land_on_another_application(tenant, patch, payroll, successor):
    other = tenant.add_application("other")
    tenant.faults.add("misdirected", match="patch_application", to="other")

    patch()

    assert not is_there(tenant, payroll, successor) and is_there(tenant, other, successor)


def test_a_write_may_land_in_another_tenant_with_the_same_application(tenant, emulator, patch, payroll, successor):
    elsewhere = Tenant(clock=tenant.clock)
    emulator.tenants[elsewhere.id] = elsewhere
    elsewhere.add_application("payroll", app_id=payroll.app_id)
    tenant.faults.add("misdirected", match="patch_application", to=elsewhere.id)

    patch()

    assert not is_there(tenant, payroll, successor) and is_there(elsewhere, payroll.app_id, successor)


def is_there(tenant, payroll, pair):
    return pair.thumbprint in tenant.oracle.registered(payroll).values()


@pytest.mark.parametrize("status", [409, 429, 500, 503, 504])
@pytest.mark.parametrize("applied", [False, True])
def test_an_error_may_or_may_not_have_been_applied(tenant, patch, payroll, successor, status, applied):
    tenant.faults.add("error", match="patch_application", status=status, applied=applied, retry_after=7)

    answer = patch()

    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    assert is_renewed(tenant, payroll, successor) is applied


def test_a_conflict_has_the_code_of_the_service_and_no_retry_after_of_its_own(tenant, patch):
    tenant.faults.add("error", match="patch_application", status=409)

    answer = patch()

    assert code(answer) == "Directory_ConcurrencyViolation"
    assert "Retry-After" not in answer.headers


def test_an_error_at_the_token_endpoint_has_its_shape(tenant, client, payroll, key_pair):
    tenant.faults.add("error", match="token", status=400, code=53003, error="invalid_grant", message="Blocked.")
    tenant.faults.add("error", match="token", status=503, skip=1)

    first, second = client.sign_in(payroll, key_pair), client.sign_in(payroll, key_pair)

    assert (first.status_code, code(first), first.json()["error"]) == (400, 53003, "invalid_grant")
    assert (second.status_code, code(second)) == (503, 90033)


def test_a_fault_waits_for_its_turn_and_strikes_so_many_times(tenant, client, payroll, key_pair):
    tenant.faults.add("error", match=["token"], skip=1, times=2)

    assert [client.sign_in(payroll, key_pair).status_code for _attempt in range(4)] == [200, 503, 503, 200]


def test_a_fault_without_times_strikes_until_it_is_cleared(tenant, client, payroll, key_pair):
    tenant.faults.add("error", times=None)
    struck = [client.sign_in(payroll, key_pair).status_code for _attempt in range(3)]
    tenant.faults.clear()

    assert struck == [503] * 3
    assert client.sign_in(payroll, key_pair).status_code == 200


def test_a_fault_may_concern_one_application_only(tenant, client, payroll, key_pair, manager):
    other = tenant.add_application("other", secret="s")
    tenant.faults.add("error", application="payroll", times=None)

    assert client.sign_in(other, secret="s").status_code == 200
    assert client.sign_in(payroll, key_pair).status_code == 503
    assert manager.get(f"/applications(appId='{payroll.app_id}')").status_code == 503
    assert manager.get(f"/applications/{other.object_id}").status_code == 200


def test_a_slow_reply_takes_its_time(tenant, client, payroll, key_pair):
    tenant.faults.add("slow", match="token", seconds=5)
    before = tenant.clock.elapsed()

    assert client.sign_in(payroll, key_pair).status_code == 200
    assert tenant.clock.elapsed() == before + 5


def test_a_concurrent_writer_comes_just_before_or_just_after(tenant, patch, payroll, successor):
    for when in ("before", "after"):
        tenant.faults.add(
            "change",
            match="patch_application",
            when=when,
            action="add_credential",
            arguments={"application": "payroll"},
        )

    patch()

    registered = list(tenant.oracle.registered(payroll).values())
    assert registered[0] == successor.thumbprint, "what came before is lost with the replaced collection"
    assert len(registered) == 2, "what came after is there"


def test_an_application_may_be_disabled_at_the_second_sign_in(tenant, client, payroll, key_pair):
    tenant.faults.add("change", match="token", skip=1, action="disable", arguments={"application": payroll.app_id})

    first, second = client.sign_in(payroll, key_pair), client.sign_in(payroll, key_pair)

    assert (first.status_code, code(second)) == (200, 7000112)


def test_a_change_by_someone_else_survives_a_write_that_is_not_applied(tenant, patch, payroll, successor):
    tenant.faults.add(
        "change", match="patch_application", action="add_credential", arguments={"application": "payroll"}
    )
    tenant.faults.add("not_applied", match="patch_application")

    patch()

    assert len(tenant.oracle.registered(payroll)) == 2
    assert not is_there(tenant, payroll, successor)


@pytest.mark.parametrize("status", [200, 502])
def test_a_proxy_may_answer_with_a_page_of_its_own(tenant, client, payroll, key_pair, status):
    tenant.faults.add("html", match="token", status=status)

    answer = client.sign_in(payroll, key_pair)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")


def test_an_unknown_kind_is_an_error(tenant):
    with pytest.raises(ValueError, match=r"Unknown fault kind 'explode'\. Known: change, date, denied, error"):
        tenant.faults.add("explode")


def test_an_answer_may_lie_about_the_time_once(tenant, client, payroll, key_pair):
    tenant.faults.add("date", match="token", seconds=-7200)

    lying, honest = (client.sign_in(payroll, key_pair).headers["Date"] for _answer in range(2))

    assert (lying, honest) == ("Sun, 22 Nov 2026 08:00:00 GMT", "Sun, 22 Nov 2026 10:00:00 GMT")


def test_a_removal_may_take_effect_and_be_answered_that_there_was_nothing(tenant, client, payroll, key_pair):
    graph, key_id = client.graph(payroll, key_pair), payroll.key_credentials[0].key_id
    tenant.faults.add("denied", match="remove_key")

    answer = graph.remove_key(payroll, key_id, client.proof(payroll, key_pair))

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "No credentials found to be removed.")
    assert tenant.oracle.registered(payroll) == {}


def test_one_item_of_a_batch_may_be_throttled_by_itself(tenant, manager):
    paths = ("/policies/defaultAppManagementPolicy", "/organization")
    tenant.faults.add("error", match="batch_item", status=429, retry_after=0.249)
    requests = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]

    whole = manager.post("/$batch", {"requests": requests})
    alone = manager.get(paths[0])

    first, second = whole.json()["responses"]
    assert (whole.status_code, first["status"], first["headers"]["Retry-After"]) == (200, 429, "0.249")
    assert second["status"] != 429 and alone.status_code != 429
