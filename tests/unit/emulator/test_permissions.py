# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts section 10: who may do what, and how access is repaired."""

from __future__ import annotations

import pytest
from adapter.client import Graph, code

READ = "Application.Read.All"
OWNED = "Application.ReadWrite.OwnedBy"
ALL = "Application.ReadWrite.All"


@pytest.fixture
def graph_with(tenant, client):
    def make(*roles):
        application = tenant.add_application(f"caller-{len(roles)}", secret="s", roles=roles)
        return client.graph(application, secret="s")

    return make


@pytest.mark.parametrize(
    ("roles", "read", "write"),
    [((), 403, 403), ((READ,), 200, 403), ((OWNED,), 200, 403), ((ALL,), 200, 204)],
    ids=str,
)
def test_roles_decide_about_reading_and_writing(graph_with, payroll, roles, read, write):
    graph, path = graph_with(*roles), f"/applications/{payroll.object_id}"

    assert graph.get(path).status_code == read
    assert graph.get("/applications").status_code == read
    assert graph.patch(path, {"notes": "x"}).status_code == write


def test_a_refusal_has_the_words_of_the_service(graph_with, payroll):
    answer = graph_with().get(f"/applications/{payroll.object_id}")

    assert code(answer) == "Authorization_RequestDenied"
    assert answer.json()["error"]["message"] == "Insufficient privileges to complete the operation."


def test_an_owner_may_write_its_own_application_and_no_other(tenant, client, payroll):
    owner = tenant.add_application("owner", secret="s", roles=[OWNED])
    mine = tenant.add_application("mine", owners=[owner])
    graph = client.graph(owner, secret="s")

    assert graph.patch(f"/applications/{mine.object_id}", {"notes": "x"}).status_code == 204
    assert graph.patch(f"/applications/{payroll.object_id}", {"notes": "x"}).status_code == 403
    assert graph.patch(f"/applications/{owner.object_id}", {"notes": "x"}).status_code == 403


def test_whether_owned_by_reads_other_applications_is_a_switch(tenant, graph_with, payroll):
    graph = graph_with(OWNED)
    tenant.switches.set(owned_by_reads_all=False)

    assert graph.get(f"/applications/{payroll.object_id}").status_code == 403


def test_an_expired_token_is_401(tenant, manager, payroll):
    tenant.clock.advance(3600)

    answer = manager.get(f"/applications/{payroll.object_id}")

    assert (answer.status_code, code(answer)) == (401, "InvalidAuthenticationToken")
    assert answer.json()["error"]["message"] == "Lifetime validation failed, the token is expired."


def test_an_empty_forged_or_foreign_token_is_401(client, manager, payroll):
    head, payload, signature = manager.token.split(".")
    for token in ("", "x.y.z", f"{head}.{payload}.{signature[:-8]}AAAAAAAA"):
        answer = Graph(client, token).get(f"/applications/{payroll.object_id}")
        assert (answer.status_code, code(answer)) == (401, "InvalidAuthenticationToken")


def test_a_token_for_another_host_is_401(client, tenant, emulator):
    tenant.add_application("manager", secret="s", roles=[ALL], app_id="a0000000-0000-4000-8000-000000000001")
    form = {
        "client_id": "a0000000-0000-4000-8000-000000000001",
        "client_secret": "s",
        "grant_type": "client_credentials",
        "scope": "https://localhost:1/.default",
    }
    answer = client.session.post(f"https://localhost:1/{tenant.id}/oauth2/v2.0/token", data=form)
    token = answer.json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    assert client.session.get("https://localhost:1/v1.0/applications", headers=headers).status_code == 200
    refused = Graph(client, token).get("/applications")
    assert refused.json()["error"]["message"] == "Access token validation failure. Invalid audience."


def test_a_token_of_another_tenant_shows_that_tenant_only(tenant, emulator, client, payroll):
    from emulator.tenant import Tenant

    other = Tenant(domain="fabrikam.onmicrosoft.com", clock=tenant.clock)
    emulator.tenants[other.id] = other
    stranger = other.add_application("stranger", secret="s", roles=[ALL])
    token = client.sign_in(stranger, secret="s", tenant=other.id).json()["access_token"]

    answer = Graph(client, token).get(f"/applications/{payroll.object_id}")

    assert answer.status_code == 404
    assert code(client.sign_in(stranger, secret="s")) == 700016


def test_a_missing_service_principal_is_created_once(tenant, manager, key_pair, client):
    lonely = tenant.add_application("lonely", [key_pair], service_principal=False)

    absent = manager.get(f"/servicePrincipals(appId='{lonely.app_id}')").status_code
    created = manager.post("/servicePrincipals", {"appId": lonely.app_id})
    again = manager.post("/servicePrincipals", {"appId": lonely.app_id})

    assert (absent, created.status_code, again.status_code) == (404, 201, 409)
    assert created.json()["accountEnabled"] is True
    assert client.sign_in(lonely, key_pair).status_code == 200


def test_a_disabled_service_principal_is_enabled(tenant, manager, client, payroll, key_pair):
    tenant.enable(payroll, False)
    principal = manager.get(f"/servicePrincipals(appId='{payroll.app_id}')").json()

    answer = manager.patch(f"/servicePrincipals/{principal['id']}", {"accountEnabled": True})

    assert (principal["accountEnabled"], answer.status_code) == (False, 204)
    assert client.sign_in(payroll, key_pair).status_code == 200


@pytest.mark.parametrize("body", [{}, {"accountEnabled": "yes"}, {"accountEnabled": True, "displayName": "x"}])
def test_nothing_but_account_enabled_can_be_set(tenant, manager, payroll, body):
    path = f"/servicePrincipals/{tenant.service_principal(payroll).object_id}"

    assert manager.patch(path, body).status_code == 400


def test_an_unknown_permission_cannot_be_granted(tenant, manager, payroll):
    principal = tenant.service_principal(payroll)
    grant = {"principalId": principal.object_id, "resourceId": tenant.graph.object_id, "appRoleId": "none"}

    answer = manager.post(f"/servicePrincipals/{principal.object_id}/appRoleAssignments", grant)

    assert (answer.status_code, code(answer)) == (400, "Request_BadRequest")


def test_a_token_of_a_tenant_that_is_not_here_is_401(tenant, emulator, client, manager, payroll):
    del emulator.tenants[tenant.id]
    emulator.tenants["other"] = tenant

    answer = manager.get(f"/applications/{payroll.object_id}")

    assert answer.json()["error"]["message"] == "Access token validation failure. Invalid tenant."


def test_a_permission_is_granted_once(tenant, manager, client, payroll, key_pair):
    principal = tenant.service_principal(payroll)
    resource = manager.get(
        "/servicePrincipals", params={"$filter": "appId eq '00000003-0000-0000-c000-000000000000'"}
    ).json()["value"][0]
    role = next(one["id"] for one in resource["appRoles"] if one["value"] == READ)
    grant = {"principalId": principal.object_id, "resourceId": resource["id"], "appRoleId": role}
    path = f"/servicePrincipals/{principal.object_id}/appRoleAssignments"

    granted, again = manager.post(path, grant), manager.post(path, grant)

    assert granted.status_code == 201
    assert (again.status_code, code(again)) == (400, "Request_BadRequest")
    assert again.json()["error"]["message"] == "Permission being assigned already exists on the object"
    assert [one["appRoleId"] for one in manager.get(path).json()["value"]] == [role]
    assert client.graph(payroll, key_pair).get("/applications").status_code == 200


def test_a_grant_needs_its_own_permission(graph_with, tenant, payroll):
    principal = tenant.service_principal(payroll)
    path = f"/servicePrincipals/{principal.object_id}/appRoleAssignments"

    assert graph_with(ALL).post(path, {}).status_code == 403


def test_a_permission_is_withdrawn_once(tenant, manager, payroll):
    tenant.grant(payroll, READ)
    path = f"/servicePrincipals/{tenant.service_principal(payroll).object_id}/appRoleAssignments"
    granted = manager.get(path).json()["value"][0]["id"]

    gone, again = manager.delete(f"{path}/{granted}"), manager.delete(f"{path}/{granted}")

    assert (gone.status_code, again.status_code) == (204, 404)
    assert manager.get(path).json()["value"] == []


def test_withdrawing_needs_its_own_permission(graph_with, tenant, payroll):
    path = f"/servicePrincipals/{tenant.service_principal(payroll).object_id}/appRoleAssignments"

    assert graph_with(ALL).delete(f"{path}/none").status_code == 403


def test_permissions_come_in_pages(tenant, manager, payroll):
    principal, many = tenant.service_principal(payroll), tenant.add_resource("many", [f"R{n}" for n in range(130)])
    path = f"/servicePrincipals/{principal.object_id}/appRoleAssignments"
    for role in many.app_roles:
        grant = {"principalId": principal.object_id, "resourceId": many.object_id, "appRoleId": role.id}
        assert manager.post(path, grant).status_code == 201

    first = manager.get(path).json()
    second = manager.get(first["@odata.nextLink"].partition("/v1.0")[2]).json()

    assert (len(first["value"]), len(second["value"])) == (100, 30)


@pytest.mark.parametrize("how", [{"is_disabled": True}, {"disabled_by_microsoft": "DisabledDueToViolation"}], ids=str)
def test_what_microsoft_disabled_signs_in_no_more_and_says_so(tenant, manager, client, payroll, key_pair, how):
    tenant.change_service_principal(payroll, **how)

    assert code(client.sign_in(payroll, key_pair)) == 7000112
    shown = manager.get(f"/servicePrincipals(appId='{payroll.app_id}')").json()
    assert [shown["isDisabled"], shown["disabledByMicrosoftStatus"]] == [
        how.get("is_disabled"),
        how.get("disabled_by_microsoft"),
    ]


def test_a_registration_says_what_it_asks_for(tenant, manager):
    asking = tenant.add_application("asking", requires=[READ])

    asked = manager.get(f"/applications/{asking.object_id}").json()["requiredResourceAccess"]

    role = {"id": tenant.graph.role_id(READ), "type": "Role"}
    assert asked == [{"resourceAppId": tenant.graph.app_id, "resourceAccess": [role]}]


def test_an_owner_enables_its_own_service_principal_and_no_other(tenant, client, payroll):
    owner = tenant.add_application("owner", secret="s", roles=[OWNED])
    mine = tenant.add_application("mine", owners=[owner], enabled=False)
    graph = client.graph(owner, secret="s")

    path = f"/servicePrincipals/{tenant.service_principal(mine).object_id}"
    other = f"/servicePrincipals/{tenant.service_principal(payroll).object_id}"
    assert graph.patch(path, {"accountEnabled": True}).status_code == 204
    assert graph.patch(other, {"accountEnabled": True}).status_code == 403
