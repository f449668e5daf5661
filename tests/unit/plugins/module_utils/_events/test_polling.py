# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One poll of a tenant: what it sees, what it asks, and that it can be stopped."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import requests
from adapter.wsgi_adapter import connect
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, GraphRefused
from ansible_collections.evercert.entra.plugins.module_utils._events.options import read_settings
from ansible_collections.evercert.entra.plugins.module_utils._events.polling import (
    StoppableTiming,
    Stopped,
    asked_pause,
    look,
)
from ansible_collections.evercert.entra.tests.unit.builders import trouble
from emulator.app import Emulator
from emulator.tenant import Tenant


@pytest.fixture
def tenant():
    tenant = Tenant()
    tenant.add_application("payroll", [tenant.issue("payroll", starts=-170, ends=10)])
    tenant.add_application("mailer", [tenant.issue("mailer", starts=-20, ends=160)])
    tenant.add_application("ended", [tenant.issue("ended", starts=-170, ends=-1)])
    tenant.add_application("watcher", secret="s3cret", roles=["Application.Read.All"])
    return tenant


@pytest.fixture
def poll(tenant):
    emulator = Emulator(tenant)
    transport = RequestsTransport(None, 30, lambda: connect(requests.Session(), emulator))
    given = {"tenant_id": tenant.id, "client_id": tenant.application("watcher").app_id, "client_secret": "s3cret"}
    (watched,) = read_settings(given, {}).tenants

    def run(words=("near_expiry", "expired"), remembered=(), **changes):
        asked = replace(watched, options={**watched.options, **changes})
        return look(asked, words, remembered, StoppableTiming(threading.Event()), transport)

    run.log = emulator.log
    return run


def names(observations):
    return sorted(one.display_name for one in observations)


def test_only_what_is_watched_for_is_kept(poll):
    assert names(poll().due) == ["ended", "payroll"]
    assert names(poll(words=("expired",)).due) == ["ended"]
    assert names(poll(words=("missing",)).due) == ["watcher"]
    assert poll().others == []


def test_a_refused_credential_of_the_environment_is_told_as_that(tenant):
    given = {"tenant_id": tenant.id, "client_id": tenant.application("watcher").app_id}
    (watched,) = read_settings(given, {"AZURE_CLIENT_SECRET": "of-somebody-else"}).tenants
    transport = RequestsTransport(None, 30, lambda: connect(requests.Session(), Emulator(tenant)))

    with pytest.raises(EvercertError) as refused:
        look(watched, ("expired",), (), StoppableTiming(threading.Event()), transport)

    assert "(auth_source auto took client_secret. From the environment: client_secret.)" in refused.value.message


def test_what_was_told_before_is_looked_for(poll, tenant):
    seen = poll(remembered=[tenant.application("mailer").object_id])

    assert [(one.display_name, one.status) for one in seen.others] == [("mailer", "healthy")]


def test_the_filter_is_the_directory_s(poll):
    assert names(poll(filter="displayName eq 'payroll'").due) == ["payroll"]


def test_a_poll_of_a_small_tenant_costs_four_requests(poll):
    """Discovery, sign-in, the tenant's default policy, one page."""
    poll()

    assert len(poll.log.lines) == 4


def test_an_error_that_says_when_to_come_back_is_understood(poll, tenant):
    tenant.faults.add("error", match="list_applications", status=429, retry_after=400, times=None)

    with pytest.raises(GraphRefused) as raised:
        poll()

    assert asked_pause(raised.value) == 400


def test_a_sign_in_that_says_when_to_come_back_is_understood():
    assert asked_pause(EvercertError("No.", trouble("throttled", retry_after="77"))) == 77
    assert asked_pause(EvercertError("No.", trouble("timeout"))) is None
    assert asked_pause(EvercertError("No.")) is None


def test_a_wait_ends_with_the_source():
    stopped = threading.Event()
    threading.Timer(0.05, stopped.set).start()

    with pytest.raises(Stopped):
        StoppableTiming(stopped).wait(3600, "Graph answered 429")
