# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process dies at every effect and every request: nothing is lost, and one clean run finishes the renewal.

These are the rarer renewals; tests/trust has the ordinary ones, with every other fault besides.
"""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import scale
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed, World

NOT_A_MOMENT = ("before ", " sync ", " append_file ", " create_file ", " write_file ")


def renewal_of_an_expired_certificate(world):
    world.settle(21 * 86400)
    return {"overlap": 0}


def registering_again(world):
    """Reported rotated but not applied, without a predecessor."""
    world.tenant.remove_credential(world.payroll, next(iter(world.credentials)))
    return {"overlap": 0, "renew_before": 5}


def registering_again_after_a_roll_back(world):
    """The same, with a predecessor that still signs in."""
    world.renew(overlap=7)
    world.settle()
    made = next(one.key_id for one in world.credentials.values() if one.certificate.thumbprint == world.current)
    world.tenant.remove_credential(world.payroll, made)
    world.settle()
    return {"overlap": 0, "renew_before": 15}


def registering_again_after_a_roll_back_unread(world):
    """By the application itself, which may not read what is registered."""
    return {**registering_again_after_a_roll_back(world), **world.as_itself}


def a_proven_certificate_that_was_lost_unread(world):
    world.renew(stop_after="proven", **world.as_itself)
    world.settle()
    world.lose(world.contents.successor.thumbprint)
    world.settle()
    return {"overlap": 0, **world.as_itself}


def replacement_of_a_refused_successor(world):
    world.renew(stop_after="registered")
    world.settle()
    successor = world.contents.successor
    refused = dataclasses.replace(successor.record, refused=successor.record.registered)
    world.store.write_record(successor.thumbprint, refused)
    world.made.clear()
    return {"overlap": 0}


SCENES = (
    renewal_of_an_expired_certificate,
    registering_again,
    registering_again_after_a_roll_back,
    registering_again_after_a_roll_back_unread,
    a_proven_certificate_that_was_lost_unread,
    replacement_of_a_refused_successor,
)


def a_world(folder, scene):
    folder.mkdir()
    world = World(folder)
    world.contract.observe = lambda seen: None  # the fault-free runs are validated elsewhere
    world.tenant.switches.set(young_key_refused=0)  # each refused proof would be a moment, and none changes anything
    world.adopt()
    world.settle()
    options = scene(world)
    world.made.clear()
    world.moments.clear()
    return world, options


def moments_of(folder, scene):
    """The numbers of the moments at which a process may die, from a run that is not disturbed."""
    world, options = a_world(folder, scene)
    with world.watching_effects():
        world.renew(**options)
    return [
        number
        for number, moment in enumerate(world.moments)
        if "https:" in moment or not any(part in f"{moment} " for part in NOT_A_MOMENT)
    ]


@scale.sampled
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_kill_at_any_moment_loses_nothing_and_the_next_run_converges(scene, tmp_path):
    folders = (tmp_path / str(number) for number in itertools.count())
    for number in scale.one_of(16, moments_of(next(folders), scene), check=2):
        world, options = a_world(next(folders), scene)
        had_a_usable_key = bool(world.usable())
        foreign = world.foreign()
        with world.watching_effects():
            world.kill_at(number)
            with pytest.raises(Killed) as killed:
                world.renew(**options)
        where = f"{number}: {killed.value}"

        assert bool(world.usable()) or not had_a_usable_key, where
        _no_private_key_is_lost(world, foreign, where)
        world.renew(**options)
        _is_converged(world, foreign, where)


def _no_private_key_is_lost(world, foreign, where):
    held = [version.thumbprint for version in world.contents.versions]
    for key_id, entry in world.credentials.items():
        if key_id != foreign.key_id and entry.certificate.thumbprint != world.old.thumbprint:
            assert entry.certificate.thumbprint in held, where
            world.store.signer(entry.certificate.thumbprint)


def _is_converged(world, foreign, where):
    contents = world.contents
    expected = sorted([foreign.certificate.thumbprint, contents.current.thumbprint])
    assert world.registered == expected, where
    assert world.credentials[foreign.key_id] == foreign, where
    assert contents.successor is None, where
    assert world.usable() == [contents.current.thumbprint], where
    assert len(world.made) <= 1 or _first_was_never_kept(world), where


def _first_was_never_kept(world):
    """A key pair that was made and not yet kept when the process died."""
    return len(world.made) == 2 and world.contents.find(world.made[0]) is None
