# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our transport through a proxy that nobody here wrote, and to an address without a name."""

from __future__ import annotations

import socket
import time
from datetime import datetime, timezone

import proxy
import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NetworkFailure
from ansible_collections.evercert.entra.plugins.module_utils._entra.clock import ServiceClock
from ansible_collections.evercert.entra.plugins.module_utils._entra.clouds import find_cloud
from ansible_collections.evercert.entra.plugins.module_utils._entra.tokens import TokenService
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.tenant import Tenant

ONE = ["--num-acceptors", "1", "--num-workers", "1", "--threaded", "--hostname", "127.0.0.1", "--port", "0"]
VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


class Timing:
    def wall(self):
        return datetime.now(timezone.utc)

    def monotonic(self):
        return time.monotonic()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with HttpsServer(Emulator(Tenant()), tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def port():
    """Where a proxy listens that wants a name and a password: whoever has none does not get past it."""
    with proxy.Proxy([*ONE, "--basic-auth", "payroll:hunter2", "--log-level", "CRITICAL"]) as running:
        yield running.flags.port


@pytest.fixture
def use_proxy(port, monkeypatch):
    return lambda password: monkeypatch.setenv("HTTPS_PROXY", f"http://payroll:{password}@127.0.0.1:{port}")


def sign_in(server, manager, authority=None):
    transport = RequestsTransport(str(server.ca_path), 10.0)
    service = TokenService(
        transport,
        ServiceClock(Timing()),
        find_cloud("public", authority or server.url, authority or server.url),
        server.emulator.tenant.id,
    )
    return service.with_secret(manager.app_id, "s3cret")


def test_the_proxy_of_the_environment_is_used(server, manager, use_proxy):
    use_proxy("hunter2")

    assert sign_in(server, manager).value


def test_a_proxy_that_wants_another_password_is_named(server, manager, use_proxy):
    use_proxy("wrong")

    with pytest.raises(NetworkFailure, match="HTTPS_PROXY and NO_PROXY") as failure:
        sign_in(server, manager)
    assert failure.value.diagnosis.code == "proxy"
    assert "wrong" not in str(failure.value)


def test_no_proxy_bypasses_it(server, manager, use_proxy, monkeypatch):
    use_proxy("wrong")
    monkeypatch.setenv("NO_PROXY", "localhost")

    assert sign_in(server, manager).value


def test_a_proxy_that_cannot_get_there_is_named(server, manager, use_proxy):
    """A gateway's 502, as for a host that it has no route to."""
    use_proxy("hunter2")

    with pytest.raises(NetworkFailure) as failure:
        sign_in(server, manager, "https://nobody.invalid")
    assert failure.value.diagnosis.code == "proxy"


def test_an_ipv6_address_is_a_host(tmp_path):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    tenant = Tenant()
    manager = tenant.add_application("manager", secret="s3cret")
    with HttpsServer(Emulator(tenant), tmp_path, host="::1") as server:
        assert sign_in(server, manager, f"https://[::1]:{server.port}").value
