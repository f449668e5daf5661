# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection's playbooks hand on."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.evercert.entra.plugins.module_utils._ansible.arguments import CONNECTION

ROOT = Path(__file__).resolve().parents[2]


def test_every_connection_option_has_its_inventory_variable():
    text = (ROOT / "playbooks" / "vars" / "connection.yml").read_text(encoding="utf-8")

    assert yaml.safe_load(text)["connection_options"] == {
        name: f"{{{{ entra_{name} | default(omit) }}}}" for name in CONNECTION
    }
