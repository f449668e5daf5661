# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of ways to sign in: what holds of each row, whatever way it is."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import specs
from ansible_collections.evercert.entra.plugins.module_utils._ansible.setting import Setting
from ansible_collections.evercert.entra.plugins.module_utils._ansible.shelf import Shelf
from ansible_collections.evercert.entra.plugins.module_utils._ansible.ways import (
    CREDENTIALS,
    WAYS,
    Way,
    way_of,
)


def nothing(**variables):
    """A host where nothing is configured, but for variables."""
    environment = {"PATH": "/nowhere", **variables}
    return Setting({}, Shelf(), None, lambda thumbprint: None, None, environment=environment)


def test_a_variable_that_does_not_count_is_not_called_unset():
    (why,) = [way.why_not(nothing(AZURE_CLIENT_SECRET="s")) for way in WAYS if way.name == "client_secret"]

    assert why == "AZURE_CLIENT_SECRET is set, and not used beside what the options say."


def test_the_table_is_in_the_order_of_auto():
    assert [way.name for way in WAYS] == [
        "access_token",
        "client_secret",
        "certificate",
        "key_store",
        "workload_identity",
        "managed_identity",
        "azure_cli",
        "device_code",
    ]


def test_the_option_takes_every_way_by_every_name():
    names = {name for way in WAYS for name in (way.name, *way.synonyms)}

    assert set(specs.CONNECTION["auth_source"]["choices"]) == {"auto", *names}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_way_makes_what_bears_its_name_and_says_why_it_is_passed_over(way):
    assert way.build(nothing()).name == way.name
    assert way.why_not(nothing()).endswith(".")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_credential_is_an_option_of_the_connection(way):
    assert set(way.credentials) <= set(specs.CONNECTION)


def test_what_is_secret_among_the_options_is_a_credential():
    assert {name for name, entry in specs.CONNECTION.items() if entry.get("no_log")} <= set(CREDENTIALS)


def test_a_synonym_is_the_way_that_it_stands_for():
    assert (way_of("msi").name, way_of("cli").name, way_of("certificate").name) == (
        "managed_identity",
        "azure_cli",
        "certificate",
    )


@pytest.mark.parametrize("nobody", ["auto", None])
def test_auto_names_no_way(nobody):
    assert way_of(nobody) is None


def test_a_row_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WAYS[0].is_shared = True
    assert Way("x", WAYS[0].build, WAYS[0].why_not).is_shared


def test_what_proves_a_key_asks_a_person_or_was_handed_in_is_not_shared():
    assert {way.name for way in WAYS if not way.is_shared} == {"key_store", "device_code", "access_token"}
