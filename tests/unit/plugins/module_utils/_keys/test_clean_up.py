# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a clean-up takes and what it never takes; test_durable.py has every moment at which a run can stop."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
SENT = Record(app_id="app", generated=NOW, intent=NOW)


def file_in(store, *names):
    return Path(store.location, *names)


def test_files_that_are_none_of_ours_are_left_alone(renewed):
    file_in(renewed, "README").write_text("hands off")
    file_in(renewed, "versions", "lost+found").mkdir()
    seen = renewed.read()

    assert renewed.clear_debris() == []
    assert file_in(renewed, "README").exists()
    assert file_in(renewed, "versions", "lost+found").exists()
    assert renewed.read() == seen


def test_unsent_leftovers_are_cleared_and_named(renewed, key_pairs):
    renewed.keep_successor(key_pairs[2], Record(generated=NOW))
    renewed.release_successor()
    folder = file_in(renewed, "versions", ".evercert-half")
    folder.mkdir()
    (folder / "key.pem").write_text("half")
    file_in(renewed, "current", ".evercert-record").write_text("{")

    removed = renewed.clear_debris()

    assert sorted(removed) == [".evercert-half", ".evercert-record", key_pairs[2].certificate.thumbprint]
    assert renewed.clear_debris() == []


@pytest.mark.parametrize(
    "mark",
    [
        {"intent": NOW},
        {"registered": NOW},
        {"proven": NOW},
        {"promoted": NOW},
        {"retired": NOW},
        {"stop_after": "generated"},
    ],
)
def test_what_may_have_been_sent_is_never_cleared(renewed, key_pairs, mark):
    renewed.keep_successor(key_pairs[2], Record(generated=NOW, **mark))
    renewed.release_successor()

    assert renewed.clear_debris() == []
    assert renewed.signer(key_pairs[2].certificate.thumbprint)


def test_a_successor_is_never_debris(renewed, key_pairs):
    renewed.keep_successor(key_pairs[2], Record())

    assert renewed.clear_debris() == []


def test_a_key_pair_somebody_has_put_there_without_a_record_is_kept(renewed, old):
    """Whether its certificate is registered is for the directory to say."""
    file_in(renewed, "versions", old, "record.json").unlink()

    assert renewed.clear_debris() == []
    assert renewed.read().find(old).record == Record()


@pytest.mark.parametrize("name", ["key.pem", "certificate.pem"])
def test_half_a_version_without_a_record_is_cleared(renewed, old, name):
    file_in(renewed, "versions", old, "record.json").unlink()
    file_in(renewed, "versions", old, name).unlink()

    assert renewed.read().find(old) is None
    assert renewed.clear_debris() == [old]


def test_an_adoption_that_was_cut_short_is_finished(store, key_pair):
    store.adopt_current(key_pair, SENT)
    file_in(store, "current").unlink()

    assert store.read().current.certificate == key_pair.certificate
    store.clear_debris()

    assert file_in(store, "current", "key.pem").exists()
