# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events for ansible-rulebook when certificates of Microsoft Entra applications end soon, or have ended."""

from __future__ import annotations

import importlib
import sys
import types
import typing as t
from pathlib import Path

DOCUMENTATION = r"""
short_description: Tells of certificates of Microsoft Entra applications that end soon
description:
  - Looks at all applications of one or many tenants in turn, and puts an event on the queue for each one whose
    certificate needs attention. Read-only; the identity needs the application permission C(Application.Read.All).
  - A finding is told once. It is told again when it changes, or after O(repeat_after). What was told is forgotten when
    the source ends, so every finding is told once more after a restart.
  - A tenant that cannot be read never ends the source. The pause doubles with each failure in a row, up to
    O(backoff_cap); a C(Retry-After) of the service is obeyed. After O(unreachable_after) failures one event says so.
  - Every event has C(kind). C(finding) and C(resolved) have C(tenant_id), C(app_id), C(object_id), C(display_name),
    C(status), C(findings) (each with C(reason), C(message) and C(remedy)), C(not_after), C(days_left) and
    C(next_renewal). C(unreachable) has C(tenant_id), C(failures), C(since), C(message) and C(diagnosis) (C(code),
    C(cause) and C(remedy), or null). C(reachable) has C(tenant_id) and C(since). No event holds a secret.
  - Needs msal, cryptography and requests beside ansible-rulebook, and no ansible-core. The file has to stay in its
    place in the collection, whose code it uses.
options:
  tenants:
    description:
      - The tenants to watch, each with connection options of its own and O(filter). What an entry leaves out it takes
        from the options beside this list. Without the list, those options are the one tenant.
    type: list
    elements: dict
  tenant_id:
    description: The tenant, as a GUID or a domain. Without it, E(AZURE_TENANT_ID), as for the modules.
    type: str
    aliases: [tenant]
  client_id:
    description: The app ID of the identity that signs in. Without it, E(AZURE_CLIENT_ID).
    type: str
  auth_source:
    description:
      - How to sign in, as for the modules. V(device_code) needs a person and V(key_store) is one application's own, so
        both are refused here.
    type: str
    default: auto
  client_secret:
    description: The client secret of O(client_id). Without it, E(AZURE_CLIENT_SECRET).
    type: str
    aliases: [secret]
  client_certificate_path:
    description: A PEM or PFX file with certificate and private key. Without it, E(AZURE_CLIENT_CERTIFICATE_PATH).
    type: path
    aliases: [x509_certificate_path]
  client_certificate_passphrase:
    description: The passphrase of that file. Without it, E(AZURE_CLIENT_CERTIFICATE_PASSWORD).
    type: str
  federated_token_file:
    description: A file with a token of an issuer that O(client_id) trusts. Without it, E(AZURE_FEDERATED_TOKEN_FILE).
    type: path
  service_connection_id:
    description: The ID of an Azure Pipelines service connection. Without it, the variable of the same meaning.
    type: str
  access_token:
    description: An access token for Microsoft Graph. It ends after about an hour, so it is for trials.
    type: str
  cloud:
    description: Where the tenant lives, as for the modules.
    type: str
    default: public
    aliases: [cloud_environment]
  authority_host:
    description: The sign-in host as an https URL, for a private cloud or the emulator.
    type: str
  graph_url:
    description: The root of Microsoft Graph as an https URL, for a private cloud or the emulator.
    type: str
  ca_path:
    description: The authorities to trust, for a private cloud, an inspecting proxy or the emulator.
    type: path
  timeout:
    description: How long one request may stay without an answer, in seconds.
    type: float
    default: 30.0
  filter:
    description: An OData filter on applications, such as C(startswith(displayName,'payroll')). Without it, all.
    type: str
  renew_before:
    description: How long before the end a certificate counts as V(near_expiry), in days.
    type: float
    default: 30.0
  statuses:
    description:
      - Which statuses and findings raise an event. V(near_expiry), V(expired), V(not_yet_valid), V(missing) (it has no
        certificate for sign-in), V(unknown) (its dates cannot be read) and V(policy_exceeded).
    type: list
    elements: str
    default: [near_expiry, expired]
  interval:
    description: The time between two polls of a tenant, in seconds, from 1 to 604800.
    type: float
    default: 3600.0
  jitter:
    description: Up to this many seconds, chosen at random, are added to each interval. From 0 to 86400.
    type: float
    default: 300.0
  repeat_after:
    description:
      - A finding, or an outage, that stays as it is is told again after this many seconds. V(0) tells it once only. A
        renewal that failed is started again by this.
    type: float
    default: 86400.0
  unreachable_after:
    description: After this many failed polls in a row the event C(unreachable) is raised. From 1 to 1000.
    type: int
    default: 3
  backoff_cap:
    description: The longest pause after failed polls, in seconds, from 1 to 86400. A C(Retry-After) may be longer.
    type: float
    default: 3600.0
"""

EXAMPLES = r"""
- name: Renew what ends soon
  hosts: all
  sources:
    - evercert.entra.certificate_expiry:
        tenant_id: contoso.onmicrosoft.com
        client_id: "{{ client_id }}"
        client_secret: "{{ client_secret }}"
        statuses: [near_expiry, expired]

- name: Watch two tenants
  hosts: all
  sources:
    - evercert.entra.certificate_expiry:
        interval: 21600
        tenants:
          - tenant_id: contoso.onmicrosoft.com
            client_id: "{{ contoso.client_id }}"
            client_secret: "{{ contoso.client_secret }}"
          - tenant_id: fabrikam.onmicrosoft.us
            cloud: us_government
            client_id: "{{ fabrikam.client_id }}"
            client_certificate_path: /etc/evercert/fabrikam.pem
            filter: startswith(displayName,'payroll')
"""

PLUGINS = Path(__file__).absolute().parents[4] / "plugins"
PACKAGE = "evercert_entra_plugins"


def load(name: str) -> t.Any:
    """A part of the collection, found from where this file lies.

    ansible-rulebook runs this file without a package, and where ansible-core is missing nothing can import
    `ansible_collections`. Imports inside plugins/ are relative, so any name serves for its root.
    """
    if not (PLUGINS / "module_utils" / "_events").is_dir():
        raise ImportError(
            f"{__file__} is not in its place in the collection evercert.entra, whose code it uses. Install the whole "
            "collection, and name the source evercert.entra.certificate_expiry."
        )
    if PACKAGE not in sys.modules:
        root = types.ModuleType(PACKAGE)
        root.__path__ = [str(PLUGINS)]
        sys.modules[PACKAGE] = root
    return importlib.import_module(f"{PACKAGE}.{name}")


async def main(queue: t.Any, args: dict[str, t.Any]) -> None:
    """Called by ansible-rulebook; ends when its task is cancelled."""
    await load("module_utils._events.watching").run(queue.put, args)
