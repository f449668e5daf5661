# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A renewal is a success only when the certificate is where it should be; and how much a number of sign-ins proves."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import curve
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import diagnosis_of
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World
from emulator.tenant import Tenant

TRIALS = scale.either(80, soak=2000)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)


@pytest.fixture
def bench(tmp_path):
    return curve.Bench(tmp_path, seed=scale.SEED)


def policy(**changes):
    return dataclasses.replace(curve.DEFAULT, **changes)


@scale.in_check
def test_longer_intervals_and_more_sign_ins_find_late_servers(bench):
    servers = curve.Servers(10, 10, 30)
    found = {
        name: bench.measure(servers, chosen, TRIALS).false_share
        for name, chosen in {
            "one sign-in": policy(sign_ins=1),
            "five seconds apart": policy(interval=5),
            "the default": policy(),
            "recommended": curve.RECOMMENDED,
        }.items()
    }

    assert found["one sign-in"] > 0.8
    assert found["one sign-in"] > found["five seconds apart"] > found["the default"] > found["recommended"]
    assert found["the default"] < 0.45 and found["recommended"] < 0.15
    scale.note("late_token_servers", **{name: f"{share:.0%} false" for name, share in found.items()})


@scale.in_check
def test_the_interval_finds_late_servers_where_one_server_answers_for_a_while(bench):
    servers = curve.Servers(10, 10, 30, stick=20)

    close, default = (bench.measure(servers, policy(interval=interval), TRIALS // 2) for interval in (5, 30))

    assert close.false_share > 0.6 and default.false_share < 0.5


@scale.in_check
@pytest.mark.parametrize(
    "servers", [curve.Servers(10, 5, curve.FOR_EVER), curve.Servers(3, 1, curve.FOR_EVER)], ids=str
)
@pytest.mark.parametrize("sign_ins", [1, 3])
def test_the_first_sign_ins_miss_a_broken_server_as_often_as_the_formula_says(bench, servers, sign_ins):
    """The measurement is sane: where nothing is tried again, it is ((n - k) / n) ** N."""
    trials = 2 * TRIALS
    found = bench.measure(servers, curve.without_retry(policy(sign_ins=sign_ins)), trials)

    expected = servers.formula(sign_ins)
    deviation = math.sqrt(expected * (1 - expected) / trials)
    assert found.false_share == pytest.approx(expected, abs=4 * deviation)


CLAIMED = 0.05  # how often a result may exclude a share that refuses, at most


@scale.in_check
@pytest.mark.parametrize(("sign_ins", "refusing"), [(2, 8), (2, 9), (3, 8)])
def test_a_share_that_a_result_excludes_refuses_in_one_proof_of_twenty_at_most(bench, refusing, sign_ins):
    """With every attempt that is made after a refusal: each weakens what the result says."""
    servers, trials = curve.Servers(10, refusing, curve.FOR_EVER), TRIALS // 2
    found = bench.measure(servers, policy(sign_ins=sign_ins, interval=5), trials)

    deviation = math.sqrt(CLAIMED * (1 - CLAIMED) / trials)
    assert found.overstated_share <= CLAIMED + 4 * deviation
    assert found.successes > found.overstated, "proofs do succeed here, and most say that they prove little"
    counted = {"proofs_measured": found.trials, "overstated": found.overstated}
    scale.note("stated_strength", **counted, overstated_in_the_long_run_at_most=f"{CLAIMED:.0%}")


def test_no_setting_calls_a_write_proven_that_no_server_knows(bench):
    found = bench.measure(curve.Servers(3, 3, curve.FOR_EVER), policy(sign_ins=1), 3)

    assert found.successes == 0


@dataclass(frozen=True)
class Way:
    """Who renews, and by which write. An application has the `role`, if any."""

    add_method: str
    identity: str
    role: str | None = None

    @property
    def operation(self):
        return {"add_key": "add_key", "update": "patch_application"}[self.add_method]

    @property
    def reads(self):
        return self.identity == "as_admin" or self.role is not None


WAYS = {
    "addKey by an administrator": Way("add_key", "as_admin"),
    "PATCH by an administrator": Way("update", "as_admin"),
    "addKey by itself, unable to read": Way("add_key", "as_itself"),
    "addKey by itself": Way("add_key", "as_itself", "Application.Read.All"),
    "PATCH by itself": Way("update", "as_itself", "Application.ReadWrite.All"),
}
READING = [name for name, way in WAYS.items() if way.reads]
each_way = pytest.mark.parametrize("name", WAYS)
each_way_that_reads = pytest.mark.parametrize("name", READING)


class Liar:
    """A service that lies about one write, and whoever renews there. Every success is held against the truth."""

    def __init__(self, folder, way):
        self.world, self.way = World(folder), way
        self.world.adopt()
        if way.role:
            self.world.tenant.grant(self.world.payroll, way.role)
        self.world.settle()

    def lies(self, kind, **details):
        self.world.tenant.faults.add(kind, match=self.way.operation, **details)

    def renews(self):
        """The result, or None for an error. A success is one at this moment, and nobody is ever locked out."""
        world = self.world
        try:
            result = world.renew(add_method=self.way.add_method, **getattr(world, self.way.identity))
        except EvercertError:
            result = None
        scale.note("lies_about_a_write", runs=1, successes=int(result is not None))
        assert world.usable()
        if result is None:
            assert world.current == world.old.thumbprint, "consumers were given an unproven key"
            return None
        assert result.certificate["thumbprint"] == world.current == world.made[-1]
        assert world.tenant.oracle.sign_in(world.payroll, world.current).primary
        if self.way.reads:
            assert result.proof == "directory+sign_in" and world.current in world.registered
        return result


@pytest.fixture
def liar(tmp_path, name):
    return Liar(tmp_path, WAYS[name])


def goes_right_with_the_same_key(liar):
    """The run after the lie."""
    return liar.renews() is not None and len(liar.world.made) == 1


@each_way
def test_a_write_that_never_happens_is_no_success(liar):
    liar.lies("not_applied")

    assert liar.renews() is None
    assert goes_right_with_the_same_key(liar)


@each_way
def test_a_write_that_never_happens_is_no_success_however_often_it_is_sent(liar):
    liar.lies("not_applied", times=None)

    assert [liar.renews(), liar.renews()] == [None, None]
    assert len(liar.world.made) == 1


@each_way_that_reads
def test_a_write_that_lands_on_the_service_principal_is_no_success(liar):
    """The key signs in there, and stays behind when the application is moved or consented to anew."""
    liar.lies("misdirected", to="service_principal")

    assert liar.renews() is None
    assert goes_right_with_the_same_key(liar)


@pytest.mark.parametrize("name", ["addKey by itself, unable to read"])
def test_where_nothing_may_be_read_a_write_to_the_service_principal_rests_on_sign_ins_and_the_result_says_so(liar):
    liar.lies("misdirected", to="service_principal")

    assert liar.renews().proof == "sign_in"


@each_way
def test_a_write_that_lands_on_another_application_is_no_success(liar):
    liar.world.tenant.add_application("other")
    liar.lies("misdirected", to="other")

    assert liar.renews() is None
    assert goes_right_with_the_same_key(liar)


@each_way
def test_a_write_that_lands_in_another_tenant_is_no_success(liar):
    world = liar.world
    elsewhere = Tenant(clock=world.tenant.clock)
    elsewhere.add_application("payroll", app_id=world.payroll.app_id, object_id=world.payroll.object_id)
    world.emulator.tenants[elsewhere.id] = elsewhere
    liar.lies("misdirected", to=elsewhere.id)

    assert liar.renews() is None
    assert world.made[-1] in elsewhere.oracle.registered(world.payroll).values()
    assert goes_right_with_the_same_key(liar)


@each_way
@pytest.mark.parametrize("seconds", scale.either([1, 11, 45, 65], range(1, 70), short=[11]))
def test_a_write_that_is_lost_before_the_proof_ends_is_no_success(liar, seconds):
    """Read back, initial pause of 10 s, three sign-ins 30 s apart: after 70 s it would be over."""
    liar.lies("reverted", seconds=seconds)

    assert liar.renews() is None
    assert goes_right_with_the_same_key(liar)


@each_way
@pytest.mark.parametrize("seconds", scale.either([75, 3600], [*range(71, 100), 3600, 86400], short=[75]))
def test_what_is_lost_after_the_proof_is_found_and_repaired_by_the_next_run(liar, seconds):
    world = liar.world
    liar.lies("reverted", seconds=seconds)
    assert liar.renews().finding == "near_expiry"
    world.settle(seconds)
    assert world.current not in world.registered and world.usable()

    assert liar.renews().finding == "unregistered"
    assert world.current in world.registered and len(world.made) == 1


@each_way
def test_a_certificate_that_no_token_server_takes_is_no_success(liar):
    liar.world.tenant.sign_ins.lag(seconds=1e9)

    assert liar.renews() is None


@pytest.mark.parametrize("name", ["PATCH by an administrator"])
def test_accepted_sign_ins_that_are_too_few_in_the_time_for_them_are_no_success(liar):
    with pytest.raises(EvercertError, match="2 of 3 consecutive sign-ins") as refused:
        liar.world.renew(sign_in_interval=50, timeout_propagation=60)

    assert diagnosis_of(refused.value).code == "not_proven"
    assert goes_right_with_the_same_key(liar)


@each_way_that_reads
def test_a_certificate_that_signs_in_and_the_directory_never_shows_is_no_success(liar):
    liar.world.tenant.reads.lag(seconds=1e9)

    assert liar.renews() is None


@each_way
def test_a_removed_key_that_goes_on_signing_in_is_not_verified_as_refused(liar):
    world = liar.world
    liar.renews()
    world.settle(8 * 86400)
    world.tenant.sign_ins.lag(seconds=[5000])  # it hears of the removal later than anybody waits
    liar.renews()

    result = world.verify(key_store=None, on_trial=world.old, expect="refused")

    assert not result.verified and result.diagnosis["code"] == "still_accepted"
    assert world.registered == [world.current] and world.current in world.usable()
