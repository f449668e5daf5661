# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a module runs in Ansible's own process."""

from __future__ import annotations

import dataclasses
import os
import sys

import pytest
from ansible_collections.evercert.entra.plugins.plugin_utils._door import (
    Circumstances,
    is_read_at_start,
    is_this_python,
    why_not_here,
)

HERE = Circumstances(platform="linux")


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
        ({"missing_names": ["a.b"]}, "this ansible-core has no a.b"),
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
