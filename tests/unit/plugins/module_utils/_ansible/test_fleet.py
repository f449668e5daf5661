# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory file says of its tenants: what is shared, what wins, what stays out, what a cache goes by."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import fleet
from ansible_collections.evercert.entra.plugins.module_utils._ansible.ways import CREDENTIALS
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput

CONTOSO = {"tenant_id": "contoso.com"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Somebody else's, who works in another tenant."""
    for name in ("AZURE_TENANT", "AZURE_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "ENTRA_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TENANT_ID", "environment.com")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret-of-the-environment")


def tenants(shared=None, *entries):
    return fleet.tenants_of(shared or {}, list(entries) or None, None)


def options(shared=None, *entries):
    """Those of the last tenant."""
    return tenants(shared, *entries)[-1].options


def problems(shared=None, *entries):
    with pytest.raises(InvalidInput) as raised:
        fleet.sources_of(tenants(shared, *entries), lambda tenant: None)
    return raised.value.problems


def test_a_file_without_tenants_is_one_tenant_and_the_environment_fills_in():
    (one,) = tenants()

    assert one.options["tenant_id"] == one.name == "environment.com"
    assert one.options["client_secret"] == "secret-of-the-environment"


def test_an_entry_wins_over_what_is_shared():
    found = options({"cloud": "china", "renew_before": 10, "filter": "a"}, {**CONTOSO, "renew_before": "20"})

    assert (found["cloud"], found["renew_before"], found["filter"]) == ("china", 20.0, "a")


def test_aliases_are_the_options_that_they_stand_for():
    found = options({"secret": "shared", "cloud_environment": "china"}, {"tenant": "contoso.com", "cloud": "public"})

    assert (found["tenant_id"], found["client_secret"], found["cloud"]) == ("contoso.com", "shared", "public")


def test_a_tenant_is_never_shared_nor_taken_from_the_environment():
    assert options({"tenant_id": "shared.com", "name": "shared"}, {"name": "mine"})["tenant_id"] is None
    assert any("tenant_id is needed" in one for one in problems({"tenant_id": "shared.com"}, {"name": "mine"}, CONTOSO))


@pytest.mark.parametrize(
    "own", [{"client_secret": "own"}, {"access_token": "own"}, {"client_certificate_path": "/own"}]
)
def test_a_credential_of_an_entry_keeps_the_others_out(own):
    """What is sent where has to be read from the file: auto would take a secret first, whoever gave it."""
    shared = {"client_id": "11111111-2222-4333-8444-555555555555", "client_secret": "shared", "access_token": "shared"}

    found = options(shared, {**CONTOSO, **own})

    assert {name: found[name] for name in CREDENTIALS if found[name]} == own and found["auth_source"] == "auto"
    assert found["client_id"] == shared["client_id"]


def test_a_credential_of_the_file_keeps_those_of_the_environment_out():
    for found in (options({"client_certificate_path": "/shared"}), options({"access_token": "a"}, CONTOSO)):
        assert found["client_secret"] is None


def test_what_the_environment_gave_is_known_for_a_refusal():
    (mixed,), (own,) = tenants({"client_id": "a"}), tenants({**CONTOSO, "client_id": "a", "client_secret": "b"})

    assert mixed.from_environment >= {"tenant_id", "client_secret"} and "client_id" not in mixed.from_environment
    assert not own.from_environment & {"tenant_id", "client_id", "client_secret"}


def test_a_way_to_sign_in_of_an_entry_takes_no_shared_credential():
    assert options({"access_token": "shared"}, {**CONTOSO, "auth_source": "azure_cli"})["access_token"] is None


def test_places_of_the_file_go_with_the_hosts_and_those_of_the_environment_do_not(monkeypatch):
    monkeypatch.setenv("ENTRA_CA_PATH", "/environment/ca.pem")

    (one,) = tenants({"graph_url": "https://graph.test"}, {**CONTOSO, "authority_host": "https://login.test"})

    assert one.places == {"graph_url": "https://graph.test", "authority_host": "https://login.test"}
    assert one.options["ca_path"] == "/environment/ca.pem"


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        ({"filter": "a"}, True),
        ({"tenant_id": "fabrikam.com"}, True),
        ({"client_id": "11111111-2222-4333-8444-555555555555"}, True),
        ({"cloud": "china"}, True),
        ({"graph_url": "https://graph.test"}, True),
        ({"client_secret": "another"}, False),
        ({"renew_before": 5}, False),
        ({"name": "another"}, False),
        ({"key_store": "/keys/{app_id}"}, False),
    ],
)
def test_a_cached_listing_is_for_one_question_and_knows_no_secret(change, is_another):
    first, second = (tenants({}, {**CONTOSO, "client_secret": "a", **more})[0].digest for more in ({}, change))

    assert (first != second) is is_another and len(first) == 16


def test_a_problem_that_all_share_is_told_once_and_others_with_their_entries():
    found = problems(
        {"renew_before": -1}, CONTOSO, {**CONTOSO, "colour": "red"}, {**CONTOSO, "name": "b", "colour": "red"}
    )

    assert "renew_before must not be negative, and is -1." in found
    assert "tenants, entries 2 (contoso.com), 3 (b): colour is no option of a tenant." in found


def test_an_entry_that_is_of_no_use_is_told_with_what_the_others_lack():
    found = problems(
        {}, {**CONTOSO, "renew_before": "x"}, {**CONTOSO, "auth_source": "client_secret", "client_secret": ""}
    )

    assert any(
        one == "tenants, entry 1 (contoso.com): renew_before must be a number, and is a text that is none."
        for one in found
    )
    assert any(one.startswith("tenants, entry 2 (contoso.com): client_secret is given and empty") for one in found)


@pytest.mark.parametrize("option", ["tenant_id", "filter", "client_secret", "key_store", "graph_url", "cloud", "name"])
@pytest.mark.parametrize("nothing", ["", " \n", "\u200b"])
def test_an_option_that_is_given_and_empty_is_named_and_counts_for_nothing_else(option, nothing):
    told = (
        f"{option} is given and empty, as where a variable was never filled. Give it a value, or leave it out (omit)."
    )

    assert problems({}, {"client_id": "nobody", **CONTOSO, option: nothing}) == (told,)


@pytest.mark.parametrize("option", ["tenant_id", "filter", "client_secret", "key_store", "graph_url", "renew_before"])
def test_a_private_key_in_the_wrong_place_is_not_quoted(option):
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----"

    found = problems({}, {"client_id": "nobody", **CONTOSO, option: key})

    assert f"{option} holds a private key: none belongs into an inventory file." in found
    assert "MIIEvQ" not in str(found)


def test_secrets_are_in_no_representation():
    assert "secret-of-the-environment" not in repr(tenants())


def test_an_inventory_gives_way_to_renewals():
    shared = {"client_id": "00000000-aaaa-4000-8000-00000000a001", "client_secret": "s"}
    (source,) = fleet.sources_of(tenants(shared, CONTOSO), lambda tenant: None)

    assert source.connection.graph.priority == "Low"
