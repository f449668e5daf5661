# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications as hosts: the file in, Ansible's own mixins for composing, grouping and caching."""

from __future__ import annotations

DOCUMENTATION = r"""
name: applications
short_description: Microsoft Entra applications as hosts, grouped by the status of their certificates
version_added: 0.1.0
description:
  - Makes every application of one or many tenants a host, with its status, its certificates and the variables that the
    roles and playbooks of this collection take.
  - Needs a YAML file whose name ends in C(evercert_entra.yml) or C(evercert_entra.yaml), such as
    C(fleet.evercert_entra.yml). It needs no entry in C(enable_plugins).
  - Reads only, with C(Application.Read.All). One sign-in and one request for every 999 applications of each tenant.
  - Where the options below say where the module runs, that is the control node here. Every option of a tenant may be
    a template (see the examples) or a vaulted value. O(auth_source=device_code) and O(auth_source=key_store) do not
    go with an inventory.
  - Secrets are used to sign in and go nowhere else, neither into host variables nor into the cache nor into messages.
  - What most people give is O(plugin), O(tenant_id), O(auth_source), O(tenants), O(key_store). Every other option has a
    default that is right for most.
extends_documentation_fragment:
  - constructed
  - inventory_cache
  - evercert.entra._connection
  - evercert.entra._due
  - evercert.entra._age
  - evercert.entra._filter
  - evercert.entra._now
  - evercert.entra._inventory
notes:
  - Every host is in the group C(entra_applications), in one by status (C(healthy), C(near_expiry), C(rotation_due),
    C(expired), C(not_yet_valid), C(missing), C(unknown)), in C(tenant_NAME) with every character outside of A-Z, a-z,
    0-9 replaced by an underscore, and in C(renew_YYYY_MM), the month in which its next renewal falls due. C(attention)
    has those with a finding, C(missing) included. Where nothing is missing or due there is no such group.
    C(agent_identity_blueprint) has what is none of ours to renew, so that a pattern can leave it out.
  - The status is that of the tenant's directory alone, as in a listing of
    M(evercert.entra.application_certificate_info). The best sign-in certificate of an application counts.
  - Host variables are C(entra_app_id), C(entra_object_id), C(entra_display_name), C(entra_kind) (V(application), or
    V(agent_identity_blueprint), which the modules leave alone), C(entra_tenant_id), C(entra_cloud), C(entra_status),
    C(entra_findings) (words), C(entra_next_renewal) (C(null) without a certificate), C(entra_certificates) (a list with
    C(key_id), C(display_name), C(thumbprint), C(not_before), C(not_after), C(days_left) and C(status)), and
    C(entra_key_store) with O(key_store).
  - The group of a tenant has C(entra_authority_host), C(entra_graph_url) and C(entra_ca_path) where the file gives
    them.
  - Applications are no machines. The group C(entra_applications) has C(ansible_connection=local) and the control node's
    own Python as interpreter. C(group_vars), or O(compose) for each host, can say otherwise.
  - The cache holds the listing of each tenant, not its assessment. Statuses are those of the moment in which the cache
    is read, and another O(renew_before) needs no new listing. A tenant that failed is asked again by the next run.
seealso:
  - module: evercert.entra.application_certificate_info
  - name: Whole fleets as an inventory
    description: The guide, with a fleet renewed from one file.
    link: https://docs.ansible.com/ansible/latest/collections/evercert/entra/docsite/guide_inventory.html
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
# One tenant; who signs in comes from AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.
plugin: evercert.entra.applications
tenant_id: contoso.onmicrosoft.com
key_store: /var/lib/evercert/{app_id}

---
# Many tenants that have consented to one application, read by its certificate.
plugin: evercert.entra.applications
client_id: 00000000-aaaa-4000-8000-00000000a001
client_certificate_path: /etc/evercert/reader.pem
tenants:
  - tenant_id: 0d2f4a66-5b1e-4f0a-9c39-b8f7f6f1a001
    name: contoso
  - tenant_id: 0d2f4a66-5b1e-4f0a-9c39-b8f7f6f1a002
    name: fabrikam
  # This one has an identity of its own; what the others share does not count for it.
  - tenant_id: adatum.onmicrosoft.com
    name: adatum
    client_id: 00000000-aaaa-4000-8000-00000000a002
    client_secret: "{{ lookup('ansible.builtin.env', 'ADATUM_SECRET') }}"
parallel_tenants: 20
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/evercert
cache_timeout: 900

---
# Only what needs attention, with names for people, and groups of one's own.
plugin: evercert.entra.applications
tenant_id: contoso.onmicrosoft.com
filter: startswith(displayName,'payroll')
include_host_filters:
  - entra_status in ['near_expiry', 'rotation_due', 'expired']
exclude_host_filters:
  - entra_display_name is search('sandbox')
hostnames:
  - "'app-' ~ entra_display_name"
compose:
  entra_key_store: "'/var/lib/evercert/' ~ entra_tenant_id ~ '/' ~ entra_app_id"
groups:
  several_certificates: entra_certificates | length > 1
keyed_groups:
  - key: entra_display_name.split('-')[0]
    prefix: product
strict: true
"""

import typing as t

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ..module_utils._ansible.fleet import Tenant, failures_of, listings_of, option_names, sources_of, tenants_of
from ..module_utils._ansible.hosts import EVERY_HOST, Host, Mark, distinct, group_of, hosts_of, safe_name, unique_names
from ..module_utils._ansible.libraries import missing_libraries
from ..module_utils._ansible.timing import SpokenTiming
from ..module_utils._core.errors import InvalidInput
from ..module_utils._steps.fleet import Listing, Source, remember


def _marks() -> tuple[Mark, Mark]:
    """How a text is trusted as a template, and how it is marked as none."""
    try:
        from ansible.template import trust_as_template
    except ImportError:  # before ansible-core 2.19 every text is a template unless it is marked
        from ansible.utils.unsafe_proxy import wrap_var

        return str, wrap_var
    return trust_as_template, str


VOUCH = _marks()[0]
DOUBT = _marks()[1]
ENDINGS = ("evercert_entra.yml", "evercert_entra.yaml")
OF_EVERY_HOST = {
    "ansible_connection": VOUCH("local"),
    "ansible_python_interpreter": VOUCH("{{ ansible_playbook_python }}"),
}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "evercert.entra.applications"

    def verify_file(self, path: str) -> bool:
        return bool(BaseInventoryPlugin.verify_file(self, path)) and path.endswith(ENDINGS)

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        missing = missing_libraries()
        if missing:
            raise AnsibleParserError(missing)
        config = BaseInventoryPlugin._read_config_data(self, path)
        try:
            tenants = self._tenants(config)
            sources = sources_of(tenants, self._timing_of, self._problems(config))
        except InvalidInput as error:
            raise AnsibleParserError(f"{path}: {error.message}") from error
        listings = self._listings(tenants, sources, path, cache)
        self._report(failures_of(tenants, listings), len(tenants))
        self._add_groups(inventory, tenants)
        self._add_hosts(inventory, self._hosts(tenants, listings))

    @property
    def _option(self) -> t.Callable[[str], t.Any]:
        """An option's value; Ansible's own function has no types."""
        return self.get_option

    def set_options(self, task_keys: t.Any = None, var_options: t.Any = None, direct: t.Any = None) -> None:
        """Without what may be secret, or a template: Ansible keeps its options, and quotes those that do not fit."""
        ours = {*option_names(), "tenants"}
        given = {name: value for name, value in (direct or {}).items() if name not in ours}
        BaseInventoryPlugin.set_options(self, task_keys, var_options, given)

    def _tenants(self, config: t.Mapping[str, t.Any]) -> list[Tenant]:
        """What the file names. Raises InvalidInput with every option that cannot be templated."""
        problems: list[str] = []
        words, entries = option_names(), config.get("tenants")
        shared = {name: self._resolved(name, config[name], problems) for name in config if name in words}
        if isinstance(entries, list):
            entries = [self._resolved_entry(number, entry, problems) for number, entry in enumerate(entries, 1)]
        else:
            entries = self._resolved("tenants", entries, problems)
        if problems:
            raise InvalidInput(problems)
        return tenants_of(shared, entries, self._option("now"))

    def _resolved_entry(self, number: int, entry: t.Any, problems: list[str]) -> t.Any:
        if not isinstance(entry, dict):
            return entry
        return {
            name: self._resolved(f"tenants, entry {number}: {name}", value, problems) for name, value in entry.items()
        }

    def _resolved(self, name: str, value: t.Any, problems: list[str]) -> t.Any:
        """An option with its templates and vaulted values replaced."""
        self.templar.available_variables = self._vars or {}
        try:
            return self.templar.template(value)
        except AnsibleError as error:
            problems.append(f"{name} cannot be templated: {error.message}")
            return None

    def _problems(self, config: t.Mapping[str, t.Any]) -> list[str]:
        unknown = [name for name in config if name not in option_names() and name not in self._options]
        found = [f"{name} is no option of this inventory." for name in unknown]
        if self._option("parallel_tenants") < 1:
            found.append(f"parallel_tenants must be at least 1, and is {self._option('parallel_tenants')}.")
        return found

    def _timing_of(self, tenant: Tenant) -> SpokenTiming:
        """Waits are told on stderr: stdout is the inventory."""
        told = f"evercert.entra.applications, tenant {tenant.name}"
        return SpokenTiming(lambda what: self.display.display(f"{told}: {what}", stderr=True))

    def _listings(
        self, tenants: t.Sequence[Tenant], sources: t.Sequence[Source], path: str, cache: bool
    ) -> list[Listing]:
        """What each tenant holds. Only whole listings are kept in the cache; a failure takes out what was there."""
        stored: t.Any = self.cache if self._option("cache") else {}
        keys = [f"{self.get_cache_key(path)}_{tenant.digest}" for tenant in tenants]
        cached = [stored.get(key) if cache else None for key in keys]
        listings = listings_of(sources, cached, self._option("parallel_tenants"))
        for key, listing in zip(keys, listings):
            if not listing.is_cached:
                stored[key] = None if listing.failure else remember(listing.applications)
        return listings

    def _report(self, failures: t.Sequence[str], tenants: int) -> None:
        """With `strict`, or where no tenant is left, an error that names all that failed."""
        if failures and (self._option("strict") or len(failures) == tenants):
            raise AnsibleParserError(" ".join(failures))
        for message in failures:
            self.display.warning(message)

    def _add_groups(self, inventory: InventoryData, tenants: t.Sequence[Tenant]) -> None:
        inventory.add_group(EVERY_HOST)
        for name, value in OF_EVERY_HOST.items():
            inventory.set_variable(EVERY_HOST, name, value)
        for tenant in tenants:
            group = inventory.add_group(group_of(tenant))
            inventory.add_child(EVERY_HOST, group)
            for name, value in tenant.places.items():
                inventory.set_variable(group, f"entra_{name}", value)

    def _hosts(self, tenants: t.Sequence[Tenant], listings: t.Sequence[Listing]) -> list[Host]:
        """The applications that are wanted, each once."""
        hosts, again = distinct(
            host
            for tenant, listing in zip(tenants, listings)
            for host in hosts_of(tenant, listing, VOUCH, DOUBT)
            if self._is_wanted(host)
        )
        if again:
            self.display.warning(f"{again} applications match more than one entry of tenants; the first one counts.")
        return hosts

    def _is_wanted(self, host: Host) -> bool:
        included = self._option("include_host_filters")
        if included and not self._matches("include_host_filters", included, host):
            return False
        return not self._matches("exclude_host_filters", self._option("exclude_host_filters"), host)

    def _matches(self, option: str, expressions: t.Sequence[str], host: Host) -> bool:
        return any(self._evaluated(option, expression, host) for expression in expressions)

    def _evaluated(self, option: str, expression: str, host: Host) -> t.Any:
        """All host variables are always there, so that an expression that fails is a mistake."""
        try:
            return Constructable._compose(self, expression, host.variables)
        except AnsibleError as error:
            # Not "from error": Ansible would quote the lines of the file around it, and these may hold a secret.
            named = f"application {host.variables['entra_app_id']}"
            raise AnsibleParserError(f"{option}: '{expression}' fails for {named}: {error.message}") from None

    def _add_hosts(self, inventory: InventoryData, hosts: t.Sequence[Host]) -> None:
        for group in sorted({group for host in hosts for group in host.groups}):
            inventory.add_group(group)
        names, shared = unique_names([self._name(inventory, host) for host in hosts], hosts)
        if shared:
            few = ", ".join(shared[:5]) + (" ..." if len(shared) > 5 else "")
            self.display.warning(f"Several applications want one name, and get their IDs added: {few}")
        for name, host in zip(names, hosts):
            _add_host(inventory, name, host)
        if any(self._option(option) for option in ("compose", "groups", "keyed_groups")):
            for name, host in zip(names, hosts):
                self._construct(name, host)

    def _construct(self, name: str, host: Host) -> None:
        strict = self._option("strict")
        Constructable._set_composite_vars(self, self._option("compose"), host.variables, name, strict)
        Constructable._add_host_to_composed_groups(self, self._option("groups"), host.variables, name, strict)
        Constructable._add_host_to_keyed_groups(self, self._option("keyed_groups"), host.variables, name, strict)

    def _name(self, inventory: InventoryData, host: Host) -> str:
        """The first of `hostnames` that can be its name and is free."""
        for expression in self._option("hostnames"):
            known = expression in host.variables
            name = safe_name(host.variables[expression] if known else self._evaluated("hostnames", expression, host))
            if name and _is_free(inventory, name, host):
                return name
        return str(host.variables["entra_app_id"])


def _is_free(inventory: InventoryData, name: str, host: Host) -> bool:
    """Neither a group nor a host of another kind; the same application may come from a second file."""
    holder = inventory.hosts.get(name)
    is_other = holder is not None and holder.vars.get("entra_object_id") != host.variables["entra_object_id"]
    return name not in inventory.groups and not is_other


def _add_host(inventory: InventoryData, name: str, host: Host) -> None:
    inventory.add_host(name)
    for variable, value in host.variables.items():
        inventory.set_variable(name, variable, value)
    for group in host.groups:
        inventory.add_child(group, name)
