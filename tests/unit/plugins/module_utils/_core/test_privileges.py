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
