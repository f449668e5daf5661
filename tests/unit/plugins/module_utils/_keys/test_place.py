# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file system must be able to do is tried before there is a key on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable, place


def take(store):
    with store.lock(0, lambda _seconds, _what: None):
        return True


@pytest.fixture
def unable(monkeypatch):
    """Makes one effect fail as a file system does that has no such thing."""

    def fail(name, number):
        def refuse(effect):
            raise OSError(number, os.strerror(number))

        monkeypatch.setitem(durable.EFFECTS, name, refuse)

    return fail


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP])
@pytest.mark.parametrize("effect", ["symlink", "rename", "sync"])
def test_a_file_system_that_cannot_do_it_is_named_before_a_key_is_made(store, unable, effect, number):
    unable(effect, number)

    with pytest.raises(KeyStoreError) as caught:
        take(store)

    said = caught.value.message
    assert said.startswith(f"Key store: the file system of {store.location} ({place.type_of(Path(store.location))}) ")
    assert "symbolic links" in said and "No key was made" in said and os.strerror(number) in said


def test_a_full_disk_is_no_such_file_system(store, unable):
    unable("symlink", errno.ENOSPC)

    with pytest.raises(KeyStoreError, match="Make room on that file system"):
        take(store)


def test_nothing_is_left_of_the_trial(store):
    take(store)

    assert [path.name for path in Path(store.location).iterdir()] == ["lock"]


def test_a_store_with_keys_is_not_tried_again(renewed, unable):
    unable("symlink", errno.ENOSYS)

    assert take(renewed)


def test_the_type_of_a_file_system_is_told_where_the_system_knows_it(tmp_path):
    assert place.type_of(Path("/proc")) in ("proc", "type unknown")
    assert place.type_of(tmp_path / "nowhere") == "type unknown"
