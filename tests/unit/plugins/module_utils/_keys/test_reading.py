# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store's files as somebody else may have left them; more of it in test_directory.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._keys import reading
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore


def owned_by(path, user, mode=0o100600):
    found = list(path.stat())
    found[0], found[4] = mode, user
    return os.stat_result(found)


def test_a_missing_file_has_no_content(tmp_path):
    assert reading.read_file(tmp_path / "missing") is None
    assert reading.list_names(tmp_path / "missing") == []
    assert reading.read_link(tmp_path / "missing") == (None, None)


def test_a_gigantic_file_is_not_read(tmp_path):
    path = tmp_path / "record.json"
    with path.open("wb") as file:
        file.truncate(5 * 1024 * 1024)

    with pytest.raises(KeyStoreError, match="is not an ordinary file of ordinary size"):
        reading.read_file(path)


def test_a_directory_is_not_read_as_a_file(tmp_path):
    with pytest.raises(KeyStoreError, match=str(tmp_path)):
        reading.read_file(tmp_path)


def test_a_file_of_another_user_is_not_trusted(tmp_path):
    with pytest.raises(
        KeyStoreError, match=r"belongs to user ID 54321, but this runs as user '.+'\. Run as user ID 54321"
    ):
        reading.refuse_shared(tmp_path, owned_by(tmp_path, 54321))


def test_a_file_of_our_own_is_trusted(tmp_path):
    reading.refuse_shared(tmp_path, owned_by(tmp_path, os.geteuid()))


@pytest.mark.parametrize("name", ["", "abc", "A" * 39, "a" * 40, "G" * 40, "A" * 40 + "\n", "A" * 40 + "/"])
def test_only_thumbprints_name_versions(name):
    assert not reading.is_thumbprint(name)
    assert reading.is_thumbprint("0123456789ABCDEF" * 2 + "01234567")


def test_a_loop_of_links_is_told(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(KeyStoreError, match="could not read"):
        reading.refuse_unsafe_directory(tmp_path / "a")
    reading.refuse_open_parents(tmp_path / "a" / "store")


def test_a_file_where_a_directory_belongs_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    for function in (reading.list_names, reading.read_link, reading.refuse_link, reading.is_directory):
        path = Path(tmp_path, "file") if function is reading.list_names else Path(tmp_path, "file", "below")
        with pytest.raises(KeyStoreError, match="Not a directory"):
            function(path)


# Where a store may lie


is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def refusal(function, *arguments):
    with pytest.raises(KeyStoreError) as caught:
        function(*arguments)
    return caught.value.message


@pytest.mark.parametrize(("mode", "who"), [(0o2775, "the group 'root'"), (0o770, "the group 'root'"), (0o707, "every")])
def test_a_parent_that_others_may_write_to_is_refused_and_named(tmp_path, mode, who):
    """They could exchange the key store."""
    (tmp_path / "open").mkdir()
    os.chmod(tmp_path / "open", mode)

    said = refusal(reading.refuse_open_parents, tmp_path / "open" / "store")

    assert who.replace("'root'", f"'{reading.group_name(os.getegid())}'") in said
    assert f"{tmp_path}/open" in said and "Run 'chmod" in said


def test_a_sticky_parent_is_safe(tmp_path):
    (tmp_path / "open").mkdir()
    os.chmod(tmp_path / "open", 0o1777)

    reading.refuse_open_parents(tmp_path / "open" / "store")


@is_root
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_parent_of_another_user_is_refused(tmp_path, mode):
    (tmp_path / "theirs").mkdir()
    os.chmod(tmp_path / "theirs", mode)
    os.chown(tmp_path / "theirs", 54321, -1)

    said = refusal(reading.refuse_open_parents, tmp_path / "theirs" / "below" / "store")

    assert said.startswith(f"Key store: {tmp_path}/theirs belongs to user ID 54321, who could exchange ")


@is_root
def test_the_way_to_a_link_counts_as_well_as_what_it_stands_for(tmp_path):
    for name in ("real", "theirs"):
        (tmp_path / name).mkdir()
    (tmp_path / "theirs" / "store").symlink_to(tmp_path / "real")
    os.chown(tmp_path / "theirs", 54321, -1)

    assert "belongs to user ID 54321" in refusal(reading.refuse_open_parents, tmp_path / "theirs" / "store")


@pytest.mark.parametrize("names", [["passwd", "hosts"], ["versions/3.12/bin"], ["versions/readme", "lost+found/x"]])
def test_a_directory_that_is_full_of_something_else_is_no_key_store(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    store = DirectoryStore(str(tmp_path))

    for act in (store.prepare, store.read):
        assert f"{tmp_path} holds " in refusal(act)
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize("names", [[], ["lost+found"], ["lock"], ["versions"], ["history.jsonl"], [".evercert-1"]])
def test_an_empty_directory_and_the_beginnings_of_a_store_are_accepted(tmp_path, names):
    tmp_path.chmod(0o700)
    for name in names:
        (tmp_path / name).mkdir()
    store = DirectoryStore(str(tmp_path))

    store.prepare()
    assert store.read().is_empty
