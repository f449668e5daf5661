# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may read a private key, how that is asked for, remembered, kept, and never taken too far."""

from __future__ import annotations

import grp
import json
import os
import stat
import struct
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys import protection, reading
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair
from ansible_collections.evercert.entra.plugins.module_utils._keys.protection import Access, Protection
from cryptography.hazmat.primitives.serialization import pkcs12

GROUP = 4242
FOR_GROUP = Access(GROUP)
# One that whoever runs the tests may give files to.
FOR_OWN_GROUP = Access(os.getegid())
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def opened(store, **asked):
    return DirectoryStore(store.location, Protection(**asked))


def mode_of(store, *names):
    return stat.S_IMODE(Path(store.location, *names).stat().st_mode)


# Options


@pytest.mark.parametrize("given", [None, ""])
def test_without_a_group_nobody_is_let_in(given):
    problems = []

    assert protection.wanted_access(given, problems) == Access() and problems == []
    assert (Access().file_mode, Access().folder_mode) == (0o600, 0o700)


@pytest.mark.parametrize("given", ["0", grp.getgrgid(0).gr_name, 0])
def test_a_group_is_named_or_numbered(monkeypatch, given):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    problems = []

    assert protection.wanted_access(given, problems) == Access(0) and problems == []


@pytest.mark.parametrize("given", ["nothing-here", "4294967295", "-1", "\u0664", "a\0b"])
def test_an_unknown_group_is_refused(given):
    problems = []

    assert protection.wanted_access(given, problems) == Access()
    assert problems == [f"group: this host has no group '{given}'."]


def test_only_root_and_members_may_give_files_to_a_group(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "getegid", lambda: 54321)
    monkeypatch.setattr(os, "getgroups", lambda: [54322])
    problems = []

    assert protection.wanted_access("54321", problems) == Access(54321)
    assert protection.wanted_access("54322", problems) == Access(54322) and problems == []
    protection.wanted_access("0", problems)
    assert problems == ["group: this user is no member of '0', so it cannot give files to it."]


# Kept


@is_root
def test_a_new_version_is_made_for_its_consumers(store, key_pair):
    store = opened(store, access=FOR_GROUP)
    version = store.keep_successor(key_pair, Record(), "pw")
    store.correct_access()

    for name in ("key.pem", "certificate.pem", "bundle.pem", "bundle.pfx"):
        found = Path(version.path, name).stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (os.geteuid(), GROUP, 0o640), name
    for folder in (store.location, os.path.dirname(version.path), version.path):
        found = os.stat(folder)
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (os.geteuid(), GROUP, 0o750), folder
    assert mode_of(store, "versions", version.thumbprint, "record.json") == 0o600


@is_root
def test_what_was_asked_for_once_is_kept_by_runs_that_do_not_ask(renewed, key_pairs, old):
    opened(renewed, access=FOR_GROUP).correct_access()

    later = DirectoryStore(renewed.location)
    made = later.keep_successor(key_pairs[2], Record())
    assert Path(made.path, "key.pem").stat().st_gid == GROUP
    assert later.signer(old) and later.signer(made.thumbprint)
    Path(made.path, "bundle.pem").chmod(0o600)
    assert [entry["path"] for entry in later.wrong_access()] == [f"{made.path}/bundle.pem"]
    (corrected,) = later.correct_access()
    assert (corrected["before"], corrected["after"]) == (
        {"group": str(GROUP), "mode": "0600"},
        {"group": str(GROUP), "mode": "0640"},
    )
    assert later.correct_access() == [] == later.wrong_access()


@is_root
def test_another_group_takes_the_place_of_the_one_that_was_let_in(renewed, new):
    opened(renewed, access=FOR_GROUP).correct_access()
    opened(renewed, access=Access(GROUP + 1)).correct_access()

    found = Path(renewed.location, "versions", new, "key.pem").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (GROUP + 1, 0o640)
    assert (Path(renewed.location).stat().st_gid, mode_of(renewed)) == (GROUP + 1, 0o750)
    assert json.loads(Path(renewed.location, "access.json").read_text()) == {"group": GROUP + 1}


@is_root
@pytest.mark.parametrize(("mode", "group"), [(0o644, GROUP), (0o660, GROUP), (0o640, GROUP + 1)])
def test_a_key_that_more_people_can_read_than_was_asked_for_is_refused(renewed, new, mode, group):
    opened(renewed, access=FOR_GROUP).correct_access()
    key = Path(renewed.location, "versions", new, "key.pem")
    os.chown(key, -1, group)
    key.chmod(mode)

    with pytest.raises(KeyStoreError, match=r"so others may read the private key\. Run 'chgrp 4242 \S+ && chmod 0640"):
        DirectoryStore(renewed.location).signer(new)


def test_asking_for_nothing_leaves_no_trace(renewed, effects):
    assert renewed.wrong_access() == renewed.correct_access() == []
    assert effects == [] and not Path(renewed.location, "access.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        "{}",
        '{"group": null}',
        '{"group": -1}',
        '{"group": true}',
        '{"group": "root"}',
        '{"group": 4294967295}',
        '{"mode": "0640"}',
        '{"owner": null, "group": 0, "mode": "0640"}',
        "[" * 5000,
    ],
)
def test_a_broken_memory_of_who_may_read_is_refused(renewed, new, content):
    path = Path(renewed.location, "access.json")
    path.write_text(content)

    with pytest.raises(KeyStoreError, match=r"access\.json does not say who may read the keys"):
        renewed.signer(new)


def test_a_stop_between_remembering_and_changing_is_finished_by_the_next_run(renewed, monkeypatch):
    asked = opened(renewed, access=FOR_OWN_GROUP)
    from ansible_collections.evercert.entra.plugins.module_utils._keys import consumers

    monkeypatch.setattr(consumers, "correct", lambda layout, access: [])
    asked.correct_access()
    monkeypatch.undo()

    assert len(DirectoryStore(renewed.location).correct_access()) == 10  # four folders, three files in two of them


# Encrypted


def test_a_private_key_is_written_encrypted_and_signs(store, key_pair):
    locked = opened(store, key_passphrase="pä$$")
    version = locked.keep_successor(key_pair, Record())

    for name in ("key.pem", "bundle.pem"):
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in Path(version.path, name).read_bytes()
        assert b"BEGIN PRIVATE KEY" not in Path(version.path, name).read_bytes()
    assert locked.signer(version.thumbprint) == key_pair
    assert load_key_pair(Path(version.path, "bundle.pem").read_bytes(), "pä$$", "bundle") == key_pair


@pytest.mark.parametrize(
    ("given", "said"), [(None, "Give its passphrase as key_passphrase"), ("x", "does not open with")]
)
def test_a_missing_or_wrong_passphrase_is_told_apart_from_damage(store, key_pair, given, said):
    opened(store, key_passphrase="right").keep_successor(key_pair, Record())
    other = opened(store, key_passphrase=given)

    for act in (other.refuse_obstacles, lambda: other.signer(key_pair.certificate.thumbprint)):
        with pytest.raises(KeyStoreError, match=said) as caught:
            act()
        assert "right" not in caught.value.message


def test_versions_without_and_with_a_passphrase_live_side_by_side(renewed, key_pairs, new):
    locked = opened(renewed, key_passphrase="pw")
    made = locked.keep_successor(key_pairs[2], Record())

    locked.refuse_obstacles()
    assert locked.signer(new) and locked.signer(made.thumbprint)


def test_a_locked_key_that_nobody_uses_any_more_stops_nobody(renewed, key_pairs):
    opened(renewed, key_passphrase="pw").keep_successor(key_pairs[2], Record(intent=None, stop_after="generated"))
    renewed.release_successor()

    renewed.refuse_obstacles()


def test_a_pfx_is_encrypted_with_aes_256(store, key_pair):
    version = store.keep_successor(key_pair, Record(), "pw")

    content = Path(version.path, "bundle.pfx").read_bytes()
    assert content.count(b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a") >= 2  # aes256-CBC, for the key and the certificates
    assert pkcs12.load_pkcs12(content, b"pw").key.private_numbers() == key_pair.private_key.private_numbers()


# Access control lists


def a_list(*entries):
    """As the system keeps it: a version, then tag, rights and number of each entry."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 2**32 - 1
# The owner, a user by number, the owning group, what they may have at most, everybody else.
LETS_IN_A_THIRD = a_list((1, 7, NOBODY), (2, 5, 54321), (4, 5, NOBODY), (16, 5, NOBODY), (32, 0, NOBODY))


def give_list(path, name="system.posix_acl_access"):
    try:
        os.setxattr(path, name, LETS_IN_A_THIRD)
    except OSError:
        pytest.skip("this file system has no access control lists")


def test_lists_that_a_directory_hands_down_let_nobody_in(tmp_path, key_pair):
    """With a group let in a third user could read the private key, and nothing would notice."""
    (tmp_path / "above").mkdir()
    give_list(tmp_path / "above", "system.posix_acl_default")
    store = DirectoryStore(str(tmp_path / "above" / "store"), Protection(FOR_OWN_GROUP))
    store.prepare()
    store.keep_successor(key_pair, Record())

    made = [Path(store.location), *Path(store.location).rglob("*")]
    assert len(made) > 5
    assert not [path for path in made if not path.is_symlink() and reading.lists_of(path)]


def test_a_list_that_was_there_before_is_reported_and_taken_away(renewed, new):
    wanted = DirectoryStore(renewed.location, Protection(FOR_OWN_GROUP))
    wanted.correct_access()
    path = Path(renewed.location, "versions", new, "key.pem")
    give_list(path)
    path.chmod(0o640)

    [told] = wanted.wrong_access()
    assert (told["path"], told["before"]["mode"], told["after"]["mode"]) == (str(path), "0640+", "0640")
    wanted.correct_access()

    assert reading.lists_of(path) == [] and wanted.wrong_access() == []
