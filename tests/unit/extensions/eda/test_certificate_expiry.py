# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as ansible-rulebook loads it: a file that is run without a package, where Ansible may be missing."""

from __future__ import annotations

import asyncio
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.evercert.entra.plugins.module_utils._events.options import OF_SOURCE

ROOT = Path(__file__).resolve().parents[4]
SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "certificate_expiry.py"
RULEBOOK = ROOT / "extensions" / "eda" / "rulebooks" / "remediate.yml"
WITHOUT_ANSIBLE = """
import runpy, sys
sys.modules["ansible"] = sys.modules["ansible_collections"] = None
runpy.run_path(sys.argv[1])["load"]("module_utils._events.watching")
"""


@pytest.fixture
def source():
    return runpy.run_path(str(SOURCE))


def test_it_reaches_the_collection_where_ansible_is_missing(tmp_path):
    command = [sys.executable, "-I", "-c", WITHOUT_ANSIBLE, SOURCE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_copy_out_of_its_place_says_what_is_wrong(tmp_path):
    alone = shutil.copy(SOURCE, tmp_path)

    with pytest.raises(ImportError, match="is not in its place in the collection"):
        runpy.run_path(str(alone))["load"]("module_utils._events.watching")


def test_wrong_arguments_end_it_at_once(source):
    with pytest.raises(Exception, match=r"no such option: colour\."):
        asyncio.run(source["main"](asyncio.Queue(), {"colour": "red"}))


def test_the_documentation_is_in_step_with_what_it_takes(source):
    documented = yaml.safe_load(source["DOCUMENTATION"])["options"]

    assert documented.keys() == OF_SOURCE.keys()
    for name, entry in OF_SOURCE.items():
        assert documented[name]["type"] == entry["type"]
        assert documented[name].get("aliases", []) == entry.get("aliases", [])
        assert documented[name].get("default") == entry.get("default")


@pytest.mark.parametrize("where", ["examples", "rulebook"])
def test_examples_and_rulebook_name_options_that_exist(source, where):
    text = source["EXAMPLES"] if where == "examples" else RULEBOOK.read_text(encoding="utf-8")
    sources = [one for ruleset in yaml.safe_load(text) for one in ruleset["sources"]]

    assert sources
    for one in sources:
        given = one["evercert.entra.certificate_expiry"]
        assert given.keys() <= OF_SOURCE.keys()
        for tenant in given["tenants"] if isinstance(given.get("tenants"), list) else ():
            assert tenant.keys() <= OF_SOURCE.keys()
