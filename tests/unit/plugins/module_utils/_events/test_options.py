# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments as a rulebook gives them: read like a module's options, and every problem named at once."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._events.options import OF_SOURCE, read_settings
from ansible_collections.evercert.entra.plugins.module_utils._events.schedule import Schedule

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "22222222-3333-4444-8555-666666666666"
GOOD = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": "s3cret"}


def problems_of(environment=None, **args):
    with pytest.raises(InvalidInput) as raised:
        read_settings(args, environment or {})
    return list(raised.value.problems)


def test_defaults():
    settings = read_settings(GOOD, {})
    (tenant,) = settings.tenants

    assert settings.statuses == ("near_expiry", "expired") and settings.schedule == Schedule()
    assert (tenant.options["cloud"], tenant.options["auth_source"], tenant.options["renew_before"]) == (
        "public",
        "auto",
        30.0,
    )


def test_numbers_may_be_texts_as_variables_often_are():
    settings = read_settings({**GOOD, "interval": "60", "repeat_after": "0", "statuses": "expired, missing"}, {})

    assert settings.schedule == Schedule(interval=60.0, repeat_after=0.0)
    assert settings.statuses == ("expired", "missing")


def test_aliases_and_the_environment_are_those_of_the_modules():
    environment = {"AZURE_TENANT": TENANT, "AZURE_CLIENT_ID": CLIENT, "ENTRA_GRAPH_URL": "https://graph.example"}
    (tenant,) = read_settings({"secret": "s3cret", "client_id": None}, environment).tenants

    assert (tenant.options["tenant_id"], tenant.options["client_secret"]) == (TENANT, "s3cret")
    assert (tenant.options["client_id"], tenant.options["graph_url"]) == (CLIENT, "https://graph.example")


def test_a_credential_that_is_given_keeps_those_of_the_environment_out():
    environment = {"AZURE_CLIENT_SECRET": "of-somebody-else", "ENTRA_ACCESS_TOKEN": "of-somebody-else"}
    (tenant,) = read_settings({**GOOD, "client_secret": None, "client_certificate_path": "/c"}, environment).tenants
    (other,) = read_settings({**GOOD, "client_secret": None}, environment).tenants

    assert (tenant.options["client_secret"], tenant.options["access_token"]) == (None, None)
    assert other.options["client_secret"] == other.options["access_token"] == "of-somebody-else"


def test_what_the_environment_gave_is_known_for_a_refusal():
    (tenant,) = read_settings({"tenant_id": TENANT, "client_id": CLIENT}, {"AZURE_CLIENT_SECRET": "around"}).tenants

    assert tenant.from_environment == {"client_secret"} and "around" not in repr(tenant)


def test_a_tenant_takes_what_it_leaves_out_from_the_options_beside_the_list():
    tenants = [{"tenant_id": "contoso.example"}, {"tenant_id": "fabrikam.example", "secret": "other", "filter": "x"}]
    one, other = read_settings({**GOOD, "filter": "y", "renew_before": 14, "tenants": tenants}, {}).tenants

    assert (one.options["tenant_id"], one.options["client_secret"], one.options["filter"]) == (
        "contoso.example",
        "s3cret",
        "y",
    )
    assert (other.options["tenant_id"], other.options["client_secret"], other.options["filter"]) == (
        "fabrikam.example",
        "other",
        "x",
    )
    assert one.options["renew_before"] == other.options["renew_before"] == 14


def test_everything_wrong_is_named_at_once():
    told = problems_of(
        **GOOD,
        interval=0,
        repeat_after="often",
        statuses=["soon"],
        renew_before=-1,
        secrets="x",
        cloud="moon",
    )

    for text in (
        "no such option: secrets.",
        "interval must be at least 1, and is 0.",
        "repeat_after must be a number.",
        "statuses must be one of near_expiry, expired",
        "renew_before must not be negative",
        "cloud must be one of",
    ):
        assert [problem for problem in told if problem.startswith(text)], (text, told)


def test_what_is_wrong_with_one_tenant_names_it_and_what_is_wrong_with_all_is_said_once():
    tenants = [{"tenant_id": "contoso.example"}, {"tenant_id": "x y", "colour": "red"}]
    told = problems_of(client_id=CLIENT, client_secret="s3cret", cloud="moon", tenants=tenants)

    assert any(problem.startswith("tenants[1]: no such option: colour.") for problem in told)
    assert any(problem.startswith("tenants[1]: tenant_id must be a GUID") for problem in told)
    assert sum("cloud must be" in problem for problem in told) == 1


@pytest.mark.parametrize("tenants", [[], ["contoso.example"], {"a": 1}])
def test_tenants_are_a_list_of_entries(tenants):
    assert any("tenants" in problem and "list" in problem for problem in problems_of(**GOOD, tenants=tenants))


@pytest.mark.parametrize("source", ["device_code", "key_store"])
def test_ways_to_sign_in_that_no_poll_can_go_are_refused(source):
    (problem,) = problems_of(**GOOD, auth_source=source)

    assert f"auth_source {source} is not for an event source" in problem


def test_an_option_that_is_given_twice_is_refused():
    assert "tenant_id is given twice, once by another of its names." in problems_of(**GOOD, tenant=TENANT)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("interval", True),
        ("interval", "nan"),
        ("statuses", 7),
        ("client_id", 7),
        ("ca_path", ["x"]),
        ("filter", {}),
        ("statuses", [{}]),
    ],
)
def test_a_value_of_another_type_is_refused(option, value):
    assert any(problem.startswith(f"{option} must be") for problem in problems_of(**{**GOOD, option: value}))


def test_no_message_quotes_a_secret():
    args = {name: ["do-not-show"] for name, entry in OF_SOURCE.items() if entry.get("no_log")}

    assert args and not any("do-not-show" in problem for problem in problems_of(tenant_id=TENANT, **args))


def test_a_source_without_any_way_to_sign_in_says_so():
    assert any(problem.startswith("No way to sign in.") for problem in problems_of(tenant_id=TENANT))


@pytest.mark.parametrize("option", ["tenant_id", "timeout", "auth_source", "graph_url", "filter"])
def test_a_private_key_in_the_wrong_place_is_not_quoted(option):
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----"

    assert "MIIEvQ" not in str(problems_of(**{**GOOD, "cloud": "none", option: key}))


def test_a_private_key_in_a_filter_is_refused_before_it_is_sent():
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----"

    assert problems_of(**{**GOOD, "filter": key}) == ["filter holds a private key: no option of this source takes one."]


@pytest.mark.parametrize("option", ["tenant_id", "filter", "client_secret", "graph_url"])
def test_an_option_that_is_given_and_empty_is_named(option):
    (told,) = problems_of({"AZURE_CLIENT_SECRET": " ", "ENTRA_CA_PATH": ""}, **{**GOOD, option: " "})

    assert told.startswith(f"{option} is given and empty")
