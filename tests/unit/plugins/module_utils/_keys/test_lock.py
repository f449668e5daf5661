# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two real processes want one store."""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._keys import lock
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
fork = multiprocessing.get_context("fork")


def hold(location, held, release):
    with DirectoryStore(location).lock(0, lambda _seconds, _what: None):
        held.set()
        release.wait(30)


@pytest.fixture
def holder(store):
    """Another process that holds the lock; `release` lets it go, `process` is there to be killed."""
    held, release = fork.Event(), fork.Event()
    process = fork.Process(target=hold, args=(store.location, held, release))
    process.start()
    assert held.wait(30)
    process.release = release
    yield process
    process.kill()
    process.join()


def take(store, timeout, wait=lambda _seconds, _what: None):
    with store.lock(timeout, wait):
        return True


def test_the_process_that_holds_the_lock_is_named(store, holder):
    command = Path(f"/proc/{holder.pid}/comm").read_text().strip()

    with pytest.raises(KeyStoreError) as caught:
        take(store, 0)

    assert caught.value.message == (
        f"The key store {store.location} is still locked when lock_timeout is over: process {holder.pid} ({command}) "
        "holds it. Run again when it has ended, or set lock_timeout higher."
    )


def test_waiting_is_told_every_second_and_bounded(store, holder):
    told = []

    with pytest.raises(KeyStoreError, match="still locked when lock_timeout is over"):
        take(store, 2.5, lambda seconds, what: told.append((seconds, what)))

    assert [seconds for seconds, _what in told] == pytest.approx([1, 1, 0.5], abs=0.2)
    assert told[0][1].startswith(f"Waiting for the key store {store.location}: process {holder.pid} (")
    assert told[0][1].endswith(") holds it.")


def test_the_lock_is_taken_as_soon_as_it_is_free(store, holder):
    def wait(_seconds, _what):
        holder.release.set()
        holder.join()

    assert take(store, 10, wait)


def test_a_killed_holder_leaves_no_lock(store, holder):
    holder.kill()
    holder.join()

    assert take(store, 0)


def test_waiting_can_be_interrupted(store, holder):
    def wait(_seconds, _what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(store, 10, wait)


def test_readers_need_no_lock(store, holder, key_pair):
    assert store.read().is_empty


def test_the_lock_is_a_file_that_only_the_writer_may_open(store):
    with store.lock(0, lambda _seconds, _what: None):
        [path] = Path(store.location).iterdir()

    assert path.name == "lock" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.read().is_empty


def test_a_consumer_that_was_let_in_cannot_keep_the_lock_from_the_writer(store):
    """Whoever may open the directory may lock it; nobody would end that before the certificate does."""
    Path(store.location).chmod(0o750)
    descriptor = os.open(store.location, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    assert take(store, 0)
    os.close(descriptor)


def test_a_writer_of_an_earlier_release_is_waited_for(store):
    """It locks the directory alone."""
    descriptor = os.open(store.location, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    with pytest.raises(KeyStoreError, match=f"process {os.getpid()} "):
        take(store, 0)
    os.close(descriptor)


def test_the_lock_ends_with_its_block_even_by_an_error(store):
    with pytest.raises(ZeroDivisionError), store.lock(0, lambda _seconds, _what: None):
        raise ZeroDivisionError

    assert take(store, 0)


def test_one_process_cannot_take_the_lock_twice(store):
    with store.lock(0, lambda _seconds, _what: None), pytest.raises(KeyStoreError, match=f"process {os.getpid()} "):
        take(DirectoryStore(store.location), 0)


@pytest.mark.parametrize("events", [0, 1])
def test_where_the_system_does_not_tell_the_holder_the_last_event_is(store, holder, monkeypatch, events):
    monkeypatch.setattr(lock, "_find_holder", lambda _path: None)
    for _round in range(events):
        store.append_history({"at": NOW, "event": "renewed"})
        store.append_history({"event": "without a time"})

    with pytest.raises(KeyStoreError) as caught:
        take(store, 0)

    event = " (last event in its history: 2026-11-22T10:00:00Z)" if events else ""
    assert f"lock_timeout is over: another process{event} holds it." in caught.value.message


def test_a_store_that_was_replaced_while_we_waited_is_not_taken_for_locked(store, tmp_path):
    """The lock belongs to the directory, not to its name."""
    descriptor = lock._open(Path(store.location), os.O_RDONLY)
    Path(store.location).rename(tmp_path / "moved")
    Path(store.location).mkdir(mode=0o700)

    assert not lock._is_locked_by_us(Path(store.location), descriptor)
    os.close(descriptor)


def test_a_store_that_does_not_exist_cannot_be_locked(tmp_path):
    with pytest.raises(KeyStoreError, match=f"could not lock {tmp_path}/nowhere: No such file or directory"):
        take(DirectoryStore(str(tmp_path / "nowhere")), 0)


def test_a_file_system_without_locks_is_named(store, monkeypatch):
    def refuse(_descriptor, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)

    with pytest.raises(KeyStoreError, match="That file system cannot lock files: choose a local one"):
        take(store, 0)


def test_a_holder_that_has_ended_meanwhile_has_no_name(store):
    assert lock._text(Path("/proc/0/comm")) == ""
