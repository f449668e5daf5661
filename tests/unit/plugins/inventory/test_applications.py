# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory as Ansible reads it: hosts, groups, variables, names, several tenants, cache, mistakes."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import is_trusted_as_template
from ansible.utils.display import Display
from ansible_collections.evercert.entra.plugins.inventory import applications


def groups(inventory):
    """The display names in each group."""
    return {
        name: sorted(host.vars["entra_display_name"] for host in group.get_hosts())
        for name, group in inventory.groups.items()
    }


def of(inventory, display_name):
    """The only host with that display name."""
    (host,) = [host for host in inventory.hosts.values() if host.vars["entra_display_name"] == display_name]
    return host


def as_text(inventory):
    hosts = {name: host.get_vars() for name, host in inventory.hosts.items()}
    return str([hosts, {name: group.get_vars() for name, group in inventory.groups.items()}])


# --- What becomes of an application ------------------------------------------------------------------------------


def test_every_application_is_a_host_in_groups_by_status_tenant_and_month(fleet, said):
    found = groups(fleet.read())

    assert said == []
    assert found["healthy"] == ["payroll", "payroll"]
    assert (found["near_expiry"], found["expired"]) == (["mailer"], ["legacy"])
    assert found["missing"] == ["empty", "reader", "reader"]
    assert found["attention"] == ["empty", "legacy", "mailer", "reader", "reader"]
    assert found["tenant_fabrikam"] == ["payroll", "reader"]
    assert len(found["entra_applications"]) == 7 and found["ungrouped"] == []
    due = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=20 - 30)
    assert "mailer" in found[f"renew_{due:%Y_%m}"]
    assert sum(len(found[name]) for name in found if name.startswith("renew_")) == 4


def test_a_host_carries_what_roles_take_without_mapping(fleet, contoso, server):
    inventory = fleet.read(fleet.one, key_store="/var/lib/evercert/{tenant_id}/{app_id}-{object_id}")
    payroll = contoso.application("payroll")

    host = of(inventory, "payroll")

    assert host.name == payroll.app_id
    shown = {name: value for name, value in host.vars.items() if name.startswith("entra_")}
    (certificate,) = shown.pop("entra_certificates")
    assert shown.pop("entra_next_renewal").endswith("Z")
    assert shown == {
        "entra_app_id": payroll.app_id,
        "entra_object_id": payroll.object_id,
        "entra_display_name": "payroll",
        "entra_kind": "application",
        "entra_tenant_id": contoso.id,
        "entra_cloud": "public",
        "entra_status": "healthy",
        "entra_findings": [],
        "entra_key_store": f"/var/lib/evercert/{contoso.id}/{payroll.app_id}-{payroll.object_id}",
    }
    assert certificate["status"] == "healthy" and certificate["days_left"] == 149
    assert certificate["key_id"] == payroll.key_credentials[0].key_id and len(certificate["thumbprint"]) == 40
    assert of(inventory, "empty").vars["entra_next_renewal"] is None
    tenant = inventory.groups["tenant_" + contoso.id.replace("-", "_")]
    assert tenant.vars["entra_graph_url"] == tenant.vars["entra_authority_host"] == server.url
    assert tenant.vars["entra_ca_path"] == str(server.ca_path)


def test_an_application_is_no_machine(fleet):
    """Tasks run on the control node, with the Python that has the libraries."""
    group = fleet.read(fleet.one).groups["entra_applications"]

    assert group.vars["ansible_connection"] == "local"
    assert group.vars["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"


def test_days_and_moment_of_the_assessment_are_options(fleet):
    assert groups(fleet.read(fleet.one, renew_before=10))["healthy"] == ["mailer", "payroll"]
    assert groups(fleet.read(fleet.one, rotation_period=60))["rotation_due"] == ["payroll"]
    assert groups(fleet.read(fleet.one, now="2100-01-01T00:00:00Z"))["expired"] == ["legacy", "mailer", "payroll"]


def test_a_tenant_may_have_days_of_its_own(fleet):
    patient = {**fleet.contoso, "renew_before": 10}

    found = groups(fleet.read({"tenants": [patient, fleet.fabrikam], "renew_before": 100}))

    assert found["healthy"] == ["mailer", "payroll"] and found["near_expiry"] == ["payroll"]


# --- Which applications ------------------------------------------------------------------------------------------


def test_graph_filters_and_a_tenant_may_have_a_filter_of_its_own(fleet):
    narrow = {**fleet.contoso, "filter": "startswith(displayName,'le')"}

    found = groups(fleet.read({"tenants": [narrow, fleet.fabrikam], "filter": "startswith(displayName,'pay')"}))

    assert found["entra_applications"] == ["legacy", "payroll"]


def test_expressions_include_and_exclude(fleet):
    included = ["entra_status == 'missing'", "entra_certificates | length == 1"]

    found = groups(fleet.read(include_host_filters=included, exclude_host_filters=["entra_display_name == 'reader'"]))

    assert found["all"] == ["empty", "legacy", "mailer", "payroll", "payroll"]


@pytest.mark.parametrize("option", ["include_host_filters", "exclude_host_filters", "hostnames"])
def test_an_expression_that_fails_is_no_answer(fleet, said, option):
    inventory = fleet.read(fleet.one, **{option: ["entra_nothing == 3"]})

    assert not inventory.hosts
    assert said[0].startswith(f"{option}: 'entra_nothing == 3' fails for application ")
    assert "is undefined" in said[0]


# --- Names -------------------------------------------------------------------------------------------------------


def test_display_names_are_made_safe_and_told_apart(fleet, contoso, said):
    """Whoever wants a shared name gets an app ID added, the first one too: no name passes to somebody else."""
    inventory = fleet.read(hostnames=["'app ' ~ entra_display_name"])

    names = set(inventory.hosts)
    assert {"app_mailer", "app_legacy", f"app_payroll_{contoso.application('payroll').app_id}"} <= names
    assert "app_payroll" not in names and len(names) == 7
    assert said == ["Several applications want one name, and get their IDs added: app_payroll, app_reader"]


def test_the_first_expression_that_gives_a_name_wins(fleet):
    names = ["'' if entra_display_name == 'mailer' else entra_display_name", "'second'"]

    assert {"second", "legacy"} <= set(fleet.read(fleet.one, hostnames=names).hosts)


@pytest.mark.parametrize("taken", ["localhost", "all", "healthy", "entra_applications", "tenant_contoso", "web01"])
def test_a_display_name_never_becomes_another_host_or_a_group(fleet, contoso, tmp_path, taken):
    """Anybody may name an application; whose variables it then shared would be theirs to choose."""
    bad = contoso.add_application(taken)
    try:
        fleet.read(hostnames=["entra_display_name"])
        (tmp_path / "first.ini").write_text("[web]\nweb01 mine=yes\n")
        inventory = InventoryManager(DataLoader(), [str(tmp_path / "first.ini"), str(fleet.path)])
    finally:
        contoso.directory.applications.pop(bad.object_id)

    assert bad.app_id in inventory.hosts
    assert inventory.hosts["web01"].vars["mine"] == "yes" and "entra_app_id" not in inventory.hosts["web01"].vars
    assert "entra_app_id" not in inventory.groups["healthy"].vars


def test_an_application_of_two_entries_is_one_host(fleet, said):
    again = {**fleet.contoso, "name": "again", "filter": "displayName eq 'payroll'"}

    inventory = fleet.read({"tenants": [fleet.contoso, again]})

    assert len(inventory.hosts) == 5
    assert said == ["1 applications match more than one entry of tenants; the first one counts."]


def test_a_display_name_is_never_a_template(fleet, contoso):
    bad = contoso.add_application("{{ lookup('pipe', 'id') }}")
    try:
        host = fleet.read(fleet.one, compose={"copied": "entra_display_name"}).hosts[bad.app_id]
    finally:
        contoso.directory.applications.pop(bad.object_id)

    assert host.vars["entra_display_name"] == host.vars["copied"] == bad.display_name
    assert not is_trusted_as_template(host.vars["entra_display_name"])
    assert not is_trusted_as_template(host.vars["copied"])


# --- Composing ---------------------------------------------------------------------------------------------------


def test_variables_and_groups_of_ones_own(fleet):
    inventory = fleet.read(
        fleet.one,
        compose={"entra_key_store": "'/keys/' ~ entra_app_id"},
        groups={"dated": "entra_certificates | length > 0"},
        keyed_groups=[{"key": "entra_display_name[0]", "prefix": "letter"}],
    )

    found = groups(inventory)
    assert found["dated"] == ["legacy", "mailer", "payroll"]
    assert found["letter_p"] == ["payroll"]
    host = of(inventory, "payroll")
    assert host.vars["entra_key_store"] == f"/keys/{host.name}"


@pytest.mark.parametrize("strict", [False, True])
def test_strict_is_strict_about_expressions_too(fleet, said, strict):
    fleet.read(fleet.one, compose={"wrong": "nothing_such.at_all"}, strict=strict)

    assert any("Could not set wrong" in line for line in said) is strict


# --- Several tenants ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_tenant_that_fails_hides_no_other_one(fleet, said, at_once):
    wrong = {**fleet.contoso, "client_secret": "wrong-secret"}

    found = groups(fleet.read({"tenants": [wrong, fleet.fabrikam]}, parallel_tenants=at_once))

    assert found["all"] == ["payroll", "reader"] and found["tenant_contoso"] == []
    (warning,) = said
    assert warning.startswith("Tenant contoso could not be read and has no hosts here: A client secret was sent")
    assert "AADSTS7000215" in warning and "wrong-secret" not in warning


def test_a_listing_that_breaks_off_is_no_listing(fleet, contoso, said):
    contoso.faults.add("error", match=["list_applications"], status=403, times=None)

    found = groups(fleet.read())

    assert found["tenant_contoso"] == [] and len(found["tenant_fabrikam"]) == 2
    assert "Graph answered 403" in said[0] and "Application.Read.All" in said[0]


def test_strict_names_every_tenant_that_fails(fleet, said):
    wrong = [{**one, "client_secret": "wrong"} for one in fleet.both["tenants"]]

    inventory = fleet.read({"tenants": [*wrong, {**fleet.contoso, "name": "good"}]}, strict=True)

    assert not inventory.hosts
    assert "Tenant contoso could not" in said[0] and "Tenant fabrikam could not" in said[0] and "good" not in said[0]


def test_when_no_tenant_is_left_there_is_no_inventory(fleet, said):
    assert not fleet.read({**fleet.one, "client_secret": "wrong"}).hosts
    assert said[0].startswith("Tenant c0ffee00") and said[-1].endswith("implicit localhost is available")


def test_what_tenants_share_stands_once(fleet, contoso, monkeypatch):
    """A credential of an entry's own keeps those of the top level and of the environment out."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of-somebody-else")
    shared = {name: fleet.one[name] for name in ("client_id", "client_secret")}

    inventory = fleet.read({**shared, "tenants": [{"tenant_id": contoso.id}, fleet.fabrikam]})

    assert len(inventory.hosts) == 7


def test_the_environment_signs_in_where_the_file_does_not(fleet, contoso, monkeypatch):
    monkeypatch.setenv("AZURE_TENANT_ID", contoso.id)
    monkeypatch.setenv("AZURE_CLIENT_ID", fleet.one["client_id"])
    monkeypatch.setenv("AZURE_CLIENT_SECRET", fleet.one["client_secret"])

    assert len(fleet.read({"filter": "displayName eq 'payroll'"}).hosts) == 1


def test_a_refused_credential_of_the_environment_is_told_as_that(fleet, contoso, monkeypatch, said):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of-somebody-else")

    fleet.read({"tenant_id": contoso.id, "client_id": fleet.one["client_id"]})

    assert "(auth_source auto took client_secret. From the environment: client_secret.)" in said[0]


# --- Secrets -----------------------------------------------------------------------------------------------------


def test_a_secret_may_be_a_lookup_and_is_shown_nowhere(fleet, contoso, monkeypatch, said, tmp_path):
    monkeypatch.setenv("CONTOSO_SECRET", fleet.one["client_secret"])
    cached = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(tmp_path / "cache")}
    options = {**fleet.one, "client_secret": "{{ lookup('env', 'CONTOSO_SECRET') }}"}

    inventory = fleet.read(options, **cached)

    assert len(inventory.hosts) == 5
    written = "".join(path.name + path.read_text() for path in (tmp_path / "cache").iterdir())
    assert "payroll" in written
    assert fleet.one["client_secret"] not in written + as_text(inventory) + "".join(said)


@pytest.mark.parametrize(
    "wrong", [{"client_secret": {"a": "c4nary"}}, {"tenants": {"client_secret": "c4nary"}}, {"client_secret": "c4nary"}]
)
def test_a_secret_in_a_wrong_place_is_not_quoted(fleet, said, wrong):
    assert not fleet.read({**fleet.one, **wrong}, timeout=5).hosts
    assert said and "c4nary" not in "".join(said)


# --- Cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cached(tmp_path):
    folder = tmp_path / "cache"
    return {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(folder)}


def test_a_cached_run_asks_nobody(fleet, cached):
    first = groups(fleet.read(**cached))
    before = fleet.requests

    again = fleet.read_again()

    assert fleet.requests == before
    assert groups(again) == first


def test_what_is_cached_is_assessed_anew(fleet, cached):
    fleet.read(fleet.one, **cached)
    before = fleet.requests

    later = fleet.read(fleet.one, now="2100-01-01T00:00:00Z", renew_before=3, **cached)

    assert fleet.requests == before
    assert groups(later)["expired"] == ["legacy", "mailer", "payroll"]


def test_another_question_is_not_answered_from_the_cache(fleet, cached):
    fleet.read(fleet.one, **cached)

    assert len(fleet.read({**fleet.one, "filter": "displayName eq 'payroll'"}, **cached).hosts) == 1


def test_flush_cache_asks_again(fleet, cached):
    fleet.read(fleet.one, **cached)
    before = fleet.requests

    fleet.read_again(cache=False)
    asked = fleet.requests
    fleet.read_again()

    assert before < asked == fleet.requests


def test_a_failure_is_not_cached_and_takes_out_what_was(fleet, contoso, cached, said):
    fleet.read(**cached)
    contoso.faults.add("error", match=["list_applications"], status=403, times=1)

    failed = fleet.read_again(cache=False)
    mended = fleet.read_again()

    assert len(failed.hosts) == 2 and len(mended.hosts) == 7


@pytest.mark.parametrize("text", ["[{}]", "[1]", "1", "{", ""])
def test_what_a_cache_holds_is_not_relied_on(fleet, cached, monkeypatch, text):
    with monkeypatch.context() as broken:
        broken.setattr(applications, "remember", lambda applications: text)
        fleet.read(fleet.one, **cached)
    before = fleet.requests

    assert len(fleet.read_again().hosts) == 5
    assert fleet.requests > before


# --- Mistakes ----------------------------------------------------------------------------------------------------


def test_every_mistake_of_a_file_is_told_at_once_and_nothing_is_sent(fleet, said):
    before = fleet.requests
    tenants = [
        {**fleet.contoso, "tenant_id": "no tenant"},
        {**fleet.fabrikam, "colour": "red", "renew_before": "long"},
        {"name": "third", "key_store": "/keys/{display_name}", "auth_source": "key_store"},
        {**fleet.contoso, "client_secret": ""},
        {"tenant_id": "contoso.com", "auth_source": "device_code"},
    ]

    fleet.read({"tenants": tenants, "renew_befor": 3, "parallel_tenants": 0})

    for words in (
        "renew_befor is no option of this inventory.",
        "parallel_tenants must be at least 1, and is 0.",
        "tenants, entry 1 (contoso): tenant_id must be a GUID or a domain such as contoso.onmicrosoft.com",
        "tenants, entry 2 (fabrikam): colour is no option of a tenant.",
        "tenants, entry 2 (fabrikam): renew_before must be a number, and is a text that is none.",
        "tenants, entry 3 (third): tenant_id is needed",
        "tenants, entry 3 (third): auth_source key_store is for one application",
        "tenants, entry 3 (third): key_store does not know {display_name}: accepted are {app_id}, {object_id}",
        "tenants, entry 4 (contoso): client_secret is given and empty",
        "tenants, entry 5 (contoso.com): auth_source device_code works on the control node only",
    ):
        assert words in said[0]
    assert fleet.requests == before


@pytest.mark.parametrize("tenants", [[], {}, "contoso", ["contoso"], [None]])
def test_tenants_that_are_no_list_of_tenants(fleet, said, tenants):
    fleet.read({"tenants": tenants})

    assert "tenants must be a list of at least one dictionary, each with its tenant_id." in said[0]


def test_a_template_that_fails_names_its_option(fleet, said):
    fleet.read({"tenants": [{**fleet.contoso, "client_secret": "{{ nobody_set_it }}"}], "filter": "{{ nor_that }}"})

    assert "tenants, entry 1: client_secret cannot be templated: 'nobody_set_it' is undefined" in said[0]
    assert "filter cannot be templated: 'nor_that' is undefined" in said[0]


def test_what_is_shared_wrongly_is_told_once(fleet, said):
    fleet.read(renew_before=-1)

    assert said[0].count("renew_before must not be negative, and is -1.") == 1


@pytest.mark.parametrize(
    ("name", "ours"),
    [("x.evercert_entra.yml", True), ("evercert_entra.yaml", True), ("x.yml", False), ("x.evercert_entra.json", False)],
)
def test_files_are_known_by_their_names(tmp_path, name, ours):
    (tmp_path / name).write_text("")

    assert applications.InventoryModule().verify_file(str(tmp_path / name)) is ours


def test_missing_libraries_are_named(fleet, said, monkeypatch):
    monkeypatch.setattr(applications, "missing_libraries", lambda: "msal is missing.")

    assert not fleet.read(fleet.one).hosts and "msal is missing." in said[0]


def test_a_wait_is_told(fleet, fabrikam, monkeypatch):
    told = []
    monkeypatch.setattr(Display, "display", lambda self, message, **options: told.append((message, options)))
    fabrikam.faults.add("error", match=["list_applications"], status=429, retry_after=1, times=1)

    assert len(fleet.read().hosts) == 7
    (message, options) = told[0]
    assert len(told) == 1 and options == {"stderr": True}
    assert message.startswith("evercert.entra.applications, tenant fabrikam: Graph answered 429; reading again")
    assert message.endswith("(attempt 2 of 5); waiting 1 s")
