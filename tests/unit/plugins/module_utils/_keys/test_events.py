# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

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
