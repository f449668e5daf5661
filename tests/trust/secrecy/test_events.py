# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source, with secrets in its arguments, while every library logs what it can: nothing secret is found."""

from __future__ import annotations

import scale

READABLE = ("good", "wrong secret", "wrong passphrase", "not registered", "token")


def test_no_event_and_no_log_of_the_source_shows_a_secret(stage, server, places, tenants):
    tenant = server.emulator.tenant
    tenant.add_application("payroll", [tenant.issue("payroll", -170, 10)])
    quick = {**places, "interval": 1}

    ended = stage.listen({**quick, "tenants": [tenants[name] for name in READABLE]}, len(READABLE))
    refused = stage.listen({**quick, "tenants": list(tenants.values())}, 1)

    said = stage.printed.decode()
    assert (ended, refused) == (0, 1), said[-3000:]
    assert said.count('"kind": "finding"') == 1 and said.count('"kind": "unreachable"') == len(READABLE) - 1, said
    for words in ("near_expiry", "A client secret was sent", "the passphrase is wrong", "poll 3 in a row failed"):
        assert words in said, words
    for words in ("DEBUG:urllib3", "filter holds a private key"):
        assert words in said, words
    assert stage.findings() == {}
    scale.note("secrecy", events_of_the_source=len(READABLE))
