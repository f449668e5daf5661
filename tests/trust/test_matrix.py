# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each cell of the fault matrix: the fault strikes, the promises hold, and one clean run finishes the renewal."""

from __future__ import annotations

import itertools

import matrix
import oracle
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed

SCENARIOS = pytest.mark.parametrize("scenario", matrix.ALL_SCENARIOS, ids=lambda scenario: scenario.__name__)
FAULTS = pytest.mark.parametrize("fault", matrix.all_faults(), ids=lambda fault: fault.__name__)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """A killed process loses nothing that it has written; test_power.py has what a power loss takes."""
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)


def test_every_effect_of_the_code_has_its_row_and_every_row_its_effect():
    met = {moment.name for scenario in matrix.ALL_SCENARIOS for moment in matrix.moments(scenario)}

    assert met >= set(durable.EFFECTS), "an effect of the code is in no scenario"
    assert met == set(matrix.FAULTS), "an effect without a row, or a row without an effect"


def test_every_scenario_is_struck_at_each_of_its_effects():
    met = {(scenario, moment.name) for scenario, _fault, moment in matrix.chosen()}

    for scenario in (*matrix.SCENARIOS, *matrix.BROKEN):
        assert {name for one, name in met if one is scenario} == {one.name for one in matrix.moments(scenario)}


def test_a_renewal_with_a_vault_is_struck_by_each_family_of_faults_and_killed_at_each_kind_of_write():
    chosen = [cell for cell in matrix.chosen() if cell[0] in matrix.IN_A_VAULT]
    met = set(map(matrix.kind_in_a_vault, chosen))
    possible = {
        (scenario, fault, moment)
        for scenario in matrix.IN_A_VAULT
        for moment in matrix.moments(scenario)
        for fault in matrix.FAULTS[moment.name]
    }

    wanted = set(map(matrix.kind_in_a_vault, possible))
    kills_that_say_nothing = {(fault, name) for fault in matrix.KILLS for name in matrix.VAULT_READS}
    the_same_death = {(matrix.process_killed_after, "update_certificate")}
    assert met >= wanted - kills_that_say_nothing - the_same_death


def test_every_family_of_faults_strikes():
    struck = {matrix.family_of(fault) for _scenario, fault, _moment in matrix.chosen()}

    assert struck == set(map(matrix.family_of, matrix.all_faults()))


@SCENARIOS
@FAULTS
def test_a_fault_breaks_no_promise_and_the_next_run_converges(scenario, fault, tmp_path):
    folders = (tmp_path / str(number) for number in itertools.count())
    struck = 0
    for moment in matrix.cells(scenario, fault):
        folder = next(folders)
        folder.mkdir()
        struck += strike(folder, scenario, fault, moment)
    scale.note("fault_matrix", cells=struck)


def strike(folder, scenario, fault, moment):
    scene = matrix.a_scene(folder, scenario)
    world, where = scene.world, f"{fault.__name__} at {moment.name} number {moment.earlier} of {scenario.__name__}"
    options = {**scene.options, **matrix.settings_of(fault, moment)}
    scene.left = matrix.left_by(scenario, fault, moment, world)
    is_reverted = fault.__name__.startswith("reverted")

    result, told = disturbed(scene, fault, moment, options)
    assert not world.tenant.faults.waiting and not world.strikes_left, f"it did not strike: {where}"
    if not is_reverted:
        oracle.no_false_success(world, result, where)
        if scene.is_served:
            oracle.consumers_sign_in(world, where)
    check_promises(scene, told, where)
    world.tenant.faults.clear()
    world.timing.ahead *= 0
    if not hasattr(fault, "goes_on_at_once"):
        world.tenant.reads.reset()
        world.tenant.sign_ins.reset()
        world.settle()
    check_promises(scene, told, where)

    world.renew(**options)
    if options["overlap"]:
        world.settle(matrix.LATE)
        world.renew(**options)
    oracle.consumers_sign_in(world, where)
    oracle.converged(world, scene.foreign, scene.theirs, where, scene.left)
    world.settle()
    assert not world.renew(**options).changed, f"not idempotent: {where}"
    return 1


def disturbed(scene, fault, moment, options):
    """The run in which the fault strikes; its result, if it has one, and what it said."""
    world = scene.world
    disk = matrix.RefusingDisk(world)
    fault(scene, moment)
    durable.observe = disk.observe
    try:
        result = world.renew(**options)
        return result, [result]
    except Killed:
        return None, []
    except EvercertError as error:
        return None, [error.message, vars(error)]
    finally:
        durable.observe = durable._ignore
        world.refuses = None


def check_promises(scene, told, where):
    if scene.is_open:
        oracle.no_lock_out(scene.world, where)
    for entry in (scene.foreign, *scene.theirs):
        oracle.nothing_foreign_lost(scene.world, entry, where)
    oracle.no_key_lost(scene.world, [*scene.not_ours, *scene.left], where)
    oracle.never_twice(scene.world, where)
    oracle.nothing_secret_told(scene.world, told, where)
