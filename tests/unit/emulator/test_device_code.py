# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person signs in with a device code, and what the delegated token may then do (facts sections 9 and 10)."""

from __future__ import annotations

import pytest
from adapter.client import LOGIN, Graph, code, entry_for
from emulator.device_codes import INTERVAL, LIFETIME
from emulator.rules_device_code import GRANT

TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
WRITE = "https://graph.microsoft.com/Application.ReadWrite.All openid profile"


class Device:
    """A device at which a person signs in."""

    def __init__(self, client, client_id=TOOLS, scope=WRITE):
        self.client, self.client_id = client, client_id
        self.begun = self.post("devicecode", scope=scope)

    def post(self, name, **form):
        url = f"{LOGIN}/{self.client.tenant.id}/oauth2/v2.0/{name}"
        return self.client.session.post(url, data={"client_id": self.client_id, **form})

    def ask(self):
        return self.post("token", grant_type=GRANT, device_code=self.begun.json()["device_code"])

    def graph(self, user):
        self.client.tenant.device_codes.answer("approved", user)
        return Graph(self.client, self.ask().json()["access_token"])


@pytest.fixture
def device(client):
    return Device(client)


@pytest.fixture
def admin(tenant):
    return tenant.add_user("admin", ["Application Administrator"])


def test_the_answer_says_what_a_person_has_to_do(device):
    begun = device.begun.json()

    assert begun["user_code"] in begun["message"] and begun["verification_uri"] in begun["message"]
    assert (begun["expires_in"], begun["interval"]) == (LIFETIME, INTERVAL)


def test_the_token_waits_for_the_person(device, tenant, admin):
    assert (code(device.ask()), device.ask().json()["error"]) == (70016, "authorization_pending")

    tenant.device_codes.answer("approved", admin)

    assert device.ask().json()["scope"] == "https://graph.microsoft.com/Application.ReadWrite.All"
    assert device.ask().json()["error"] == "bad_verification_code", "a code serves once"


def test_an_answer_may_be_given_before_the_code(client, tenant, admin):
    tenant.device_codes.answer("approved", admin)

    assert Device(client).ask().status_code == 200


def test_a_declined_code_is_refused(device, tenant):
    tenant.device_codes.answer("denied")

    assert device.ask().json()["error"] == "authorization_declined"


def test_a_code_ends(device, tenant):
    tenant.clock.advance(LIFETIME)

    assert (device.ask().json()["error"], code(device.ask())) == ("expired_token", 70020)


def test_the_code_of_another_client_is_unknown(device):
    device.client_id = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

    assert code(device.ask()) == 70018


def test_polling_too_often_is_a_switch(device, tenant):
    tenant.switches.set(slow_down=True)

    assert [device.ask().json()["error"] for _twice in range(2)] == ["authorization_pending", "slow_down"]


@pytest.mark.parametrize("public, expected", [(False, 7000218), (True, 70016)])
def test_an_application_needs_public_client_flows(client, tenant, public, expected):
    application = tenant.add_application("tool", public_client=public)

    assert code(Device(client, application.app_id).ask()) == expected


def test_an_application_of_nobody_is_unknown(client):
    assert code(Device(client, "99999999-2222-4333-8444-555555555555").begun) == 700016


def test_a_scope_of_another_cloud_is_unknown(client, tenant, admin):
    device = Device(client, scope="https://graph.microsoft.us/Application.Read.All")
    tenant.device_codes.answer("approved", admin)

    assert code(device.ask()) == 500011


def test_conditional_access_blocks_a_person(device, tenant, admin):
    tenant.conditional_access.add("admin")
    tenant.device_codes.answer("approved", admin)

    assert code(device.ask()) == 53003


def test_an_administrator_writes_and_a_member_reads_alone(device, client, tenant, admin, payroll, successor):
    body = {"keyCredentials": [entry_for(successor)]}
    path = f"/applications/{payroll.object_id}"
    member = tenant.add_user("member")

    as_member = device.graph(member)
    assert as_member.get(path).status_code == 200
    assert as_member.patch(path, body).status_code == 403
    assert Device(client).graph(admin).patch(path, body).status_code == 204


def test_an_owner_writes_what_is_theirs(device, tenant, payroll, successor):
    owner = tenant.add_user("owner")
    own = tenant.add_application("own", owners=["owner"])
    graph, body = device.graph(owner), {"keyCredentials": [entry_for(successor)]}

    assert graph.patch(f"/applications/{own.object_id}", body).status_code == 204
    assert graph.patch(f"/applications/{payroll.object_id}", body).status_code == 403


def test_a_role_without_the_scope_is_not_enough(client, admin, payroll):
    graph = Device(client, scope="https://graph.microsoft.com/Application.Read.All").graph(admin)

    assert graph.patch(f"/applications/{payroll.object_id}", {"keyCredentials": []}).status_code == 403


@pytest.mark.parametrize("role, status", [("Application Administrator", 403), ("Privileged Role Administrator", 201)])
def test_permissions_of_graph_are_granted_by_few(client, tenant, payroll, role, status):
    scope = "AppRoleAssignment.ReadWrite.All Application.Read.All"
    graph = Device(client, scope=" ".join(f"https://graph.microsoft.com/{one}" for one in scope.split())).graph(
        tenant.add_user("somebody", [role])
    )
    principal = tenant.service_principal(payroll).object_id
    grant = {
        "principalId": principal,
        "resourceId": tenant.graph.object_id,
        "appRoleId": tenant.graph.role_id("Application.Read.All"),
    }

    assert graph.post(f"/servicePrincipals/{principal}/appRoleAssignments", grant).status_code == status


def test_add_key_takes_no_delegated_token(device, client, admin, payroll, key_pair, successor):
    answer = device.graph(admin).add_key(payroll, successor, client.proof(payroll, key_pair))

    assert answer.status_code == 403


def test_a_directory_role_is_named_as_the_portal_names_it(tenant):
    with pytest.raises(ValueError, match="Unknown directory roles: Boss"):
        tenant.add_user("admin", ["Boss"])
