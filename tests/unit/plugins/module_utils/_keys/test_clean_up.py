# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a clean-up takes and what it never takes; test_durable.py has every moment at which a run can stop."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
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


def test_what_is_half_written_is_cleared_and_named(renewed):
    folder = file_in(renewed, "versions", ".evercert-half")
    folder.mkdir()
    (folder / "key.pem").write_text("half")
    file_in(renewed, "current", ".evercert-record").write_text("{")

    removed = renewed.clear_debris()

    assert sorted(removed) == [".evercert-half", ".evercert-record"]
    assert renewed.clear_debris() == []


def test_a_key_pair_without_its_link_is_the_successor_and_gets_the_link(renewed, key_pairs):
    """Its record says that it was not sent. In a restored store it may be the only key that still signs in."""
    name = key_pairs[2].certificate.thumbprint
    renewed.keep_successor(key_pairs[2], Record(generated=NOW))
    renewed.release_successor()

    seen = renewed.read()
    assert seen.successor.thumbprint == name
    assert renewed.clear_debris() == []
    assert renewed.read() == seen
    assert file_in(renewed, "successor").resolve().name == name
    assert renewed.signer(name)


def test_a_whole_folder_without_its_name_gets_it(renewed, key_pairs):
    """The run was stopped before the last rename: nothing else was missing."""
    name = key_pairs[2].certificate.thumbprint
    renewed.keep_successor(key_pairs[2], Record(generated=NOW))
    renewed.release_successor()
    file_in(renewed, "versions", name).rename(file_in(renewed, "versions", ".evercert-whole"))

    seen = renewed.read()
    assert seen.successor.thumbprint == name and renewed.signer(name)
    assert renewed.clear_debris() == []
    assert renewed.read().successor.path == str(file_in(renewed, "versions", name))


@pytest.mark.parametrize("mark", [{"aside": NOW}, {"retired": NOW}])
def test_a_removal_that_was_stopped_is_finished(renewed, key_pairs, mark):
    renewed.keep_successor(key_pairs[2], Record(generated=NOW, **mark))
    renewed.release_successor()
    file_in(renewed, "versions", key_pairs[2].certificate.thumbprint).rename(
        file_in(renewed, "versions", ".evercert-doomed")
    )

    assert renewed.read().find(key_pairs[2].certificate.thumbprint) is None
    assert renewed.clear_debris() == [".evercert-doomed"]


def test_of_two_key_pairs_without_a_link_the_younger_goes_on_and_no_key_is_destroyed(renewed, key_pairs):
    later = NOW + dt.timedelta(hours=1)
    names = [pair.certificate.thumbprint for pair in key_pairs]
    renewed.delete_version(names[0])
    for number, made in ((0, NOW), (2, later)):
        renewed.keep_successor(key_pairs[number], Record(generated=made))
        renewed.release_successor()

    seen = renewed.read()
    renewed.clear_debris()

    assert renewed.read() == seen
    assert seen.successor.thumbprint == names[2]
    assert seen.find(names[0]).record.aside == NOW
    assert renewed.signer(names[0])


def test_what_was_set_aside_is_no_successor_and_stays_until_somebody_was_asked(renewed, key_pairs):
    renewed.keep_successor(key_pairs[2], Record(generated=NOW, aside=NOW))
    renewed.release_successor()

    assert renewed.clear_debris() == []
    assert renewed.read().successor is None
    assert renewed.signer(key_pairs[2].certificate.thumbprint)


def test_a_successor_that_names_nothing_heals(renewed, new):
    """Where locks do not reach another host, its run may have taken the folder away."""
    file_in(renewed, "successor").symlink_to("versions/" + "A" * 40)

    seen = renewed.read()
    assert seen.successor is None and seen.current.thumbprint == new
    assert renewed.clear_debris() == ["successor"]
    assert renewed.read() == seen


def test_a_current_that_names_nothing_is_never_healed(renewed):
    file_in(renewed, "current").unlink()
    file_in(renewed, "current").symlink_to("versions/" + "A" * 40)

    with pytest.raises(KeyStoreError, match=r"does not exist\. Restore that folder"):
        renewed.read()
    renewed.clear_debris()
    assert file_in(renewed, "current").is_symlink()


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
def test_half_a_version_without_a_record_is_not_read_and_its_key_stays(renewed, old, name):
    """What is left of a backup that was restored in part may be put together by a person."""
    file_in(renewed, "versions", old, "record.json").unlink()
    file_in(renewed, "versions", old, name).unlink()

    assert renewed.read().find(old) is None
    assert renewed.clear_debris() == []
    assert file_in(renewed, "versions", old, "bundle.pem").exists()


def test_a_folder_without_a_key_and_a_record_is_cleared(renewed, old):
    for name in ("record.json", "key.pem", "bundle.pem"):
        file_in(renewed, "versions", old, name).unlink()

    assert renewed.clear_debris() == [old]


def test_an_adoption_that_was_cut_short_is_finished(store, key_pair):
    store.adopt_current(key_pair, SENT)
    file_in(store, "current").unlink()

    assert store.read().current.certificate == key_pair.certificate
    store.clear_debris()

    assert file_in(store, "current", "key.pem").exists()
