# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the arguments to the events, against the emulator, with a clock in the test's hand."""

from __future__ import annotations

import asyncio
import functools
import json

import pytest
import requests
from adapter.wsgi_adapter import connect
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._events.options import read_settings
from ansible_collections.evercert.entra.plugins.module_utils._events.polling import look
from ansible_collections.evercert.entra.plugins.module_utils._events.watching import watch
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._events.conftest import FakeClock
from emulator.app import Emulator
from emulator.tenant import Tenant

SECRET = "s3cret-of-the-watcher"


class Story(FakeClock):
    """Something happens in each pause between two polls."""

    def __init__(self, *pauses):
        super().__init__(len(pauses) + 1, chance=1.0)
        self.pauses = list(pauses)

    async def sleep(self, seconds):
        await super().sleep(seconds)
        self.pauses.pop(0)()


@pytest.fixture
def tenant():
    tenant = Tenant()
    tenant.add_application("payroll", [tenant.issue("payroll", starts=-170, ends=10)])
    tenant.add_application("watcher", secret=SECRET, roles=["Application.Read.All"])
    return tenant


def test_a_finding_an_outage_and_a_renewal(tenant):
    events, emulator = [], Emulator(tenant)
    transport = RequestsTransport(None, 30, lambda: connect(requests.Session(), emulator))
    given = {"tenant_id": tenant.id, "client_id": tenant.application("watcher").app_id, "client_secret": SECRET}
    settings = read_settings(given, {})

    def fail():
        tenant.faults.add("error", match="token", status=401, error="invalid_client", code=7000222, times=3)

    def renew():
        tenant.add_credential("payroll", tenant.issue("payroll", starts=-1, ends=170))

    async def put(event):
        events.append(event)

    story = Story(lambda: None, fail, lambda: None, lambda: None, lambda: None, renew)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch(put, settings, story, functools.partial(look, transport=transport)))

    assert [(event["kind"], event.get("display_name")) for event in events] == [
        ("finding", "payroll"),
        ("unreachable", None),
        ("reachable", None),
        ("resolved", "payroll"),
    ]
    assert (events[1]["failures"], events[1]["diagnosis"]["code"]) == (3, "secret_expired")
    assert events[3]["status"] == "healthy"
    assert story.slept == [3900, 3900, 30, 60, 120, 3900, 3900]
    assert SECRET not in json.dumps(events) and SECRET not in repr(settings)
