# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One key on several hosts: renewed once, brought there through pipes, and nothing retired before each confirms."""

from __future__ import annotations

import json

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair
from secrecy import acts
from secrecy.spied import Host
from secrecy.stage import HOST

TELLING = """\
- name: Consumer is told
  ansible.builtin.command: "echo told {{ remediate_consumer }}"
  changed_when: false
"""


@pytest.fixture
def payroll(server, stage):
    """An application near its end, in a key store that knows its key ID."""
    tenant = server.emulator.tenant
    pair = tenant.issue("payroll", -170, 10)
    stage.hunt.add_private_key("private key of payroll", pair.private_key)
    application = tenant.add_application("payroll", [pair])
    store = DirectoryStore(str(stage.stores / "payroll"))
    store.prepare()
    [entry] = application.key_credentials
    record = Record(app_id=application.app_id, object_id=application.object_id, key_id=entry.key_id)
    store.adopt_current(load_key_pair(pair.bundle_pem.encode(), None, "key pair"), record)
    return application


@scale.in_check
def test_a_consumer_that_is_not_reached_keeps_the_old_certificate_alive(
    stage, server, connection, payroll, canary, tmp_path
):
    web1, web2 = (Host(tmp_path / name) for name in ("web1", "web2"))
    copies = {name: stage.inputs / f"{name}.pem" for name in ("web1", "web2")}
    (stage.folder / "telling.yml").write_text(TELLING)
    hosts = {
        "payroll": {
            **HOST,
            **{f"entra_{name}": value for name, value in connection.items()},
            **{f"renew_{name}": value for name, value in acts.QUICK.items()},
            "renew_overlap": 0,
            "entra_app_id": payroll.app_id,
            "entra_key_store": str(stage.stores / "payroll"),
            "remediate_on_consumer": str(stage.folder / "telling.yml"),
        },
        **{
            name: {"entra_key_store_host": "payroll", "remediate_copy_path": str(copies[name]), **host.variables}
            for name, host in (("web1", web1), ("web2", web2))
        },
    }
    secrets = {"secrets": {"client_secret": canary("client_secret")}}
    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}

    stopped = stage.play("evercert.entra.remediate", {**hosts, "web2": {**hosts["web2"], **lost}}, secrets)
    first, between = stage.printed, server.emulator.tenant.application("payroll").key_credentials
    stage.printed = b""
    finished = stage.play("evercert.entra.remediate", hosts, secrets, "--limit", "payroll")
    second, stage.printed = stage.printed, first + stage.printed

    stage.learn_keys()
    current = (stage.stores / "payroll/current/bundle.pem").read_bytes()
    assert stopped == 2 and len(between) == 2, first.decode()[-3000:]
    assert b"Consumer web2 has not confirmed its copy" in first and b"web1, web2 (not confirmed)" in first
    assert b"told web1" in first and b"told web2" not in first
    assert finished == 0, second.decode()[-3000:]
    assert [path.read_bytes() for path in copies.values()] == [current, current]
    assert [path.stat().st_mode & 0o777 for path in copies.values()] == [0o600, 0o600]
    # Everybody is told once more before the predecessor goes: nobody knows whom the stopped run has reached.
    assert b"told web1" in second and b"told web2" in second
    [left] = server.emulator.tenant.application("payroll").key_credentials
    assert left.key_id == json.loads((stage.stores / "payroll/current/record.json").read_text())["key_id"]
    assert web1.heard and stage.hunt.found_in(web1.heard + web2.heard) == set()
    assert stage.findings() == {}
