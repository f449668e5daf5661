# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import bundle
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput

RESULT = {"verified": False, "checks": [], "_failed": "Not verified."}


def test_a_bundle_holds_the_verification_the_failure_and_the_versions(tmp_path):
    path = tmp_path / "bundle.json"

    bundle.write(str(path), RESULT)

    found = json.loads(path.read_text())
    assert found["verification"] == {"verified": False, "checks": []}
    assert found["failure"] == "Not verified."
    assert set(found["versions"]) == {"ansible", "python", "platform", *bundle.LIBRARIES}


def test_only_its_owner_reads_it_even_where_a_file_was_before(tmp_path):
    path = tmp_path / "bundle.json"
    path.write_text("an older and much longer content " * 100)
    path.chmod(0o644)

    bundle.write(str(path), RESULT)

    assert os.stat(path).st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["format"] == 1


def test_a_bundle_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    path = str(tmp_path / "nowhere" / "bundle.json")

    with pytest.raises(InvalidInput) as failure:
        bundle.write(path, RESULT)
    assert failure.value.message == f"support_bundle: cannot write {path}: No such file or directory."


@pytest.mark.parametrize(
    "kind", ["symbolic link", "dangling link", "hard link", "pipe", "device", "another user's file"]
)
def test_nothing_is_written_through_what_others_have_put_in_place(tmp_path, kind):
    path, victim = tmp_path / "bundle.json", tmp_path / "victim"
    put_in_place(kind, path, victim)

    with pytest.raises(InvalidInput, match=f"support_bundle: .*{path}"):
        bundle.write(str(path), RESULT)

    assert [one.read_text() for one in (victim, path) if one.is_file()] in ([], ["precious"], ["precious"] * 2)
    assert kind != "dangling link" or not victim.exists()


def put_in_place(kind, path, victim):
    if kind == "dangling link":
        path.symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        try:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root can make a device")
    elif kind == "another user's file":
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        path.write_text("precious")
        os.chown(path, 54321, -1)
    else:
        victim.write_text("precious")
        path.symlink_to(victim) if kind == "symbolic link" else os.link(victim, path)


def test_a_library_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(bundle, "LIBRARIES", ("requests", "no-such-library"))

    found = bundle.versions()

    assert found["requests"]
    assert found["no-such-library"] is None
