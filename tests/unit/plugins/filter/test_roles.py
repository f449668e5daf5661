# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of our own roles and playbooks: Ansible finds them, as `every_plugin` shows, and lists none."""

from __future__ import annotations

import re
from pathlib import Path

import ansible_collections.evercert.entra as collection
from ansible.plugins.list import list_collection_plugins
from ansible_collections.evercert.entra.plugins.filter import _roles

ROOT = Path(__file__).resolve().parents[4]
ASKED = re.compile(r"\|\s*evercert\.entra\.(\w+)")
USED = sorted(
    {
        name
        for folder in ("roles", "playbooks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yml", ".j2")
        for name in ASKED.findall(path.read_text(encoding="utf-8"))
    }
)


def test_the_roles_and_playbooks_ask_for_what_there_is():
    assert sorted(_roles.FilterModule().filters()) == USED


def test_no_filter_is_listed():
    path = str(Path(next(iter(collection.__path__)))).encode()

    assert list_collection_plugins("filter", {"evercert.entra": path}) == {}
    assert len(list_collection_plugins("inventory", {"evercert.entra": path})) == 1
