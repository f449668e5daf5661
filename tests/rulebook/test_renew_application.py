# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that the rulebook starts, when it cannot do what it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def play(inventory, server):
    """Run the playbook with variables; its exit status and what it said."""
    program = Path(sys.executable).with_name("ansible-playbook")

    def run(**variables):
        command = [program, "evercert.entra.renew_application", "-i", inventory, "-e", json.dumps(variables)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"app_id": "00000000-aaaa-4000-8000-00000000ffff"}, "nothing was renewed"),
        ({"app_id": "00000000-aaaa-4000-8000-00000000ffff", "target": "all"}, "target cannot be given as well"),
    ],
)
def test_it_says_why_nothing_was_renewed(play, variables, sentence, tmp_path):
    status, said = play(**variables)

    assert status and sentence in said
    assert not (tmp_path / "stores").exists()


@pytest.mark.parametrize(
    ("is_known", "sentence"),
    [(False, "nothing was renewed"), (True, "web1 (entra_key_store_host) has a copy of the key of payroll")],
    ids=["nobody else stands for it", "the host of its key store does"],
)
def test_a_host_with_a_copy_of_the_key_renews_nothing_and_loses_nothing(
    play, inventory, tenant, tmp_path, is_known, sentence
):
    app_id = tenant.application("payroll").app_id
    hosts = json.loads(inventory.read_text())
    known = hosts["all"]["hosts"]
    known["web1"] = {"entra_app_id": app_id, "entra_key_store_host": "payroll"}
    if not is_known:
        del known["payroll"]["entra_app_id"]
    inventory.write_text(json.dumps(hosts))

    status, said = play(app_id=app_id)

    assert status and sentence in said
    assert not (tmp_path / "stores").exists()
