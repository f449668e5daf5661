# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A renewal is a success only when the certificate is where it should be; and how much a number of sign-ins proves."""

from __future__ import annotations

import dataclasses

import curve
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

TRIALS = scale.either(test=100, soak=2000)
WAYS = pytest.mark.parametrize("way", ["add_key", "update"])


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)


@pytest.fixture
def bench(tmp_path):
    return curve.Bench(tmp_path, seed=scale.SEED)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.adopt()
    world.settle()
    return world


def policy(**changes):
    return dataclasses.replace(curve.DEFAULT, **changes)


def test_longer_intervals_and_more_sign_ins_find_late_servers(bench):
    servers = curve.Servers(10, 10, 30)
    found = {
        name: bench.measure(servers, chosen, TRIALS).false_share
        for name, chosen in {
            "one sign-in": policy(sign_ins=1),
            "five seconds apart": policy(interval=5),
            "the default": policy(),
            "recommended": policy(sign_ins=5),
        }.items()
    }

    assert found["one sign-in"] > 0.8
    assert found["one sign-in"] > found["five seconds apart"] > found["the default"] > found["recommended"]
    assert found["the default"] < 0.45 and found["recommended"] < 0.15
    scale.note("late_token_servers", **{name: f"{share:.0%} false" for name, share in found.items()})


def test_a_share_of_servers_as_large_as_reported_is_found_by_the_first_sign_ins(bench):
    """Where nothing is tried again, the measured share is that of the formula behind `would_detect`."""
    impatient = policy(sign_ins=3, timeout=policy().interval * 2 + 11)
    found = bench.measure(curve.Servers(10, 6, curve.FOR_EVER), impatient, TRIALS)

    assert found.false_share == pytest.approx(0.4**3, abs=0.08)


def test_no_setting_calls_a_write_proven_that_no_server_knows(bench):
    found = bench.measure(curve.Servers(3, 3, curve.FOR_EVER), policy(sign_ins=1), 3)

    assert found.successes == 0


def is_success_only_if_true(world, **options):
    """Run; a success must be one, and whatever comes of it nobody is locked out."""
    try:
        result = world.renew(**options)
    except EvercertError:
        result = None
    assert world.usable()
    if result is not None and "promote" in result.steps:
        assert world.current in world.registered
        assert world.tenant.oracle.sign_in(world.payroll, world.current).primary
    return result


OPERATION = {"add_key": "add_key", "update": "patch_application"}


@WAYS
@pytest.mark.parametrize("to", ["service_principal", "other"])
def test_a_write_that_lands_on_another_object_is_no_success(world, way, to):
    world.tenant.add_application("other")
    world.tenant.faults.add("misdirected", match=OPERATION[way], to=to)

    assert is_success_only_if_true(world, add_method=way) is None
    assert world.current == world.old.thumbprint
    assert is_success_only_if_true(world, add_method=way).certificate["thumbprint"] == world.current


def test_where_nothing_may_be_read_a_write_to_another_application_is_no_success(world):
    world.tenant.add_application("other")
    world.tenant.faults.add("misdirected", match="add_key", to="other")

    assert is_success_only_if_true(world, **world.as_itself) is None
    assert world.current == world.old.thumbprint


@WAYS
@pytest.mark.parametrize("seconds", [1, 5, 11, 30, 45, 65])
def test_a_write_that_is_lost_before_the_proof_ends_is_no_success(world, way, seconds):
    """Read back, initial pause of 10 s, three sign-ins 30 s apart: after 70 s it would be over."""
    world.tenant.faults.add("reverted", match=OPERATION[way], seconds=seconds)

    assert is_success_only_if_true(world, add_method=way) is None
    assert is_success_only_if_true(world, add_method=way).finding == "interrupted"


@WAYS
@pytest.mark.parametrize("seconds", [75, 3600])
def test_what_is_lost_after_the_proof_is_found_and_repaired_by_the_next_run(world, way, seconds):
    world.tenant.faults.add("reverted", match=OPERATION[way], seconds=seconds)
    assert world.renew(add_method=way).finding == "near_expiry"
    world.settle(seconds)
    assert world.current not in world.registered and world.usable()

    assert world.renew(add_method=way).finding == "unregistered"
    assert world.current in world.registered


@WAYS
@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_a_certificate_that_the_directory_shows_and_no_token_server_takes_is_no_success(world, way, identity):
    if (way, identity) == ("update", "as_itself"):
        pytest.skip("an application without permission cannot write by PATCH")
    world.tenant.sign_ins.lag(seconds=1e9)

    with pytest.raises(EvercertError):
        world.renew(**getattr(world, identity), add_method=way)
    assert world.current == world.old.thumbprint and world.usable()


@WAYS
def test_a_certificate_that_signs_in_and_the_directory_never_shows_is_no_success(world, way):
    world.tenant.reads.lag(seconds=1e9)

    with pytest.raises(EvercertError):
        world.renew(add_method=way)
    assert world.current == world.old.thumbprint and world.usable()
