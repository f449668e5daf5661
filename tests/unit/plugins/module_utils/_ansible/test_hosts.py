# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application as a host: groups, variables, names."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import fleet, hosts
from ansible_collections.evercert.entra.plugins.module_utils._steps.fleet import Listing
from ansible_collections.evercert.entra.tests.unit.builders import (
    APP_ID,
    NOW,
    OBJECT_ID,
    a_certificate,
    a_credential,
    an_application,
)


def host_of(application, vouch=str, doubt=str, **options):
    (tenant,) = fleet.tenants_of({}, [{"tenant_id": "contoso.com", **options}], None)
    (host,) = hosts.hosts_of(tenant, Listing(NOW, (application,)), vouch, doubt)
    return host


@pytest.mark.parametrize(
    ("expires", "groups"),
    [
        (90, {"tenant_contoso_com", "healthy", "renew_2027_01"}),
        (20, {"tenant_contoso_com", "near_expiry", "attention", "renew_2026_11"}),
        (-40, {"tenant_contoso_com", "expired", "attention", "renew_2026_09"}),
    ],
)
def test_groups_by_tenant_status_and_month(expires, groups):
    assert set(host_of(an_application(a_certificate(expires=expires))).groups) == groups


def test_without_a_certificate_there_is_no_month():
    host = host_of(an_application())

    assert set(host.groups) == {"tenant_contoso_com", "missing", "attention"}
    assert host.variables["entra_next_renewal"] is None and host.variables["entra_certificates"] == []


def test_a_blueprint_is_in_a_group_of_its_own_and_nobody_is_asked_to_renew_it():
    host = host_of(an_application(a_certificate(expires=20), kind="agent_identity_blueprint"))

    assert {"near_expiry", "agent_identity_blueprint"} <= set(host.groups)
    assert host.variables["entra_kind"] == "agent_identity_blueprint"


def test_age_counts_where_a_rotation_period_is_given():
    host = host_of(an_application(a_certificate(issued=-90, expires=300)), rotation_period=80)

    assert {"rotation_due", "attention", "renew_2026_11"} <= set(host.groups)
    assert host.variables["entra_findings"] == ["rotation_due"]


def test_hosts_come_in_an_order_that_stays():
    """Batches and slices of a play go by it; Graph may answer in any."""
    (tenant,) = fleet.tenants_of({}, [{"tenant_id": "contoso.com"}], None)
    listed = tuple(an_application(app_id=app_id) for app_id in ("b", "c", "a"))

    found = hosts.hosts_of(tenant, Listing(NOW, listed))

    assert [host.variables["entra_app_id"] for host in found] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "group"),
    [(None, "tenant_contoso_com"), ("Łódź & co.", "tenant___d____co_"), ("a-b", "tenant_a_b")],
)
def test_a_group_has_a_name_that_every_ansible_takes(name, group):
    assert host_of(an_application(), name=name).groups[0] == group


def test_entries_of_others_may_hold_anything():
    odd = a_credential(None, key_id="{{ bad }}", certificate=None, identifier="{{ bad }}", not_after=None)

    (shown,) = host_of(an_application(odd), vouch=lambda text: f"<{text}>").variables["entra_certificates"]

    assert shown["key_id"] == "{{ bad }}" and shown["thumbprint"] is None
    assert shown["not_after"] is None and shown["days_left"] is None and shown["status"] == "<unknown>"


def test_only_ids_words_and_times_are_vouched_for():
    """The rest is foreign text: whoever registers an application chooses it."""
    application = an_application(a_credential(None, key_id=OBJECT_ID), display_name="{{ bad }}")

    marks = {"vouch": lambda text: f"<{text}>", "doubt": lambda text: f"!{text}"}
    shown = host_of(application, **marks, key_store="/{app_id}").variables

    assert shown["entra_display_name"] == "!{{ bad }}"
    assert shown["entra_app_id"] == f"<{APP_ID}>" and shown["entra_key_store"] == f"</{APP_ID}>"
    (certificate,) = shown["entra_certificates"]
    assert certificate["key_id"] == f"<{OBJECT_ID}>" and certificate["display_name"] == "!CN=payroll"
    assert certificate["not_after"] == "<2027-02-20T10:00:00Z>" and certificate["days_left"] == 90


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("payroll sync", "payroll_sync"),
        ("../../etc/passwd", "etc_passwd"),
        ("a,b:c!d&e[f]*", "a_b_c_d_e_f"),
        ("Zahlungen für Übersee", "Zahlungen_für_Übersee"),
        (5, "5"),
        ("", None),
        (None, None),
        ("...", None),
        ("LocalHost", None),
        ("127.0.0.1", None),
        ("all", None),
        ("@etc/ansible/hosts", "etc_ansible_hosts"),
        ("-@.payroll", "payroll"),
        ("@", None),
        ("a@b", "a@b"),
    ],
)
def test_a_host_name_can_stand_in_patterns_and_paths(text, name):
    assert hosts.safe_name(text) == name


def test_each_application_is_one_host():
    first, second = host_of(an_application(), name="a"), host_of(an_application(), name="b")

    assert hosts.distinct([first, second]) == ([first], 1)


def test_shared_names_get_an_app_id_and_if_that_is_shared_an_object_id():
    def named(name, app_id, object_id):
        return name, hosts.Host({"entra_app_id": app_id, "entra_object_id": object_id}, ())

    given = [
        named("a", "1", "x"),
        named("a", "2", "y"),
        named("b", "3", "z"),
        named("b", "3", "w"),
        named("c", "4", "v"),
    ]

    names, shared = hosts.unique_names([name for name, _host in given], [host for _name, host in given])

    assert names == ["a_1", "a_2", "b_3_z", "b_3_w", "c"] and shared == ["a", "b"]


def test_app_ids_that_are_names_and_shared_get_object_ids():
    twins = [hosts.Host({"entra_app_id": "1", "entra_object_id": object_id}, ()) for object_id in ("x", "y")]

    assert hosts.unique_names(["1", "1"], twins)[0] == ["1_x", "1_y"]


def test_a_name_that_looks_like_another_ones_with_its_app_id_is_told_apart_too():
    def host(app_id):
        return hosts.Host({"entra_app_id": app_id, "entra_object_id": f"o{app_id}"}, ())

    names, _shared = hosts.unique_names(["a", "a", "a_1"], [host("1"), host("2"), host("3")])

    assert len(set(names)) == 3 and "a_2" in names
