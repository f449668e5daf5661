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
    oracle.nothing_secret_told(scene.world, told, where)
