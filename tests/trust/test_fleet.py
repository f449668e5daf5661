# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hundred applications of one tenant, each with a fault of its own: the promises hold for every one of them.

Faults and moments are those of the matrix, drawn at random: what one application suffers (a lag of all replicas, the
time that passes) the others feel too. Every run prints its seed.
"""

from __future__ import annotations

import random
import types

import matrix
import oracle
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import (
    START,
    FakeTiming,
    Killed,
    World,
)
from emulator.app import Emulator
from emulator.clock import Clock
from emulator.tenant import Tenant

APPLICATIONS = scale.either(60, soak=200)
SEEDS = scale.either(1, soak=20)
CALM = 0.25  # of the applications nothing happens to
# What is lost after everything was proven no run can see; the matrix has those faults with an overlap.
FAULTS = [fault for fault in matrix.all_faults() if not fault.__name__.startswith("reverted")]


class Member(World):
    """One application of a tenant that many have, with a key store and a host of its own."""

    def __init__(self, fleet, folder, name):
        self.tenant, self.emulator, self.admin = fleet.tenant, fleet.emulator, fleet.admin
        self.contract = types.SimpleNamespace(observe=lambda seen: None)
        self.timing = FakeTiming(self.tenant)
        folder.mkdir()
        self.folder, self.key_store = folder, folder / "store"
        self.old = self.tenant.issue(name, starts=-160, ends=20)
        self.payroll = self.tenant.add_application(name, [self.old])
        self.warnings, self.made, self.sent, self.moments = [], [], [], []
        self.liar = self._consenting = None
        self._strikes = {}


class Fleet:
    """The tenant, its administrator, and a scene of the matrix for each application."""

    def __init__(self, folder, seed):
        self.draw = random.Random(seed)
        self.tenant = Tenant(clock=Clock(frozen_at=START))
        self.tenant.switches.set(young_key_refused=0)  # as where the moments were counted
        self.emulator = Emulator(self.tenant)
        self.admin = self.tenant.add_application("admin", secret="s3cret", roles=["Application.ReadWrite.All"])
        self.scenes = [self._scene(folder / f"{number:03}", number) for number in range(APPLICATIONS)]
        self.tenant.clock.advance(900)

    def _scene(self, folder, number):
        member = Member(self, folder, f"application {number:03}")
        scenario = self.draw.choice(matrix.SCENARIOS)
        options = {**scenario(member), **matrix.RETIRES_AT_ONCE}
        member.adopt()
        scene = matrix.Scene(member, options, member.foreign(custom_key_identifier="b2Rk"))
        scene.scenario = scenario
        return scene

    def befall(self, scene):
        """A fault at a moment of this application's renewal, or nothing; what it is called."""
        fault = self.draw.choice(FAULTS)
        moments = matrix.cells(scene.scenario, fault)
        if not moments or self.draw.random() < CALM:
            return "nothing"
        moment = self.draw.choice(moments)
        scene.world.moments.clear()
        if fault in matrix.REFUSED_AND_APPLIED:
            # Refused, applied and shown to nobody: no client can tell that from a plain refusal.
            self.tenant.reads.reset()
            self.tenant.sign_ins.reset()
        fault(scene, moment)
        scene.left = matrix.left_by(scene.scenario, fault, moment, scene.world)
        return f"{fault.__name__} at {moment.name} number {moment.earlier} of {scene.scenario.__name__}"

    def calm_down(self):
        self.tenant.faults.clear()
        self.tenant.reads.reset()
        self.tenant.sign_ins.reset()
        for scene in self.scenes:
            scene.world.timing.ahead *= 0
        self.tenant.clock.advance(900)
        self.tenant.run_due()


def renewed(scene):
    """One run for one application; its result, if it has one, and what was said."""
    disk = matrix.RefusingDisk(scene.world)
    durable.observe = disk.observe
    try:
        result = scene.world.renew(**scene.options)
        return result, [result]
    except Killed:
        return None, []
    except EvercertError as error:
        return None, [error.message, vars(error)]
    finally:
        durable.observe = durable._ignore
        scene.world.refuses = None
        scene.world.strike_no_more()
        scene.world.tenant.faults.clear()


def promises_hold(scene, told, where):
    oracle.no_lock_out(scene.world, where)
    oracle.consumers_sign_in(scene.world, where)
    for entry in (scene.foreign, *scene.theirs):
        oracle.nothing_foreign_lost(scene.world, entry, where)
    oracle.no_key_lost(scene.world, [*scene.not_ours, *scene.left], where)
    oracle.nothing_secret_told(scene.world, told, where)


@scale.in_check
@pytest.mark.parametrize("number", range(SEEDS))
def test_a_fleet_under_random_faults_breaks_no_promise_and_the_next_run_finishes_it(number, tmp_path, quick_disk):
    seed = scale.SEED * 1000 + number
    print(f"seed {seed}")
    fleet = Fleet(tmp_path, seed)
    struck, unproven = {}, 0

    for scene in fleet.scenes:
        where = struck[scene.world.payroll.app_id] = f"{fleet.befall(scene)}, seed {seed}"
        result, told = renewed(scene)
        oracle.no_false_success(scene.world, result, where)
        promises_hold(scene, told, where)
        unproven += result is None
    assert 0 < unproven < APPLICATIONS, "the faults have to stop some applications, and not all"
    fleet.calm_down()

    for scene in fleet.scenes:
        where = struck[scene.world.payroll.app_id]
        result, told = renewed(scene)
        oracle.no_false_success(scene.world, result, where)
        promises_hold(scene, told, where)
    fleet.calm_down()
    for scene in fleet.scenes:
        where = struck[scene.world.payroll.app_id]
        oracle.converged(scene.world, scene.foreign, scene.theirs, where, scene.left)
        result, _told = renewed(scene)
        assert result is not None and not result.changed, f"not idempotent: {where}"
    scale.note("fleet", applications=APPLICATIONS, stopped_by_faults=unproven)
