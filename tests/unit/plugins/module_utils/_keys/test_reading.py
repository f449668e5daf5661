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


def owned_by(path, user, mode=0o100600):
    found = list(path.stat())
    found[0], found[4] = mode, user
    return os.stat_result(found)


def test_a_missing_file_has_no_content(tmp_path):
    assert reading.read_file(tmp_path / "missing") is None
    assert reading.list_names(tmp_path / "missing") == []
    assert reading.read_link(tmp_path / "missing") is None


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
