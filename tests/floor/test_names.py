# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before ansible-core 2.19 every text is a template: a display name, which anybody may choose, must not be one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant


def test_a_display_name_is_a_text_and_no_template(tmp_path):
    tenant, mark = Tenant(), tmp_path / "mark"
    name = f"{{{{ lookup('ansible.builtin.pipe', 'touch {mark}') }}}}"
    tenant.add_application(name, [tenant.issue("payroll", starts=-10, ends=100)])
    reader = tenant.add_application("reader", secret="s3cret", roles=["Application.Read.All"])
    with HttpsServer(Emulator(tenant), tmp_path) as server:
        inventory = {
            "plugin": "evercert.entra.applications",
            "tenant_id": tenant.id,
            "client_id": reader.app_id,
            "client_secret": "s3cret",
            "authority_host": server.url,
            "graph_url": server.url,
            "ca_path": str(server.ca_path),
            "compose": {"entra_key_store": "'/keys/' ~ entra_app_id"},
        }
        (tmp_path / "x.evercert_entra.yml").write_text(json.dumps(inventory))
        show = {"ansible.builtin.debug": {"msg": "{{ entra_display_name }}, {{ entra_certificates | to_json }}"}}
        (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [show]}]))
        program = Path(sys.executable).parent / "ansible-playbook"
        done = subprocess.run(
            [program, "-i", "x.evercert_entra.yml", "play.yml"],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "touch" in done.stdout and "reader" in done.stdout and "/keys/" not in done.stdout
    assert not mark.exists()
