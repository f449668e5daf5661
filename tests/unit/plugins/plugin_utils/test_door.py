# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a module runs in Ansible's own process."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest
from ansible.release import __version__
from ansible_collections.evercert.entra.plugins.plugin_utils._door import (
    FIRST,
    NEWEST,
    Circumstances,
    is_read_at_start,
    is_this_python,
    minor,
    warning_for,
    why_not_here,
)

HERE = Circumstances(platform="linux")
NEWER = f"{NEWEST[0]}.{NEWEST[1] + 1}.0rc1"
ROOT = Path(__file__).resolve().parents[4]


def test_a_local_task_with_this_python_runs_here():
    assert why_not_here(HERE) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"transport": "ssh"}, "the connection is ssh, not local"),
        ({"become": "sudo"}, "become (sudo) is used"),
        ({"is_async": True}, "async is used"),
        ({"keeps_files": True}, "ANSIBLE_KEEP_REMOTE_FILES asks"),
        ({"interpreter": None}, "the host's Python is still to be discovered; set ansible_python_interpreter"),
        ({"interpreter": "/nowhere/python"}, f"the host's Python is /nowhere/python, not {sys.executable}; set"),
        ({"environment": {"PYTHONUTF8": "1", "LANG": "C", "HOME": "/"}}, "environment sets LANG, PYTHONUTF8, which"),
        ({"core": "2.18.19"}, "ansible-core 2.18.19 has not yet what this takes, which came with 2.19"),
        ({"misfits": ["a.b", "c"]}, "has parts of another form than is known here: a.b, c"),
        ({"core": NEWER}, f"ansible-core {NEWER} is newer than {'.'.join(map(str, NEWEST))}, the newest that this"),
        ({"platform": "darwin"}, "macOS ends processes"),
    ],
)
def test_anything_else_needs_a_process_of_its_own(change, why):
    assert why in (why_not_here(dataclasses.replace(HERE, **change)) or "")


def test_what_a_module_reads_itself_is_no_hindrance():
    variables = {"AZURE_CLIENT_SECRET": "s3cret", "HTTPS_PROXY": "http://proxy", "PATH": "/bin", "HOME": "/root"}

    assert why_not_here(dataclasses.replace(HERE, environment=variables)) is None
    assert "s3cret" not in repr(dataclasses.replace(HERE, environment=variables))


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD", "LC_ALL", "OPENSSL_CONF", "TZ", "TMPDIR"])
def test_what_a_process_reads_when_it_starts(name):
    assert is_read_at_start(name)


def test_other_names_of_this_python(tmp_path):
    """Two names in one folder are one environment."""
    folder = tmp_path / "environment"
    folder.symlink_to(os.path.dirname(sys.executable))
    assert is_this_python(sys.executable)
    assert is_this_python(str(folder / os.path.basename(sys.executable)))


def test_a_link_to_this_python_may_be_another_environment(tmp_path):
    link = tmp_path / "python"
    link.symlink_to(sys.executable)

    assert not is_this_python(str(link))
    assert not is_this_python("/usr/bin/env python3")


@pytest.mark.parametrize("change", [{"core": NEWER}, {"misfits": ["a.b"]}])
def test_a_person_is_told_when_ansible_core_alone_stands_in_the_way(change):
    """Where the connection does as well, no release of this collection would make it faster."""
    told = warning_for(dataclasses.replace(HERE, **change)) or ""

    assert "slower and nothing else. Update evercert.entra" in told and "entra_in_process: never" in told
    assert warning_for(dataclasses.replace(HERE, transport="ssh", **change)) is None


@pytest.mark.parametrize("core", ["2.16.19", "2.18.0", "2.19.0", "2.21.99", f"{NEWEST[0]}.{NEWEST[1]}.0"])
def test_nobody_is_told_of_an_ansible_core_that_is_known(core):
    assert warning_for(dataclasses.replace(HERE, core=core)) is None


def test_who_forces_it_has_it_with_an_untested_ansible_core_whose_parts_fit():
    forced = dataclasses.replace(HERE, core=NEWER, is_forced=True)

    assert why_not_here(forced) is None
    assert "a.b" in (why_not_here(dataclasses.replace(forced, misfits=["a.b"])) or "")


def test_no_gate_has_a_newer_ansible_core_than_is_said_to_be_tested():
    """When it fails: see that both doors do the same with the new one, then raise NEWEST and the guide."""
    environments = [ROOT / ".cache" / "envs", Path(sys.prefix).parent]
    installed = [
        path.name for place in environments for path in place.glob("test-*/lib/*/site-packages/ansible_core-*")
    ]
    versions = [minor(name.removeprefix("ansible_core-")) for name in installed]

    assert minor(__version__) <= NEWEST
    assert not versions or max(versions) == NEWEST


def test_the_guide_names_the_same_ansible_cores():
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_in_process.rst").read_text(encoding="utf-8")

    assert f"tested from {FIRST[0]}.{FIRST[1]} to {NEWEST[0]}.{NEWEST[1]}" in guide
