# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Split duty over two hosts: each has an interpreter of its own that keeps whatever was sent there."""

from __future__ import annotations

import json

import pytest
import scale
from secrecy import acts
from secrecy.conftest import Actor, adopt
from secrecy.spied import Host


@pytest.fixture
def expired(server, stage):
    """An application whose only certificate ended yesterday, so that its own key can do nothing any more."""
    tenant = server.emulator.tenant
    pair = tenant.issue("payroll", -180, -1)
    stage.hunt.add_private_key("private key of payroll", pair.private_key)
    application = tenant.add_application("payroll", [pair])
    actor = Actor(application.app_id, application.object_id, str(stage.stores / "payroll"), "")
    adopt(actor, pair)
    return actor


@scale.in_check
def test_the_administrators_secret_and_the_private_key_never_meet(stage, server, connection, expired, canary, tmp_path):
    payroll, registrar = Host(tmp_path / "payroll"), Host(tmp_path / "registrar")
    where = {name: connection[name] for name in ("tenant_id", "authority_host", "graph_url", "ca_path")}
    hosts = {
        "payroll": {
            **payroll.variables,
            **{f"entra_{name}": value for name, value in where.items()},
            **{f"renew_{name}": value for name, value in acts.QUICK.items()},
            "entra_auth_source": "key_store",
            "entra_app_id": expired.app_id,
            "entra_key_store": expired.key_store,
        },
        "registrar": registrar.variables,
    }
    identity = {name: connection[name] for name in ("client_id", "client_secret")}
    variables = {"secrets": {"client_secret": canary("client_secret")}, "registrar": identity}
    told = ("--limit", "payroll", "-e", "register_from=registrar")

    planned = stage.play("evercert.entra.renew_split", hosts, variables, "--check", *told)
    before = server.emulator.tenant.application("payroll").key_credentials
    played = stage.play("evercert.entra.renew_split", hosts, variables, *told)

    stage.learn_keys()
    assert (planned, played) == (0, 0), stage.printed.decode()[-3000:]
    assert len(before) == 1 and len(server.emulator.tenant.application("payroll").key_credentials) == 2
    assert b"expired (generate, prove, promote)" in stage.printed
    assert stage.hunt.found_in(payroll.heard) == set()
    assert stage.hunt.found_in(registrar.heard) == {"client_secret"}
    assert stage.findings() == {}
    assert json.loads((stage.stores / "payroll/current/record.json").read_text())["key_id"] in {
        one.key_id for one in server.emulator.tenant.application("payroll").key_credentials
    }
