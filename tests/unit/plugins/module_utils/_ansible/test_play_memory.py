# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory shared by real processes: who sees what, who waits for whom, what is left when one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import play_memory
from ansible_collections.evercert.entra.plugins.module_utils._ansible.play_memory import SIZE, PlayMemory

PATIENCE = 200.0


@pytest.fixture
def memory():
    made = PlayMemory.open()
    yield made
    os.close(made._descriptor)


def forked(act):
    """The process ID of a child that does this and ends."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        act()
        status = 0
    finally:
        os._exit(status)


def ended(child):
    return os.waitpid(child, 0)[1]


def read(memory, key="key"):
    with memory.alone(key, PATIENCE) as entry:
        return entry.read()


def write(memory, value, key="key"):
    with memory.alone(key, PATIENCE) as entry:
        entry.write(value)


def test_nothing_is_there_at_first(memory):
    assert read(memory) is None


def test_a_worker_sees_what_another_wrote(memory):
    assert ended(forked(lambda: write(memory, {"n": 1}))) == 0

    assert read(memory) == {"n": 1}
    assert read(memory, "another key") is None


def test_a_shorter_value_takes_the_place_of_a_longer_one(memory):
    write(memory, {"n": "x" * 1000})
    write(memory, {"n": 2})

    assert read(memory) == {"n": 2}


def test_nothing_can_be_written_again(memory):
    write(memory, {"n": 1})
    write(memory, None)

    assert read(memory) is None


def test_what_is_too_large_is_not_kept_and_harms_no_neighbour(memory, monkeypatch):
    monkeypatch.setattr(play_memory, "PLACES", 1)
    with memory.alone("key", PATIENCE) as entry:
        os.pwrite(memory._descriptor, b"neighbour", entry.start + SIZE)
        entry.write({"n": "x" * SIZE})

        assert entry.read() is None
    assert os.pread(memory._descriptor, 9, SIZE) == b"neighbour"


def test_keys_with_one_place_take_it_from_each_other(memory, monkeypatch):
    monkeypatch.setattr(play_memory, "PLACES", 1)
    write(memory, {"n": 1}, "one")
    write(memory, {"n": 2}, "two")

    assert read(memory, "one") is None
    assert read(memory, "two") == {"n": 2}


def test_processes_that_count_lose_nothing(memory):
    def count():
        for _time in range(200):
            with memory.alone("key", PATIENCE) as entry:
                entry.write({"n": (entry.read() or {"n": 0})["n"] + 1})

    assert [ended(child) for child in [forked(count) for _process in range(4)]] == [0] * 4
    assert read(memory) == {"n": 800}


def held_by_a_child(memory):
    """A child that has the entry, and keeps it."""
    ready, told = os.pipe()

    def hold():
        with memory.alone("key", PATIENCE):
            os.write(told, b"!")
            time.sleep(PATIENCE)

    child = forked(hold)
    os.close(told)
    assert os.read(ready, 1) == b"!"
    os.close(ready)
    return child


def test_waiting_for_another_is_bounded(memory):
    child, started = held_by_a_child(memory), time.monotonic()
    with memory.alone("key", 0.1) as entry:
        waited = time.monotonic() - started
        entry.write({"n": 1})
    os.kill(child, signal.SIGKILL)
    ended(child)

    assert 0.1 <= waited < PATIENCE / 2
    assert read(memory) == {"n": 1}


def test_the_lock_of_a_killed_process_ends_with_it(memory):
    child = held_by_a_child(memory)
    os.kill(child, signal.SIGKILL)
    ended(child)

    started = time.monotonic()
    write(memory, {"n": 1})
    assert time.monotonic() - started < PATIENCE / 2


def test_a_program_that_is_started_does_not_inherit_it(memory):
    look = f"import os; os.fstat({memory._descriptor})"
    done = subprocess.run([sys.executable, "-c", look], close_fds=False, capture_output=True, check=False)

    assert b"Bad file descriptor" in done.stderr


def test_where_the_system_has_no_such_memory_there_is_none(monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    assert PlayMemory.open() is None


def test_where_the_system_refuses_it_there_is_none(monkeypatch):
    def refuse(*_arguments):
        raise OSError("no memory")

    monkeypatch.setattr(os, "memfd_create", refuse)
    assert PlayMemory.open() is None
