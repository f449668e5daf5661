# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore

NOW = dt.datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=dt.timezone.utc)


def test_history_is_told_newest_last(store):
    for number in range(5):
        store.append_history({"at": NOW, "number": number})

    assert [event["number"] for event in store.history(2)] == [3, 4]
    assert store.history(1) == [{"at": "2026-11-22T10:00:00.123456Z", "number": 4}]
    assert len(store.history(99)) == 5
    assert store.history(0) == []


def test_history_is_bounded(store):
    for number in range(30):
        store.append_history({"number": number, "text": "x" * 50_000})

    assert Path(store.location, "history.jsonl").stat().st_size < 1024 * 1024 + 60_000
    assert store.history(1)[0]["number"] == 29
    assert 10 <= len(store.history(99)) < 30
    assert stat.S_IMODE(Path(store.location, "history.jsonl").stat().st_mode) == 0o600


def test_sign_ins_are_remembered(store):
    for minutes in (3, 1, 2):
        store.note_sign_in(NOW + dt.timedelta(minutes=minutes), "A", "proof")

    since = NOW + dt.timedelta(minutes=2)
    assert store.sign_ins_since(since) == [since, NOW + dt.timedelta(minutes=3)]


def test_sign_ins_older_than_a_day_are_forgotten_when_there_are_many(store):
    path = Path(store.location, "sign_ins.jsonl")
    for hours in range(100):
        store.note_sign_in(NOW + dt.timedelta(hours=hours), "A", "proof")
    path.write_bytes(path.read_bytes() + b"{}\n" * 30_000)

    store.note_sign_in(NOW + dt.timedelta(hours=100), "A", "proof")

    assert path.stat().st_size < 4096
    assert store.sign_ins_since(NOW)[0] == NOW + dt.timedelta(hours=77)


def test_sign_ins_are_forgotten_with_age_however_few_there_are(store):
    """Ten years of one run a week are no reason to keep hundreds of them."""
    path = Path(store.location, "sign_ins.jsonl")
    for week in range(10):
        for second in range(3):
            store.note_sign_in(NOW + dt.timedelta(weeks=week, seconds=second), "A", "proof")

    assert path.read_bytes().count(b"\n") == 3
    assert store.sign_ins_since(NOW) == [NOW + dt.timedelta(weeks=9, seconds=second) for second in range(3)]


def test_a_note_of_a_wrong_clock_does_not_push_out_the_true_ones(store):
    store.note_sign_in(NOW, "A", "proof")
    store.note_sign_in(NOW + dt.timedelta(hours=40), "A", "proof")
    path = Path(store.location, "sign_ins.jsonl")
    path.write_bytes(path.read_bytes() + b'{"at": "2027-06-01T00:00:00Z"}\n')

    store.note_sign_in(NOW + dt.timedelta(hours=41), "A", "proof")

    assert store.sign_ins_since(NOW) == [NOW + dt.timedelta(hours=40), NOW + dt.timedelta(hours=41)]


def test_sign_ins_are_noted_while_another_process_holds_the_lock(store):
    with DirectoryStore(store.location).lock(0, lambda _seconds, _what: None):
        store.note_sign_in(NOW, "A", "proof")

    assert store.sign_ins_since(NOW) == [NOW]


def test_notes_are_shortened_only_under_the_lock(store):
    """Its clean-up would take the file in the making for debris."""
    path = Path(store.location, "sign_ins.jsonl")
    path.write_bytes(b"{}\n" * 30_000)

    with DirectoryStore(store.location).lock(0, lambda _seconds, _what: None):
        store.note_sign_in(NOW, "A", "proof")
        assert path.stat().st_size > 64 * 1024
    with store.lock(0, lambda _seconds, _what: None):
        store.note_sign_in(NOW, "A", "proof")

    assert path.stat().st_size < 4096
    assert store.sign_ins_since(NOW) == [NOW, NOW]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("name", ["history.jsonl", "sign_ins.jsonl"])
def test_a_journal_of_another_user_is_not_shortened_into_one_of_ours(store, name):
    """Its owner could not write to it any more."""
    path = Path(store.location, name)
    path.write_bytes(b"{}\n" * 400_000)
    os.chown(path, 54321, -1)

    store.append_history({"event": "x"})
    store.note_sign_in(NOW, "A", "proof")

    assert path.stat().st_uid == 54321
    assert path.stat().st_size > 1024 * 1024


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_nothing_is_noted_in_a_store_of_another_user(store):
    os.chown(store.location, 54321, -1)

    for note in (lambda: store.append_history({"event": "x"}), lambda: store.note_sign_in(NOW, "A", "proof")):
        with pytest.raises(KeyStoreError, match="belongs to user ID 54321"):
            note()

    assert list(Path(store.location).iterdir()) == []
