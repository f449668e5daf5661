# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every cloud has its own hosts, and a tenant that is asked for in another one is told so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, UntrustedAnswer
from ansible_collections.evercert.entra.plugins.module_utils._entra import clouds
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response

TESTS = str(Path(__file__).resolve().parents[4])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Transport, World

TWIN = "https://login.chinacloudapi.cn"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize("cloud", clouds.names())
def test_every_cloud_is_spoken_to_at_its_own_hosts(world, cloud):
    world.tenant.cloud = cloud

    assert world.connect(world.options(cloud=cloud)).find_application().display_name == "payroll"


@pytest.mark.parametrize(
    "asked, lives, switch, code",
    [
        ("public", "us_government", 90002, "tenant_not_found"),
        ("china", "public", 90002, "tenant_not_found"),
        ("public", "china", 900382, "wrong_cloud"),
        ("us_government", "us_government_dod", 90002, "wrong_cloud"),
    ],
)
def test_a_tenant_of_another_cloud_is_told_by_the_word_cloud(world, asked, lives, switch, code):
    """L4 and DoD share a sign-in host, so there it is the resource that is not found (500011)."""
    world.tenant.cloud = lives
    world.tenant.switches.set(wrong_cloud=switch)

    with pytest.raises(EvercertError, match=r"\bcloud\b") as refused:
        world.connect(world.options(cloud=asked)).find_application()
    assert refused.value.diagnosis.code == code


def test_an_application_of_another_tenant_is_told_by_the_word_cloud(world):
    with pytest.raises(EvercertError, match=r"tenant_id and cloud") as refused:
        world.connect(world.options(client_id="99999999-2222-4333-8444-555555555555")).find_application()
    assert refused.value.diagnosis.code == "application_not_found"


class Naming(Transport):
    """The discovery document names another host for the token endpoint."""

    def __init__(self, world, host):
        super().__init__(world)
        self.host = host

    def send(self, request):
        answer = super().send(request)
        if "openid-configuration" not in request.url:
            return answer
        own = clouds.host_of(request.url).encode()
        return Response(answer.status, answer.headers, answer.body.replace(own, self.host.encode()))


def sign_in(world, host, **options):
    from ansible_collections.evercert.entra.plugins.module_utils._ansible.call import Call
    from ansible_collections.evercert.entra.plugins.module_utils._ansible.connect import open_connection

    call = Call(transport=Naming(world, host), timing=world.timing)
    connection = open_connection(world.options(**options), call)
    return connection.identity.token(connection.service)


@pytest.mark.parametrize("authority", [None, TWIN])
def test_the_two_names_of_chinas_sign_in_host_are_one_service(world, authority):
    world.tenant.cloud = "china"
    twin = clouds.host_of(clouds.CLOUDS["china"].authority_host if authority else TWIN)

    assert sign_in(world, twin, cloud="china", authority_host=authority).value


@pytest.mark.parametrize("host", ["login.microsoftonline.com", "login.chinacloudapi.cn:8443", "evil.test"])
def test_no_other_host_gets_what_is_chinas(world, host):
    world.tenant.cloud = "china"

    with pytest.raises(UntrustedAnswer, match="nothing was sent"):
        sign_in(world, host, cloud="china")
    assert "token" not in world.operations(0)


def test_a_twin_is_none_in_another_cloud():
    assert not clouds.is_authority(f"{TWIN}/x", clouds.CLOUDS["public"].authority_host)
    assert not clouds.is_authority("http://login.chinacloudapi.cn/x", clouds.CLOUDS["china"].authority_host)
