# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts sections 1.2, 7.3 and 13: reads, lists, pages, headers and errors of Graph."""

from __future__ import annotations

import json

import pytest
import requests
from adapter.client import GRAPH, code
from adapter.wsgi_adapter import connect

HEADER = {"ConsistencyLevel": "eventual"}


def test_key_is_null_unless_selected_on_a_single_read(manager, payroll, key_pair):
    path = f"/applications/{payroll.object_id}"

    plain = manager.get(path).json()["keyCredentials"][0]["key"]
    selected = manager.get(f"{path}?$select=id,keyCredentials").json()
    listed = manager.get("/applications?$select=id,keyCredentials").json()["value"]

    assert plain is None
    assert selected["keyCredentials"][0]["key"] == key_pair.base64
    assert set(selected) == {"@odata.context", "id", "keyCredentials"}
    assert [one["keyCredentials"][0]["key"] for one in listed if one["id"] == payroll.object_id] == [None]


def test_a_list_shows_keys_where_the_switch_says_so(tenant, manager, payroll, key_pair):
    tenant.switches.set(list_returns_key=True)

    listed = manager.get("/applications?$select=id,keyCredentials").json()["value"]

    assert key_pair.base64 in [entry["key"] for one in listed for entry in one["keyCredentials"]]


def test_where_people_are_sent_back_to_is_shown_though_empty(manager, payroll):
    body = manager.get(f"/applications/{payroll.object_id}").json()

    assert [body[kind]["redirectUris"] for kind in ("web", "spa", "publicClient")] == [[], [], []]


def test_the_property_itself_can_be_read(manager, payroll):
    body = manager.get(f"/applications/{payroll.object_id}/keyCredentials").json()

    assert [entry["key"] for entry in body["value"]] == [None]


def test_an_application_is_found_by_object_id_and_by_app_id_in_its_form(manager, payroll):
    by_id = manager.get(f"/applications/{payroll.object_id}").json()
    by_app_id = manager.get(f"/applications(appId='{payroll.app_id}')").json()

    assert by_id == by_app_id
    assert by_id["@odata.context"] == f"{GRAPH}/$metadata#applications/$entity"


@pytest.mark.parametrize("path", ["/applications/{0.app_id}", "/applications(appId='{0.object_id}')"])
def test_an_app_id_is_no_object_id(manager, payroll, path):
    answer = manager.get(path.format(payroll))

    assert (answer.status_code, code(answer)) == (404, "Request_ResourceNotFound")


def test_the_context_names_what_was_selected(manager, payroll):
    single = manager.get(f"/applications/{payroll.object_id}?$select=id,appId").json()
    many = manager.get("/applications?$select=id,appId").json()

    assert single["@odata.context"] == f"{GRAPH}/$metadata#applications(id,appId)/$entity"
    assert many["@odata.context"] == f"{GRAPH}/$metadata#applications(id,appId)"


def ids_of(pages):
    return [one["id"] for page in pages for one in page["value"]]


def follow(graph, path):
    pages = [graph.get(path).json()]
    while "@odata.nextLink" in pages[-1]:
        pages.append(graph.get(pages[-1]["@odata.nextLink"]).json())
    return pages


@pytest.mark.parametrize(("top", "sizes"), [("", [100, 100, 51]), ("$top=999", [251]), ("$top=200", [200, 51])])
def test_pages_hold_100_by_default_and_999_at_most(tenant, manager, top, sizes):
    for number in range(250):
        tenant.add_application(f"app-{number}", service_principal=False)

    pages = follow(manager, f"/applications?{top}")

    assert [len(page["value"]) for page in pages] == sizes
    assert len(set(ids_of(pages))) == 251


def test_a_filter_and_a_count_go_through_the_pages(tenant, manager):
    for number in range(8):
        tenant.add_application(f"{'odd' if number % 2 else 'even'}-{number}")
    asked = "/applications?$filter=startswith(displayName,'odd')&$top=3&$count=true"
    first = manager.get(asked, headers=HEADER).json()

    second = manager.get(first["@odata.nextLink"]).json()

    assert first["@odata.count"] == 4
    names = [one["displayName"] for page in (first, second) for one in page["value"]]
    assert names == ["odd-1", "odd-3", "odd-5", "odd-7"]
    assert "@odata.nextLink" not in second


def test_a_page_stays_right_when_an_application_vanishes_between(tenant, manager):
    made = [tenant.add_application(f"app-{number}") for number in range(6)]
    first = manager.get("/applications?$top=3&$select=id").json()
    tenant.soft_delete(made[1])

    second = manager.get(first["@odata.nextLink"]).json()

    assert ids_of([second]) == [one.object_id for one in made[2:5]]
    assert set(second["value"][0]) == {"id"}


@pytest.mark.parametrize("query", ["$top=0", "$top=1000", "$top=x", "$nonsense=1", "$select=nothing", "$skiptoken=x"])
def test_a_malformed_option_is_refused(manager, query):
    assert manager.get(f"/applications?{query}").status_code == 400


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("displayName eq 'O''Brien'", ["O'Brien"]),
        ("displayName eq 'payroll'", ["Payroll"]),
        ("startswith(displayName,'pay')", ["Payroll", "pay-slip"]),
        ("startsWith(displayName, 'pay') and displayName eq 'pay-slip'", ["pay-slip"]),
        ("displayName eq 'a' or displayName eq 'O''Brien'", ["O'Brien"]),
        ("appId eq '00000000-0000-0000-0000-000000000000'", []),
    ],
)
def test_a_filter_finds_by_name_and_app_id(tenant, manager, text, names):
    for name in ("Payroll", "pay-slip", "O'Brien"):
        tenant.add_application(name)

    body = manager.get("/applications", params={"$filter": text}).json()

    assert [one["displayName"] for one in body["value"]] == names


@pytest.mark.parametrize("text", ["nonsense", "keyCredentials/any(k:k/endDateTime le 2026-01-01)", "notes eq 'x'"])
def test_another_filter_is_refused(manager, text):
    assert manager.get("/applications", params={"$filter": text}).status_code == 400


def test_a_count_needs_the_consistency_header(tenant, manager, payroll):
    without = manager.get("/applications?$count=true")
    with_header = manager.get("/applications?$count=true&$top=1", headers=HEADER).json()
    second = manager.get(with_header["@odata.nextLink"], headers=HEADER).json()

    assert without.status_code == 400
    assert with_header["@odata.count"] == 2
    assert "@odata.count" not in second


def test_the_number_of_applications_is_plain_text(manager, payroll):
    answer = manager.get("/applications/$count", headers=HEADER)

    assert (answer.text, answer.headers["Content-Type"]) == ("2", "text/plain")
    assert manager.get("/applications/$count").status_code == 400


def test_a_soft_deleted_application_is_gone_until_restored(tenant, manager, payroll):
    deleted = manager.send("DELETE", f"/applications/{payroll.object_id}").status_code
    gone = manager.get(f"/applications/{payroll.object_id}").status_code
    listed = manager.get("/directory/deletedItems/microsoft.graph.application").json()["value"]
    restored = manager.post(f"/directory/deletedItems/{payroll.object_id}/restore", {}).json()

    assert (deleted, gone) == (204, 404)
    assert [one["id"] for one in listed] == [restored["id"]] == [payroll.object_id]
    assert manager.get(f"/applications/{payroll.object_id}").status_code == 200


def test_every_reply_carries_the_headers_of_section_13(manager, payroll):
    answer = manager.get(f"/applications/{payroll.object_id}", headers={"client-request-id": "mine"})

    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
    assert json.loads(answer.headers["x-ms-ags-diagnostic"])


def test_an_error_names_the_request(manager):
    answer = manager.get("/applications/none", headers={"client-request-id": "mine"})

    inner = answer.json()["error"]["innerError"]
    assert inner == {
        "date": "2026-11-22T10:00:00",
        "request-id": answer.headers["request-id"],
        "client-request-id": "mine",
    }
    assert answer.headers["Content-Type"] == "application/json"


def test_an_unknown_address_and_method_are_refused(manager, payroll):
    unknown = manager.get("/applicationss")
    method = manager.send("PUT", f"/applications/{payroll.object_id}")

    assert (unknown.status_code, code(unknown)) == (400, "BadRequest")
    assert (method.status_code, code(method)) == (405, "Request_BadRequest")


def test_doubled_slashes_are_taken_for_one(emulator, manager, payroll):
    """Clients of Microsoft send them."""
    session = connect(requests.Session(), emulator)
    headers = {"Authorization": f"Bearer {manager.token}"}

    assert session.get(f"{GRAPH}//applications//{payroll.object_id}", headers=headers).status_code == 200


def test_the_organization_and_the_policies_are_read(tenant, manager, payroll):
    tenant.limit_lifetime("P180D")
    tenant.limit_lifetime("P90D", payroll)

    organization = manager.get("/organization").json()["value"][0]
    default = manager.get("/policies/defaultAppManagementPolicy").json()
    assigned = manager.get(f"/applications/{payroll.object_id}/appManagementPolicies").json()["value"]

    assert organization["id"] == tenant.id
    assert default["applicationRestrictions"]["keyCredentials"][0]["maxLifetime"] == "P180D"
    assert assigned[0]["restrictions"]["keyCredentials"][0]["maxLifetime"] == "P90D"


def test_an_untouched_tenant_has_an_empty_policy(manager):
    body = manager.get("/policies/defaultAppManagementPolicy").json()

    assert (body["id"], body["isEnabled"]) == ("00000000-0000-0000-0000-000000000000", False)
    assert body["applicationRestrictions"]["keyCredentials"] == []
