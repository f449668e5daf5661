# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 6: a write is seen late, by reads and by the token service separately."""

from __future__ import annotations

import pytest
from adapter.client import entry_for


@pytest.fixture
def add(manager, payroll):
    def patch(pair):
        path = f"/applications/{payroll.object_id}"
        return manager.patch(path, {"keyCredentials": [entry_for(pair)]}).status_code

    return patch


def seen(manager, payroll, times):
    """How many entries each of so many reads shows, with the newest first entry's name."""
    path = f"/applications/{payroll.object_id}?$select=keyCredentials"
    return [manager.get(path).json()["keyCredentials"][0]["customKeyIdentifier"] for _read in range(times)]


def test_answers_flap_until_the_slowest_replica_has_caught_up(tenant, manager, payroll, add, key_pair, successor):
    old, new = key_pair.thumbprint, successor.thumbprint
    tenant.reads.lag(seconds=[0, 5, 10])
    add(successor)

    at_once = seen(manager, payroll, 3)
    tenant.clock.advance(6)
    later = seen(manager, payroll, 3)
    tenant.clock.advance(5)

    assert at_once == [new, old, old]
    assert later == [new, new, old]
    assert seen(manager, payroll, 3) == [new, new, new]


def test_a_write_may_be_seen_after_so_many_reads(tenant, manager, payroll, add, key_pair, successor):
    tenant.reads.lag(after_reads=2)
    add(successor)

    assert seen(manager, payroll, 3) == [key_pair.thumbprint] * 2 + [successor.thumbprint]


def test_the_token_service_lags_on_its_own(tenant, client, manager, payroll, add, successor):
    tenant.sign_ins.lag(seconds=[0, 30])
    add(successor)

    answers = [client.sign_in(payroll, successor).status_code for _attempt in range(4)]

    assert answers == [200, 401, 200, 401]
    assert seen(manager, payroll, 2) == [successor.thumbprint] * 2
    assert not tenant.oracle.can_sign_in(payroll, successor)


def test_one_replica_may_answer_for_a_while(tenant, client, payroll, add, successor):
    tenant.sign_ins.lag(seconds=[0, 1e6], order="random", stick=60)
    add(successor)

    minutes = []
    for _minute in range(20):
        minutes.append({client.sign_in(payroll, successor).status_code for _attempt in range(3)})
        tenant.clock.advance(60)

    assert {200} in minutes and {401} in minutes
    assert {200, 401} not in minutes


def test_a_removed_key_signs_in_until_the_token_service_has_heard(tenant, client, payroll, key_pair, add, successor):
    tenant.sign_ins.lag(seconds=30)
    add(successor)

    early = client.sign_in(payroll, key_pair).status_code
    tenant.clock.advance(30)

    assert (early, client.sign_in(payroll, key_pair).status_code) == (200, 401)


def test_a_new_object_is_not_found_at_first(tenant, manager):
    lonely = tenant.add_application("lonely", service_principal=False)
    tenant.reads.lag(seconds=10)
    made = manager.post("/servicePrincipals", {"appId": lonely.app_id}).json()

    early = manager.get(f"/servicePrincipals/{made['id']}").status_code
    tenant.clock.advance(10)

    assert (early, manager.get(f"/servicePrincipals/{made['id']}").status_code) == (404, 200)


def test_a_patch_is_held_against_the_primary_and_not_against_what_was_read(tenant, manager, payroll, successor):
    """2.3: the reason why read-modify-write can lose another writer's entry."""
    tenant.reads.lag(seconds=60)
    path = f"/applications/{payroll.object_id}"
    foreign = tenant.add_credential(payroll, tenant.issue("foreign", -1, 90))
    stale = manager.get(path).json()["keyCredentials"]

    manager.patch(path, {"keyCredentials": [*stale, entry_for(successor)]})

    assert foreign.key_id not in tenant.oracle.registered(payroll)


def test_a_random_order_is_the_same_for_the_same_seed():
    from emulator.clock import Clock
    from emulator.replicas import Replicas

    def lags(seed):
        replicas = Replicas("reads", Clock(), seed)
        replicas.lag(seconds=[0, 1, 2], order="random")
        return [replicas.next().lag.seconds for _turn in range(20)]

    assert lags(7) == lags(7) != lags(8)


def test_the_oracle_sees_every_replica_and_counts_as_no_read(tenant, payroll, manager, add, key_pair, successor):
    tenant.reads.lag(after_reads=1)
    tenant.sign_ins.lag(seconds=[0, 20])
    add(successor)

    verdict = tenant.oracle.sign_in(payroll, successor)

    assert tenant.oracle.shown(payroll) == tenant.oracle.shown(payroll) == [[payroll.key_credentials[0].key_id]]
    assert (verdict.primary, verdict.replicas, verdict.everywhere) == (True, (True, False), False)
    assert verdict.reasons == (None, None, 700027)


def test_the_oracle_agrees_with_the_token_endpoint_about_the_other_reasons(tenant, payroll, key_pair):
    tenant.enable(payroll, False)
    disabled = tenant.oracle.sign_in(payroll, key_pair.thumbprint).reasons
    tenant.enable(payroll)
    tenant.conditional_access.add(payroll.app_id)

    assert (disabled[0], tenant.oracle.sign_in(payroll, key_pair.certificate_pem).reasons[0]) == (7000112, 53003)
