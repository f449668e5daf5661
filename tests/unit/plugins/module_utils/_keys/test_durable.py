# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops, refusals and power losses at every single effect: what is left is a store that a second run can work with."""

from __future__ import annotations

import datetime as dt
import errno
import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable, reading
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.protection import Access, Protection
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._keys.power import Disk

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
SENT = Record(app_id="app", generated=NOW, intent=NOW, registered=NOW, proven=NOW)
UNSENT = Record(generated=NOW)

FOR_A_GROUP = Protection(Access(os.getegid()))


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code under test may catch it."""


def name_of(key_pair):
    return key_pair.certificate.thumbprint


# How each story begins (before), and what it does (act). Stories work on three key pairs.


def empty(store, pairs):
    pass


def with_current(store, pairs):
    store.keep_successor(pairs[0], SENT, "pw")
    store.promote_successor(NOW)


def with_successor(store, pairs):
    with_current(store, pairs)
    store.keep_successor(pairs[1], SENT)


def with_predecessor(store, pairs):
    with_successor(store, pairs)
    store.promote_successor(NOW)


def with_predecessor_and_successor(store, pairs):
    with_predecessor(store, pairs)
    store.keep_successor(pairs[2], SENT)


def with_leftovers(store, pairs):
    with_predecessor_and_successor(store, pairs)
    store.write_record(name_of(pairs[2]), UNSENT)
    store.release_successor()
    Path(store.location, ".evercert-1").symlink_to("versions/none")
    Path(store.location, "successor").symlink_to("versions/" + name_of(pairs[1]))


def keep_first(store, pairs):
    store.keep_successor(pairs[0], UNSENT, "pw")


def keep_next(store, pairs):
    store.keep_successor(pairs[2], UNSENT)


def keep_next_for_a_group(store, pairs):
    DirectoryStore(store.location, FOR_A_GROUP).keep_successor(pairs[2], UNSENT)


def keep_again(store, pairs):
    store.keep_successor(pairs[0], UNSENT)


def adopt(store, pairs):
    store.adopt_current(pairs[0], UNSENT)


def promote(store, pairs):
    store.promote_successor(NOW)


def roll_back(store, pairs):
    store.roll_back(name_of(pairs[0]))


def release(store, pairs):
    store.release_successor()


def delete(store, pairs):
    store.delete_version(name_of(pairs[0]))


def write_record(store, pairs):
    store.write_record(name_of(pairs[0]), replace(SENT, seen=NOW))


def clear(store, pairs):
    store.clear_debris()


def append(store, pairs):
    store.append_history({"event": "renewed"})
    store.note_sign_in(NOW, name_of(pairs[0]), "proof")


STORIES = [
    (empty, keep_first),
    (empty, adopt),
    (with_current, keep_next),
    (with_current, keep_next_for_a_group),
    (with_predecessor, keep_again),
    (with_successor, promote),
    (with_predecessor, roll_back),
    (with_predecessor_and_successor, roll_back),
    (with_successor, release),
    (with_predecessor, delete),
    (with_predecessor, write_record),
    (with_leftovers, clear),
    (with_current, append),
]


def told(stories):
    return pytest.mark.parametrize(("before", "act"), stories, ids=lambda story: story.__name__.replace("_", "-"))


stories = told(STORIES)


@pytest.fixture(autouse=True)
def no_real_sync(monkeypatch):
    """Losses are simulated here, so that nothing is gained by waiting for the disk."""
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: effect.path.stat())


@pytest.fixture
def copies(tmp_path, store, key_pairs):
    """Makes copies of a store in the state in which a story begins."""

    def begin(before):
        before(store, key_pairs)
        count = 0
        while True:
            count += 1
            copy = tmp_path / f"copy-{count}"
            shutil.copytree(store.location, copy, symlinks=True)
            yield DirectoryStore(str(copy))

    yield begin
    durable.observe = durable._ignore


def points(store, pairs, act):
    """How many moments there are at which the story can be stopped."""
    seen = []
    durable.observe = lambda moment, effect: seen.append((moment, effect))
    act(store, pairs)
    durable.observe = durable._ignore
    return len(seen)


def fail_at(point, error):
    left = iter(range(point))

    def observe(moment, effect):
        if next(left, None) is None:
            raise error

    durable.observe = observe


def assert_sane(store, pairs, had_current):
    """What is promised of a store whatever happened, and that a clean-up changes nothing that readers see."""
    seen = store.read()
    store.clear_debris()
    assert store.read() == seen
    assert store.clear_debris() == []

    assert bool(seen.current) or not had_current
    known = {name_of(pair): pair for pair in pairs}
    for version in seen.versions:
        assert store.signer(version.thumbprint) == known[version.thumbprint]
        assert version.record != Record()
    if seen.current:
        assert seen.current.record.promoted or seen.current.record.origin == "adopted"
        current = Path(store.location, "current")
        assert str(current.readlink()) == "versions/" + seen.current.thumbprint
        assert {path.name for path in current.iterdir()} >= {"key.pem", "certificate.pem", "bundle.pem", "record.json"}
    names = [name for _folder, folders, files in os.walk(store.location) for name in folders + files]
    assert not any(reading.is_temporary(name) for name in names)
    return seen


@stories
def test_a_kill_at_any_moment_leaves_a_store_that_works(before, act, copies, key_pairs):
    stores = copies(before)
    count = points(next(stores), key_pairs, act)
    assert count >= 4

    for point in range(count):
        store = next(stores)
        kept = store.read()
        fail_at(point, Killed())
        with pytest.raises(Killed):
            act(store, key_pairs)
        durable.observe = durable._ignore
        seen = assert_sane(store, key_pairs, bool(kept.current))

        assert {version.thumbprint for version in kept.versions} - {name_of(key_pairs[0])} <= {
            version.thumbprint for version in seen.versions
        }, f"a version was lost at {point}"


@stories
def test_whatever_the_system_refuses_is_told_and_leaves_a_store_that_works(before, act, copies, key_pairs):
    stores = copies(before)
    numbers = itertools.cycle([errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])

    for point in range(0, points(next(stores), key_pairs, act), 2):
        store, number = next(stores), next(numbers)
        had_current = bool(store.read().current)
        fail_at(point, OSError(number, os.strerror(number)))
        with pytest.raises(KeyStoreError) as caught:
            act(store, key_pairs)
        durable.observe = durable._ignore

        assert caught.value.message.startswith("Key store: could not ")
        assert store.location in caught.value.message
        assert os.strerror(number) in caught.value.message
        assert_sane(store, key_pairs, had_current)


@scale.sampled
@told(scale.one_of(3, STORIES, check=2))
def test_a_power_loss_after_any_effect_leaves_a_store_that_works(before, act, copies, key_pairs, tmp_path):
    store = next(copies(before))
    had_current = bool(store.read().current)
    disk = Disk(store.location)
    found = []

    def observe(moment, effect):
        disk.observe(moment, effect)
        if moment == "after":
            durable.observe = durable._ignore
            found.append(list(check_outcomes(disk, tmp_path, key_pairs, had_current)))
            durable.observe = observe

    durable.observe = observe
    act(store, key_pairs)
    durable.observe = durable._ignore

    assert found[-1] == [store.read()], "what has returned must be durable"


def check_outcomes(disk, tmp_path, pairs, had_current):
    for changes in disk.outcomes():
        target = tmp_path / "after"
        disk.write_to(target, changes)
        seen = assert_sane(DirectoryStore(str(target)), pairs, had_current)
        yield without_paths(seen, str(target), str(disk.root))
        shutil.rmtree(target)


def without_paths(contents, wrong, right):
    def at_home(version):
        return version and replace(version, path=version.path.replace(wrong, right))

    return replace(
        contents,
        current=at_home(contents.current),
        successor=at_home(contents.successor),
        others=tuple(map(at_home, contents.others)),
    )


@stories
def test_what_a_run_after_a_kill_sees_survives_a_power_loss(before, act, copies, key_pairs, tmp_path):
    """A killed run leaves changes that are visible and not durable: the next run must not build on sand."""
    stores = copies(before)

    for point in range(1, points(next(stores), key_pairs, act), 2):
        store = next(stores)
        had_current = bool(store.read().current)
        disk = Disk(store.location)
        kill = iter(range(point))

        def observe(moment, effect, disk=disk, kill=kill):
            disk.observe(moment, effect)
            if next(kill, None) is None:
                raise Killed

        durable.observe = observe
        with pytest.raises(Killed):
            act(store, key_pairs)
        durable.observe = disk.observe
        store.clear_debris()
        durable.observe = durable._ignore

        outcomes = list(check_outcomes(disk, tmp_path, key_pairs, had_current))
        assert all(outcome == store.read() for outcome in outcomes)


def test_a_key_pair_in_a_new_store_survives_a_power_loss(tmp_path, key_pairs):
    """Even when the run that made the directories was killed before it had synced them."""
    for point in range(12):
        root = tmp_path / f"root-{point}"
        root.mkdir()
        disk = Disk(root)
        store = DirectoryStore(str(root / "a" / "b" / "store"))
        kill = iter(range(point))

        def observe(moment, effect, disk=disk, kill=kill):
            disk.observe(moment, effect)
            if next(kill, None) is None:
                raise Killed

        durable.observe = observe
        with pytest.raises(Killed):
            store.prepare()
            store.keep_successor(key_pairs[0], SENT)
        durable.observe = disk.observe
        store.prepare()
        store.clear_debris()
        store.keep_successor(key_pairs[0], SENT)
        durable.observe = durable._ignore

        for count, changes in enumerate(disk.outcomes()):
            target = tmp_path / f"after-{point}-{count}"
            disk.write_to(target, changes)
            assert DirectoryStore(str(target / "a" / "b" / "store")).signer(name_of(key_pairs[0])) == key_pairs[0]


def test_a_second_run_finishes_a_promotion_that_was_killed(copies, key_pairs):
    stores = copies(with_successor)

    for point in range(points(next(stores), key_pairs, promote)):
        store = next(stores)
        fail_at(point, Killed())
        with pytest.raises(Killed):
            promote(store, key_pairs)
        durable.observe = durable._ignore

        store.clear_debris()
        if store.read().successor:
            store.promote_successor(NOW)

        contents = store.read()
        assert contents.current.thumbprint == name_of(key_pairs[1])
        assert contents.predecessor.thumbprint == name_of(key_pairs[0])
        assert contents.successor is None


def test_promotion_can_be_repeated_before_the_clean_up(copies, key_pairs):
    store = next(copies(with_predecessor))
    Path(store.location, "successor").symlink_to("versions/" + name_of(key_pairs[1]))

    version = store.promote_successor(NOW + dt.timedelta(hours=1))

    assert version == store.read().current
    assert version.record.promoted == NOW
    assert not Path(store.location, "successor").is_symlink()


def test_consumers_find_one_whole_key_pair_at_every_moment_of_a_promotion_and_a_rollback(copies, key_pairs):
    store = next(copies(with_successor))
    whole = {pair.private_key_pem() + pair.certificate_pem() for pair in key_pairs[:2]}
    seen = []

    def observe(moment, effect):
        seen.append(Path(store.location, "current", "bundle.pem").read_bytes())

    durable.observe = observe
    promote(store, key_pairs)
    roll_back(store, key_pairs)
    durable.observe = durable._ignore

    assert set(seen) == whole


def test_every_change_is_in_the_list_of_effects():
    """What a fault harness enumerates: a new effect needs a row in its table."""
    assert sorted(durable.EFFECTS) == [
        "append_file",
        "change_access",
        "create_file",
        "make_directory",
        "remove_directory",
        "rename",
        "symlink",
        "sync",
        "unlink",
        "write_file",
    ]
