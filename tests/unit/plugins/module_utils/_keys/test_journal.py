# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import multiprocessing
import os

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._keys.journal import Journal, newer_half

fork = multiprocessing.get_context("fork")


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "history.jsonl", 1000)


def append_many(journal, start):
    for number in range(start, start + 40):
        journal.append({"number": number})


def test_entries_come_back_in_order(journal):
    journal.append({"a": 1, "at": dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)})
    journal.append({"b": "ü\n"})

    assert journal.entries() == [{"a": 1, "at": "2026-01-02T00:00:00Z"}, {"b": "ü\n"}]
    assert journal.path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("torn", [b'{"number": 2, "te', b"null", b"\xff\xfe", b"[" * 100_000, b'"x"', b"7" * 5000])
def test_a_torn_or_foreign_line_is_skipped_and_does_not_take_the_next_one(journal, torn):
    journal.append({"number": 1})
    journal.path.write_bytes(journal.path.read_bytes() + torn)

    assert journal.entries() == [{"number": 1}]
    journal.append({"number": 3})

    assert journal.entries() == [{"number": 1}, {"number": 3}]


def test_no_line_is_lost_when_several_processes_append_and_another_one_shortens(journal):
    processes = [fork.Process(target=append_many, args=(journal, start)) for start in (0, 1000, 2000)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        journal.shorten(lambda entries: entries)
    for process in processes:
        process.join()
        assert process.exitcode == 0

    numbers = [entry["number"] for entry in journal.entries()]
    assert sorted(numbers) == sorted([*range(40), *range(1000, 1040), *range(2000, 2040)])


def test_the_older_half_is_dropped(journal):
    for number in range(5):
        journal.append({"number": number})

    journal.shorten(newer_half)

    assert [entry["number"] for entry in journal.entries()] == [2, 3, 4]


def test_a_journal_that_does_not_exist_is_empty_and_short(journal):
    assert journal.entries() == []
    assert not journal.is_too_long


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "pipe"])
def test_nothing_is_appended_to_what_somebody_has_put_in_place(journal, tmp_path, kind):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    if kind == "symbolic link":
        journal.path.symlink_to(victim)
    elif kind == "hard link":
        os.link(victim, journal.path)
    else:
        os.mkfifo(journal.path)

    with pytest.raises(KeyStoreError, match=str(journal.path)):
        journal.append({"number": 1})

    assert victim.read_text() == "precious"
