# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anything in an inventory file and in its cache: hosts, or a sentence; never a secret, and nothing is sent."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.utils.display import Display
from ansible_collections.evercert.entra.plugins import doc_fragments, inventory
from ansible_collections.evercert.entra.plugins.inventory import applications
from ansible_collections.evercert.entra.plugins.module_utils._ansible.fleet import option_names, sources_of, tenants_of
from ansible_collections.evercert.entra.plugins.module_utils._ansible.timing import PlainTiming
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Application
from ansible_collections.evercert.entra.plugins.module_utils._steps.fleet import Listing, recall, remember
from fuzzing import TEXTS, VALUES, bent_json, bent_text, fuzz
from hypothesis import example, given
from hypothesis import strategies as st

TENANT = "22222222-3333-4444-8555-666666666666"
SIGN_IN = {"tenant_id": TENANT, "client_id": TENANT, "client_secret": "s3cret"}
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.timezone.utc)
LISTED = tuple(
    Application(object_id=f"o-{name}", app_id=f"a-{name}", display_name=name, key_credentials=())
    for name in ("payroll", "mailer", "payroll")
)
# What the plugin adds to the options of a connection, each with something that is right.
OWN = {
    "tenants": [SIGN_IN],
    "filter": "startswith(displayName,'pay')",
    "include_host_filters": ["entra_display_name == 'payroll'"],
    "exclude_host_filters": ["entra_display_name is search('sandbox')"],
    "hostnames": ["entra_display_name", "'app-' ~ entra_app_id"],
    "compose": {"product": "entra_display_name[:3]"},
    "groups": {"paying": "entra_display_name == 'payroll'"},
    "keyed_groups": [{"key": "entra_status", "prefix": "status"}],
    "strict": True,
    "parallel_tenants": 3,
    "renew_before": 20,
    "rotation_period": 90,
    "now": "2026-11-22T10:00:00Z",
    "key_store": "/var/lib/evercert/{app_id}",
    "cache": False,
}
NAMES = sorted({*option_names(), *OWN})
ENTRIES = st.none() | VALUES | st.lists(st.dictionaries(st.sampled_from(NAMES) | TEXTS, VALUES, max_size=3), max_size=3)


@fuzz(200)
@given(st.dictionaries(st.sampled_from(sorted(option_names())), VALUES, max_size=3), ENTRIES)
@example({}, [{"tenant_id": TENANT, "client_secret": "s3cret", "key_store": 7}])
def test_any_tenants_are_connections_or_a_problem(shared, entries):
    try:
        tenants = tenants_of({**SIGN_IN, **shared}, entries, None)
        sources = sources_of(tenants, lambda tenant: PlainTiming())
    except InvalidInput as refused:
        assert refused.problems and "s3cret" not in refused.message
        return
    assert len(sources) == len(tenants) and "s3cret" not in repr(tenants)


@fuzz(200)
@given(bent_json(json.loads(remember(LISTED))))
def test_anything_in_a_cache_is_a_listing_or_nothing(content):
    found = recall(json.dumps(content))

    assert found is None or all(isinstance(one, Application) for one in found)


@pytest.fixture(scope="module")
def read(request):
    """Read a file as Ansible does; hosts, or the error. Every tenant answers with LISTED."""
    failures = []
    with pytest.MonkeyPatch.context() as changed, tempfile.TemporaryDirectory() as folder:
        for package in (inventory, doc_fragments):
            changed.setattr(package, "__file__", str(Path(package.__path__[0]) / "none.py"), raising=False)
        changed.setattr(applications, "listings_of", lambda sources, *ignored: [Listing(NOW, LISTED)] * len(sources))
        changed.setattr(Display, "error_as_warning", lambda self, msg, exception, **options: failures.append(exception))
        for name in ("warning", "display"):
            changed.setattr(Display, name, lambda self, *words, **options: None)
        path = Path(folder, "fuzz.evercert_entra.yml")

        def of(options):
            failures.clear()
            path.write_text(json.dumps({"plugin": "evercert.entra.applications", **options}))
            found = InventoryManager(DataLoader(), [str(path)])
            # Files with this ending are for other plugins of Ansible too, which have their own complaints.
            ours = [failure for failure in failures if "evercert.entra.applications" in str(failure.obj)]
            return found.hosts, ours

        yield of


@st.composite
def files(draw):
    """The options of a file, one or two of them bent."""
    options = {**SIGN_IN}
    for _change in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(OWN)))
        right = OWN[name]
        bent = (
            bent_text(right)
            if isinstance(right, str)
            else bent_json(right)
            if isinstance(right, (list, dict))
            else VALUES
        )
        options[name] = draw(bent | VALUES)
    return options


def test_what_is_right_gives_hosts(read):
    for name, value in OWN.items():
        hosts, failures = read({**SIGN_IN, name: value})

        assert failures == [] and hosts, name


@fuzz(200)
@given(files())
def test_any_file_gives_hosts_or_a_sentence(read, options):
    hosts, failures = read(options)

    for failure in failures:
        assert isinstance(failure.__cause__, (AnsibleError, InvalidInput, type(None))), repr(failure.__cause__)
        assert failure.message and "s3cret" not in str(failure)
    assert failures or isinstance(hosts, dict)
