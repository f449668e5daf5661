# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory, with secrets in its own file, while Ansible tells as much as it can: nothing secret is found."""

from __future__ import annotations

import pytest
import scale
import yaml


@pytest.fixture
def tenants(server, stage, canary):
    """One that can be read, and the ways in which one cannot."""
    tenant = server.emulator.tenant
    pair = tenant.issue("reader", -1, 20)
    stage.hunt.add_private_key("private key of reader", pair.private_key)
    encrypted = stage.keep("reader.pfx", pair.pfx_with(canary("passphrase").encode()))
    good = {"tenant_id": tenant.id, "client_id": tenant.application("admin").app_id}
    file = {**good, "client_certificate_path": encrypted}
    return {
        "good": {**good, "client_secret": canary("client_secret")},
        "wrong secret": {**good, "client_secret": canary("wrong_secret")},
        "wrong passphrase": {**file, "client_certificate_passphrase": canary("wrong_passphrase")},
        "not registered": {**file, "client_certificate_passphrase": canary("passphrase")},
        "token": {**good, "access_token": canary("access_token").replace('"', "").replace("<", "")},
        "misplaced": {**good, "filter": pair.private_key_pem, "client_secret": canary("client_secret")},
        "no text": {**good, "client_secret": {"of": canary("client_secret")}},
    }


@scale.in_check
def test_no_inventory_shows_a_secret_whether_its_tenants_can_be_read_or_not(stage, server, tenants):
    places = {"authority_host": server.url, "graph_url": server.url, "ca_path": str(server.ca_path), "timeout": 5}
    readable = ("good", "wrong secret", "wrong passphrase", "not registered", "token")

    def play(names, **more):
        chosen = [{**tenants[name], "name": name} for name in names]
        text = {"plugin": "evercert.entra.applications", "cache": True, **places, "tenants": chosen, **more}
        assert stage.list(yaml.safe_dump(text)) == 0, stage.printed[-3000:].decode()

    played = [
        (readable, {}),
        (tenants, {}),
        (["good"], {"compose": {"wrong": "nobody_set_it"}, "strict": True}),
        *scale.either([], [(readable, {"hostnames": ["nobody_set_it"]}), (readable, {"strict": True})]),
    ]
    for names, more in played:
        play(names, **more)

    said = " ".join(stage.printed.decode().split())
    for words in (
        '"entra_display_name"',
        "Tenant wrong secret could not be read and has no hosts here: A client secret was sent",
        "Tenant wrong passphrase could not be read and has no hosts here: ",
        "Tenant not registered could not be read and has no hosts here: ",
        "Tenant token could not be read and has no hosts here: ",
        "Could not set wrong for host",
        "filter holds a private key",
    ):
        assert words in said, words
    assert any((stage.folder / "cache").iterdir())  # it was looked at
    assert stage.findings() == {}
    scale.note("secrecy", inventories=len(played))
