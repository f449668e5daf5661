# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.privileges import (
    PRIVILEGES,
    ROLE_NAMES,
    are_readable,
    find_lacks,
    needs_sentence,
)

ID_OF = {name: template_id for template_id, name in ROLE_NAMES.items()}
EVERYBODY = "b79fbf4d-3ef9-4689-8143-76b194e85509"
CONSENT = "AppRoleAssignment.ReadWrite.All Application.Read.All"


def application(*roles, **claims):
    return {"idtyp": "app", **({"roles": list(roles)} if roles else {}), **claims}


def person(scopes, *roles):
    return {"scp": scopes, "wids": [EVERYBODY, *(ID_OF[role] for role in roles)]}


def lacking(claims, *needs):
    return [(lack.need, lack.kind, lack.any_of[0]) for lack in find_lacks(claims, needs)]


@pytest.mark.parametrize("claims", [{}, {"aud": "x"}, {"roles": "all"}, {"scp": None}, {"wids": [EVERYBODY]}], ids=str)
def test_claims_that_do_not_say_it_refuse_nothing(claims):
    assert not are_readable(claims)
    assert lacking(claims, *PRIVILEGES) == []


def test_an_application_without_permissions_lacks_everything_each_once():
    found = lacking(application(), "add_certificate", "consent_other", "add_certificate")

    assert found == [
        ("add_certificate", "application permission", "Application.ReadWrite.OwnedBy"),
        ("consent_other", "application permission", "AppRoleAssignment.ReadWrite.All"),
        ("consent_other", "application permission", "Application.Read.All"),
    ]


@pytest.mark.parametrize("permission", ["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"])
@pytest.mark.parametrize("need", ["add_certificate", "create_service_principal", "enable_service_principal"])
def test_an_owner_or_administrator_may_write(need, permission):
    assert lacking(application(permission), need) == []
    assert lacking(application("Application.Read.All"), need) != []


def test_an_application_may_hold_a_directory_role_in_place_of_a_permission():
    role = ID_OF["Cloud Application Administrator"]

    assert lacking(application(wids=[role]), "add_certificate", "consent_other") == []
    assert lacking(application(wids=[role]), "consent_microsoft_graph") != []


@pytest.mark.parametrize(
    ("role", "graph", "others"),
    [
        ("Cloud Application Administrator", False, True),
        ("Application Administrator", False, True),
        ("Privileged Role Administrator", True, True),
        ("Global Administrator", True, True),
    ],
)
def test_who_may_consent_to_what(role, graph, others):
    claims = person(CONSENT, role)

    assert (lacking(claims, "consent_microsoft_graph") == []) is graph
    assert (lacking(claims, "consent_other") == []) is others


def test_a_person_needs_the_role_and_the_scope_and_both_are_named():
    assert lacking(person("User.Read"), "consent_microsoft_graph") == [
        ("consent_microsoft_graph", "delegated permission", "AppRoleAssignment.ReadWrite.All"),
        ("consent_microsoft_graph", "delegated permission", "Application.Read.All"),
        ("consent_microsoft_graph", "directory role", "Privileged Role Administrator"),
    ]


def test_a_person_without_a_role_may_own_the_application():
    assert lacking(person("Application.ReadWrite.All"), "add_certificate") == []
    assert lacking(person("User.Read"), "add_certificate") != []


@pytest.mark.parametrize("wids", [None, [], ["11111111-2222-3333-4444-555555555555", EVERYBODY]], ids=str)
def test_roles_that_are_not_told_or_not_known_refuse_nothing(wids):
    assert lacking({"scp": CONSENT, "wids": wids}, "consent_microsoft_graph") == []


def test_a_sentence_names_the_step_and_what_it_needs():
    lack = find_lacks(person(CONSENT), ["consent_microsoft_graph"])[0]

    assert lack.sentence == (
        "To grant or withdraw application permissions of Microsoft Graph it needs the directory role Privileged Role "
        "Administrator or Global Administrator."
    )


@pytest.mark.parametrize(
    ("template_id", "name"),
    [
        ("158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator"),
        ("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"),
        ("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"),
        ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator"),
    ],
)
def test_a_role_is_known_by_its_template(template_id, name):
    assert ROLE_NAMES[template_id] == name
    assert lacking({"scp": CONSENT, "wids": [template_id.upper()]}, "consent_other") == []


@pytest.mark.parametrize(
    "template_id",
    [
        EVERYBODY,
        "0997a1d0-0d1d-4acb-b408-d5ca73121e90",
        "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
        "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
        "5d6b6bb7-de71-4623-b4af-96380a352509",
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "29232cdf-9323-42fd-ade2-1d097af3e4de",
        "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    ],
)
def test_a_role_that_is_known_not_to_help_is_no_role(template_id):
    found = find_lacks({"scp": CONSENT, "wids": [template_id]}, ["consent_other"])

    assert [(lack.kind, lack.any_of) for lack in found] == [
        (
            "directory role",
            (
                "Cloud Application Administrator",
                "Application Administrator",
                "Privileged Role Administrator",
                "Global Administrator",
            ),
        )
    ]


@pytest.mark.parametrize("need", ["consent_microsoft_graph", "consent_other"])
@pytest.mark.parametrize(
    "reading",
    [
        "Application.Read.All",
        "Application.ReadWrite.OwnedBy",
        "Application.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ],
)
def test_any_way_of_reading_applications_is_enough_to_consent(reading, need):
    assert lacking(application("AppRoleAssignment.ReadWrite.All", reading), need) == []


@pytest.mark.parametrize("need", ["add_certificate", "create_service_principal", "enable_service_principal"])
def test_whoever_may_write_to_the_directory_may_write_to_applications(need):
    assert lacking(application("Directory.ReadWrite.All"), need) == []
    assert lacking(person("Directory.ReadWrite.All"), need) == []


@pytest.mark.parametrize(
    ("claims", "readable"),
    [
        ({"idtyp": "app"}, True),
        ({"idtyp": "app", "roles": None}, True),
        ({"idtyp": "app", "roles": "all"}, True),
        ({"roles": []}, True),
        ({"roles": [{}, "Application.ReadWrite.All"]}, True),
        ({"idtyp": "user"}, False),
        ({"scp": "User.Read"}, True),
    ],
    ids=str,
)
def test_claims_are_read_only_where_they_say_what_the_identity_is(claims, readable):
    assert are_readable(claims) is readable


def test_permissions_of_other_types_are_none():
    assert lacking({"roles": [{}, 7, "Application.ReadWrite.All"]}, "add_certificate") == []
    assert lacking({"roles": [{}, 7]}, "add_certificate") != []


def test_roles_that_are_no_list_are_not_told():
    assert lacking({"scp": CONSENT, "wids": EVERYBODY}, "consent_other") == []
    assert lacking(application(wids="x"), "consent_other") != []


def test_the_least_that_a_step_needs_is_told_in_words():
    assert "or to own the application" in needs_sentence("add_certificate")
    assert "own the application" not in needs_sentence("consent_other")
