# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml
from ansible_collections.evercert.entra.plugins.module_utils._ansible import bundle
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput

RESULT = {"verification": {"verified": False, "checks": []}, "failure": "Not verified."}


def test_a_secret_that_got_into_a_sentence_is_not_in_the_file(tmp_path):
    path = tmp_path / "bundle.json"
    told = {
        "failure": "The service said: s3cret-canary is wrong.",
        "verification": {"checks": ["s3cret-canary"]},
    }

    bundle.write(str(path), told, {"s3cret-canary"})

    assert "The service said: " in path.read_text() and "canary" not in path.read_text()


def test_the_versions_are_those_of_the_collection_of_what_runs_it_and_of_its_libraries():
    galaxy = yaml.safe_load((Path(__file__).parents[5] / "galaxy.yml").read_text(encoding="utf-8"))

    found = bundle.versions()

    assert found["evercert.entra"] == galaxy["version"]
    assert set(found) == {"evercert.entra", "ansible", "python", "platform", "openssl", *bundle.LIBRARIES}


def test_a_bundle_without_a_directory_is_a_problem_of_the_options(tmp_path):
    path = tmp_path / "nowhere" / "bundle.json"

    assert bundle.missing_directory({"support_bundle": str(path)}) == [
        f"support_bundle: the directory of {path} does not exist on the host that runs the module."
    ]
    assert bundle.missing_directory({"support_bundle": str(tmp_path / "b.json")}) == []
    assert (
        bundle.missing_directory({"support_bundle": "b.json"})
        == bundle.missing_directory({"support_bundle": None})
        == []
    )


def test_only_its_owner_reads_it_even_where_a_file_was_before(tmp_path):
    path = tmp_path / "bundle.json"
    path.write_text("an older and much longer content " * 100)
    path.chmod(0o644)

    bundle.write(str(path), RESULT)

    assert os.stat(path).st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["failure"] == "Not verified."


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
