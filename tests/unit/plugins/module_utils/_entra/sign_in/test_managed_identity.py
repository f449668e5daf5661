# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine signs in: IMDS, App Service, Azure Arc."""

from __future__ import annotations

import inspect
import types

import msal
import msal.managed_identity
import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._entra import machine as machines
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response

READ = ["Application.Read.All"]
KNOWS_ASSIGNED_ON_ARC = "managed_identity" in inspect.signature(msal.managed_identity._obtain_token_on_arc).parameters


@pytest.fixture
def system(world):
    return world.tenant.add_managed_identity("machine", READ, system_assigned=True)


@pytest.fixture
def assigned(world):
    return world.tenant.add_managed_identity("assigned", READ)


@pytest.fixture(params=["imds", "app_service", "arc"])
def place(request, world, tmp_path, monkeypatch):
    """What the variables of each place say."""
    if request.param == "app_service":
        monkeypatch.setenv("IDENTITY_ENDPOINT", "http://169.254.129.2:8081/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", world.tenant.machine.identity_header)
    if request.param == "arc":
        in_arc(world, tmp_path, monkeypatch)
    return request.param


def in_arc(world, tmp_path, monkeypatch):
    """msal reads the agent's key files in one folder of the system; here it is another one."""
    world.tenant.machine.keys = tmp_path
    monkeypatch.setattr(msal.managed_identity, "_supported_arc_platforms_and_their_prefixes", {"linux": str(tmp_path)})
    monkeypatch.setattr(msal.managed_identity.sys, "platform", "linux")
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token")
    monkeypatch.setenv("IMDS_ENDPOINT", "http://localhost:40342")


def identity_of(connection):
    return connection.identity.token(connection.service).claims()["appid"]


def test_the_machine_reads_as_itself(reading, system, place):
    connection = reading("managed_identity")

    assert connection.find_application().display_name == "payroll"
    assert identity_of(connection) == system.app_id


def test_the_token_says_how_long_it_is_valid_whether_as_a_number_or_as_a_moment(reading, world, system, place):
    connection = reading("managed_identity")

    assert connection.identity.token(connection.service).seconds == pytest.approx(world.tenant.token_lifetime, abs=30)


def test_client_id_names_an_assigned_identity(reading, system, assigned, place):
    if place == "arc" and not KNOWS_ASSIGNED_ON_ARC:
        pytest.skip("this msal asks an Arc agent for the machine's own identity only")
    assert identity_of(reading("msi", client_id=assigned.app_id)) == assigned.app_id


def test_an_empty_client_id_is_the_machine_itself(reading, system, assigned, place):
    assert identity_of(reading("managed_identity", client_id="")) == system.app_id


def test_an_identity_that_the_machine_has_not_is_told(reading, system, place):
    with pytest.raises(
        SignInRefused, match=r"Identity not found|It answered 400|supports only system-assigned"
    ) as refused:
        identity_of(reading("managed_identity", client_id="99999999-2222-4333-8444-555555555555"))
    assert refused.value.diagnosis.code == "identity_unavailable"


def test_an_older_arc_agent_does_not_pass_off_the_machine_for_another_identity(
    reading, world, system, assigned, tmp_path, monkeypatch
):
    in_arc(world, tmp_path, monkeypatch)
    world.tenant.machine.names_identity = False

    with pytest.raises(SignInRefused, match=r"another identity|did not confirm|supports only system-assigned"):
        identity_of(reading("managed_identity", client_id=assigned.app_id))


def test_a_key_file_of_arc_that_cannot_be_read_is_told(reading, world, system, tmp_path, monkeypatch):
    in_arc(world, tmp_path, monkeypatch)
    world.tenant.machine.keys = None

    with pytest.raises(SignInRefused, match="The key file of the machine's agent cannot be read: No such file"):
        identity_of(reading("managed_identity"))


def test_a_key_file_of_arc_that_is_too_large_is_no_key_file(reading, world, system, tmp_path, monkeypatch):
    in_arc(world, tmp_path, monkeypatch)
    world.tenant.machine.padding = 4096

    with pytest.raises(SignInRefused, match="4KB"):
        identity_of(reading("managed_identity"))


@pytest.mark.parametrize("url", ["http://evil.test/msi", "http://10.0.0.1/msi", "http://u@localhost/x", "file:///x"])
def test_only_the_machine_itself_is_asked(reading, world, system, monkeypatch, url):
    monkeypatch.setenv("IDENTITY_ENDPOINT", url)
    monkeypatch.setenv("IDENTITY_HEADER", "header")

    with pytest.raises(SignInRefused, match="is no address of this machine"):
        identity_of(reading("managed_identity"))
    assert world.count(0) == 0


def test_service_fabric_is_refused_with_that_sentence(reading, monkeypatch):
    monkeypatch.setenv("IDENTITY_SERVER_THUMBPRINT", "x")

    with pytest.raises(InvalidInput, match="does not work in Service Fabric"):
        reading("managed_identity")


@pytest.mark.parametrize("name, value", [("IDENTITY_ENDPOINT", "http://localhost/x"), (None, None)])
def test_auto_takes_it_only_where_a_variable_says_so(reading, monkeypatch, name, value):
    """A probe of IMDS would tell a virtual machine from a network that swallows requests only after a timeout."""
    if name:
        monkeypatch.setenv(name, value)
        assert reading("auto").choice.source == "managed_identity"
    else:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(InvalidInput, match="On a virtual machine set auth_source to managed_identity"):
            reading("auto")


@pytest.mark.parametrize(
    "answers, message",
    [
        ([], "It was not asked"),
        ([Response(500, {}, b"<html>")], "It answered 500"),
        ([Response(200, {}, b'{"access_token": "a b"}')], "It answered 200"),
        ([Response(200, {}, b'{"access_token": "a", "client_id": "other"}')], "another identity: other"),
        ([Response(401), Response(200, {}, b'{"access_token": "a"}')], "another identity: not said which"),
    ],
)
def test_an_odd_answer_is_no_token(answers, message):
    with pytest.raises(SignInRefused, match=message):
        machines.read_machine_token(answers, "mine")


@pytest.mark.parametrize("status, retry", [(400, "no"), (429, "later"), (500, "later")])
def test_trouble_of_the_machines_own_passes(status, retry):
    with pytest.raises(SignInRefused) as refused:
        machines.read_machine_token([Response(status, {}, b"{}")], None)
    assert refused.value.diagnosis.retry == retry


def test_the_machine_alone_is_asked_directly(world, reading, system, place):
    asked = []
    world.answer = lambda request, send: (asked.append(request), send(request))[1]

    reading("managed_identity").find_application()

    assert {(request.url.startswith("http://"), request.direct) for request in asked} == {(True, True), (False, False)}


def test_no_proxy_stands_between_a_machine_and_itself(monkeypatch):
    from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
    from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Request

    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    used = []

    def open_session():
        import requests

        session = requests.Session()

        def send(prepared, **given):
            used.append(dict(given["proxies"]))
            raise requests.ConnectionError

        session.get_adapter = lambda url: types.SimpleNamespace(send=send)
        return session

    for direct in (False, True):
        with pytest.raises(Exception, match="refused or broken off"):
            RequestsTransport(None, 1.0, open_session).send(Request("GET", "http://169.254.169.254/", direct=direct))

    assert [proxies.get("http") for proxies in used] == ["http://proxy.test:3128", None]
