# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection's playbooks hand on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import CONNECTION

ROOT = Path(__file__).resolve().parents[2]


def test_every_connection_option_has_its_inventory_variable():
    text = (ROOT / "playbooks" / "vars" / "connection.yml").read_text(encoding="utf-8")

    assert yaml.safe_load(text)["connection_options"] == {
        name: f"{{{{ entra_{name} | default(omit) }}}}" for name in CONNECTION
    }


IN_INVENTORY = {"renew_register_from": "bastion", "renew_registrar": {"client_id": "of the inventory"}}
WITH_E = {"register_from": "console", "registrar": {"client_id": "of the command"}}


@pytest.mark.parametrize(
    ("inventory", "command", "expected"),
    [
        ({}, {}, ("localhost", {})),
        (IN_INVENTORY, {}, ("bastion", {"client_id": "of the inventory"})),
        (IN_INVENTORY, WITH_E, ("console", {"client_id": "of the command"})),
    ],
    ids=["neither says it", "the inventory says it", "both say it"],
)
def test_split_duty_heeds_the_inventory_and_the_command_before_it(inventory, command, expected):
    [_matched, play] = yaml.safe_load((ROOT / "playbooks" / "renew_split.yml").read_text(encoding="utf-8"))
    known = {"inventory_hostname": "payroll", "hostvars": {"payroll": inventory}, **command}
    templar = Templar(loader=DataLoader(), variables=known)
    names = ("renew_register_from", "renew_registrar")

    assert tuple(templar.template(trust_as_template(play["vars"][name])) for name in names) == expected


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_every_playbook_refuses_to_match_no_host_before_anything_else(path):
    [first, *others] = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert first["ansible.builtin.import_playbook"] == "plays/matched.yml" and others


@pytest.mark.parametrize(
    ("pattern", "groups", "is_well"),
    [
        ("near_expiry:rotation_due:expired", ["entra_applications"], True),
        ("my_renew_2026_12,&healthy", ["entra_applications"], True),
        ("my_renew_2026_12:&nobody", ["entra_applications"], False),
        ("near_expiry", [], False),
        ("nobody", ["entra_applications"], False),
    ],
)
def test_nothing_to_do_is_well_only_where_nothing_is_due(pattern, groups, is_well):
    [play] = yaml.safe_load((ROOT / "playbooks" / "plays" / "matched.yml").read_text(encoding="utf-8"))
    variables = {name: trust_as_template(value) for name, value in play["vars"].items()}
    templar = Templar(loader=DataLoader(), variables={**variables, "groups": dict.fromkeys(groups), "target": pattern})

    assert templar.template(trust_as_template(play["vars"]["is_of_a_status"])) is is_well


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["-e", "target=web", "--limit", "web1"], None),
        (["-e", "target=web", "--limit", "db"], "No host of the inventory matches web within the limit db, so that"),
    ],
    ids=["some", "none"],
)
def test_a_limit_that_leaves_none_of_the_hosts_that_are_named_is_refused(tmp_path, asked, told):
    """Ansible passes over a play without hosts, the one on localhost included."""
    hosts = tmp_path / "hosts"
    hosts.write_text("[web]\nweb1\n[db]\ndb1\n")
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", hosts, *asked, "playbooks/plays/matched.yml"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode == 0) is (told is None), done.stdout + done.stderr
    assert (told or "web1 ") in " ".join(done.stdout.split())
