# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup that was taken at any effect of a renewal is restored when the renewal is long over.

The store knows nothing of the time that it lost. Whatever key in it still signs in must not be destroyed, must be
found, and must be gone on with; and an administrator gets the application back from every moment.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import matrix
import oracle
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable

# One moment of each kind that a reader could tell apart; in `make soak` every one.
USUAL = (matrix.itself_by_add_key, matrix.administrator_by_update)
SCENARIOS = scale.either(USUAL, soak=matrix.SCENARIOS, short=USUAL[:1])
OVERLAPS = scale.either((0,), soak=(0, 7))
MOST_RUNS = 3


@dataclass(frozen=True)
class Backup:
    """A copy of the store, and the effect before which it was made."""

    where: str
    folder: Path


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)


def backups_of_a_renewal(scene, options, folder):
    """One renewal, with a copy of the store before each of its effects."""
    world, found, seen = scene.world, [], set()

    def copy(when, effect):
        likeness = likeness_of(world.key_store)
        if when == "before" and (scale.SOAK or likeness not in seen):
            seen.add(likeness)
            found.append(Backup(f"{len(found)}: {effect.name} {effect.path.name}", folder / str(len(found))))
            shutil.copytree(world.key_store, found[-1].folder, symlinks=True)

    durable.observe = copy
    world.renew(**options)
    durable.observe = durable._ignore
    return found


def likeness_of(store):
    """Names, links, and which times are on record: what makes a difference to the next run."""
    parts = []
    for path in sorted(store.rglob("*")):
        name = re.sub(r"\.evercert-\w+", "half", str(path.relative_to(store)))
        if path.is_symlink():
            name += f" -> {path.readlink()}"
        elif path.name == "record.json":
            name += str(sorted(_fields_of(path)))
        parts.append(name)
    return "\n".join(parts)


def _fields_of(record):
    """`seen` and `accepted` change nothing that a restore could tell."""
    content = record.read_bytes()
    return set(json.loads(content)) - {"seen", "accepted"} if content else set()


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_restored_store_loses_no_key_that_works_and_the_next_runs_converge(scenario, overlap, tmp_path):
    (tmp_path / "world").mkdir()
    scene = matrix.a_scene(tmp_path / "world", scenario)
    options = {**scene.options, "overlap": overlap}
    backups = backups_of_a_renewal(scene, options, tmp_path)
    after = tuple(scene.world.credentials.values())
    assert len(backups) > 8

    for backup in backups:
        restore(scene, backup, after)
        strike(scene, options, backup.where)
    scale.note("restored_stores", backups_restored=len(backups))


def test_a_key_that_a_restored_store_calls_unsent_is_kept_when_it_is_replaced_and_found_when_it_is_the_last(tmp_path):
    """What is asked for is another now. Then somebody tidies the portal, and leaves that one key alone."""
    (tmp_path / "world").mkdir()
    scene = matrix.a_scene(tmp_path / "world", matrix.itself_by_add_key)
    world, options = scene.world, {**scene.options, "overlap": 7}
    backups = backups_of_a_renewal(scene, options, tmp_path)
    unsent = next(one for one in backups if one.where.endswith("rename successor"))
    sent = world.current
    restore(scene, unsent, tuple(world.credentials.values()))

    assert world.renew(**options, validity=90).steps[0] == "replace_successor"
    assert sent in world.usable() and world.current != sent, "I1: a key that works is destroyed"
    for thumbprint in (world.current, world.old.thumbprint):
        world.lose(thumbprint)
    world.settle()

    run_until_quiet(world, options)
    assert sent in world.usable() and world.current in world.usable()
    oracle.nothing_foreign_lost(world, scene.foreign, unsent.where)


def restore(scene, backup, credentials):
    """The store as it was at that moment, the directory as the renewal left it."""
    world = scene.world
    shutil.rmtree(world.key_store)
    shutil.copytree(backup.folder, world.key_store, symlinks=True)
    world.tenant.change(world.payroll, key_credentials=credentials)
    world.settle()
    world.made.clear()


def strike(scene, options, where):
    world = scene.world
    usable = set(world.usable())
    told = run_until_quiet(world, options)

    oracle.nothing_foreign_lost(world, scene.foreign, where)
    oracle.nothing_secret_told(world, told, where)
    if usable or options["auth_source"] != "key_store":
        assert not isinstance(told[-1], str), f"still refused: {where}: {told[-1]}"
        oracle.consumers_sign_in(world, where)
        assert world.contents.successor is None, f"I5 a successor is left: {where}"
        assert not (usable and world.made), f"I5 a second key pair: {where}"
    else:
        assert "Entra refuses a sign-in with the current key" in str(told[-1]), where


def run_until_quiet(world, options):
    """Results, and what was said where a run was refused."""
    told = []
    for _run in range(MOST_RUNS):
        try:
            told.append(world.renew(**options))
        except EvercertError as error:
            told.append(error.message)
        world.settle()
        if not isinstance(told[-1], str) and not told[-1].changed:
            break
    return told
