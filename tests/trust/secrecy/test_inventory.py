# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory, with secrets in its own file, while Ansible tells as much as it can: nothing secret is found."""

from __future__ import annotations

import scale
import yaml


@scale.in_check
def test_no_inventory_shows_a_secret_whether_its_tenants_can_be_read_or_not(stage, places, tenants):
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
