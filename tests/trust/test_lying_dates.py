# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One answer with a wrong `Date`, at every answer of a run: no second key pair, no overlap cut short, no lock-out."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import itertools
import tempfile

import matrix
import oracle
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError

pytestmark = pytest.mark.usefixtures("quick_disk")

DAY = dt.timedelta(days=1)
LIES = [dt.timedelta(hours=1), dt.timedelta(hours=-1), 8 * DAY, -8 * DAY, 200 * DAY]
IDENTITIES = (matrix.administrator_by_add_key, matrix.itself_by_add_key)


# What the run with the lie meets


def due(scene):
    """Today's certificate ends in 20 days."""


def renewed_yesterday(scene):
    """Nothing is due; the predecessor has six days of its overlap left."""
    renew(scene)
    scene.world.settle(DAY.total_seconds())


def stopped_after_registered(scene):
    """A certificate waits for its proof."""
    renew(scene, stop_after="registered")
    scene.world.settle()


SITUATIONS = (due, renewed_yesterday, stopped_after_registered)


def renew(scene, **given):
    return scene.world.renew(**{**scene.options, **matrix.RETIRES_LATER, **given})


def a_scene(folder, identity, situation):
    scene = matrix.a_scene(folder, identity)
    situation(scene)
    scene.world.sent.clear()
    return scene


@functools.cache
def answers(identity, situation):
    """How many answers a run gets that nobody lies to."""
    with tempfile.TemporaryDirectory() as folder:
        scene = a_scene(folder, identity, situation)
        renew(scene)
        return len(scene.world.sent)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.__name__)
def test_one_wrong_date_costs_no_second_key_pair_and_no_overlap(identity, situation, tmp_path):
    cells = scale.one_of(29, itertools.product(LIES, range(answers(identity, situation))))
    for lie, number in cells:
        folder = tmp_path / f"{lie.total_seconds():.0f}-{number}"
        folder.mkdir()
        strike(a_scene(folder, identity, situation), situation, lie, number)
    scale.note("lying_dates", answers=len(cells))


def strike(scene, situation, lie, number):
    world, where = scene.world, f"answer {number} of {situation.__name__} lies by {lie}"
    world.lie_about_the_time(number, seconds=lie.total_seconds())
    result = None
    with contextlib.suppress(EvercertError):
        result = renew(scene)
    assert len(world.sent) > number, f"it was never told: {where}"
    world.tell_the_time_again()
    promises_hold(scene, result, where)

    world.settle(60)
    renew(scene)
    promises_hold(scene, result, where)
    assert world.contents.successor is None, f"I5 a successor is left: {where}"
    assert world.current in world.made, f"I5 not renewed: {where}"

    world.settle(matrix.LATE)
    renew(scene)
    oracle.converged(world, scene.foreign, [], where)
    world.settle()
    assert not renew(scene).changed, f"not idempotent: {where}"


def promises_hold(scene, result, where):
    """Before the overlap is over, which begins in the run with the lie at the earliest, or began yesterday."""
    world = scene.world
    oracle.consumers_sign_in(world, where)
    oracle.nothing_foreign_lost(world, scene.foreign, where)
    oracle.no_key_lost(world, scene.not_ours, where)
    oracle.no_false_success(world, result, where)
    assert world.old.thumbprint in world.registered, f"removed before its overlap was over: {where}"
    assert len(world.made) <= 1, f"I5 a second key pair: {where}"
