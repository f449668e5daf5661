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
  - A tenant that cannot be read never ends the source. The pause doubles with each failure in a row, up to an
    hour; a C(Retry-After) of the service is obeyed. After three failures in a row one event says so.
  - Every event has C(kind). C(finding) and C(resolved) have C(tenant_id), C(app_id), C(object_id), C(display_name),
    C(status), C(findings) (each with C(reason), C(message) and C(remedy)), C(not_after), C(days_left) and
    C(next_renewal). C(unreachable) has C(tenant_id), C(failures), C(since), C(message) and C(diagnosis) (C(code),
    C(cause) and C(remedy), or null). C(reachable) has C(tenant_id) and C(since). No event holds a secret.
  - Needs msal, cryptography and requests beside ansible-rulebook, and no ansible-core. The file has to stay in its
    place in the collection, whose code it uses.
  - What most people give is O(tenant_id), O(auth_source), O(tenants), O(statuses), O(interval). Every other option has
    a default that is right for most.
requirements:
  - python >= 3.9
  - cryptography >= 42.0.0
  - msal >= 1.31.0
  - requests >= 2.32.2
options:
  tenant_id:
    description:
      - The tenant, as a GUID or a domain.
      - Needed for every O(auth_source) but V(access_token), and for that one too where the application signs in with
        its own key. M(evercert.entra.application_certificate_renew) and
        M(evercert.entra.application_certificate_verify) always do, M(evercert.entra.application_certificate_info) does
        with O(ignore:sign_in).
      - Without it, the environment variables E(AZURE_TENANT_ID), E(AZURE_TENANT) and E(AZURESUBSCRIPTION_TENANT_ID) are
        read where the module runs.
    type: str
    aliases: [tenant]
  client_id:
    description:
      - The app ID of the identity that signs in.
      - With O(auth_source=managed_identity) it names a user-assigned identity. Where E(AZURE_CLIENT_ID) is set for
        something else, an empty text asks for the machine's own identity.
      - With O(auth_source=key_store) the application signs in as itself, so this may stand for O(ignore:app_id).
      - With O(auth_source=device_code) this is a public client. Without it, Microsoft Graph Command Line Tools is used.
      - Without it, the environment variables E(AZURE_CLIENT_ID) and E(AZURESUBSCRIPTION_CLIENT_ID) are read where the
        module runs.
    type: str
  auth_source:
    description:
      - How to sign in.
      - V(auto) takes the first that is configured, in the order V(access_token), V(client_secret), V(certificate),
        V(key_store), V(workload_identity), V(managed_identity), V(azure_cli). It asks nobody to find out, and returns
        what it took and why it passed over the others as RV(ignore:auth), but in
        M(evercert.entra.application_recovery).
      - V(key_store) signs in as the application itself with the current certificate of its key store. Renewals then
        need no Microsoft Graph permission at all. It cannot open a key store in Azure Key Vault, which needs an
        identity of its own.
      - V(workload_identity) signs in as O(client_id) with a token of the platform that runs this. That is the file that
        E(AZURE_FEDERATED_TOKEN_FILE) names (Kubernetes), a job of GitHub Actions with the permission to write
        C(id-token), or a step of Azure Pipelines with E(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID) and
        E(SYSTEM_ACCESSTOKEN).
      - V(managed_identity) signs in as the Azure machine that runs the module (virtual machine, App Service, Azure
        Arc), or as its user-assigned identity O(client_id). V(auto) takes it only where E(IDENTITY_ENDPOINT) is set.
      - V(azure_cli) signs in as whoever ran C(az login) on the host that runs the module.
      - What a task says comes first, and as a whole. Where it names a credential, none of the environment is used
        beside it.
      - V(msi) and V(cli) are the names that azure.azcollection has for V(managed_identity) and V(azure_cli).
      - V(device_code) signs in a person. The control node shows an address and a code, waits until somebody enters the
        code in a browser, and hands the module a token through a pipe. It is never taken by V(auto). Each task asks
        anew.
    type: str
    default: auto
    choices:
           - auto
           - access_token
           - client_secret
           - certificate
           - key_store
           - workload_identity
           - managed_identity
           - azure_cli
           - device_code
           - msi
           - cli
  client_secret:
    description:
      - The client secret of O(client_id), its value and not its ID.
      - Without it, the environment variables E(AZURE_CLIENT_SECRET) and E(AZURE_SECRET) are read where the module runs.
    type: str
    aliases: [secret]
  client_certificate_path:
    description:
      - A PEM or PFX file with the certificate and the private key of O(client_id).
      - Without it, the environment variables E(AZURE_CLIENT_CERTIFICATE_PATH) and E(AZURE_X509_CERTIFICATE_PATH) are
        read where the module runs.
    type: path
    aliases: [x509_certificate_path]
  client_certificate_passphrase:
    description:
      - The passphrase of O(client_certificate_path), if it has one.
      - Without it, the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD) is read where the module runs.
    type: str
  access_token:
    description:
      - An access token for Microsoft Graph that somebody else obtained.
      - Without it, the environment variable E(ENTRA_ACCESS_TOKEN) is read where the module runs.
    type: str
  cloud:
    description:
      - Where the tenant lives. V(public), V(us_government), V(us_government_dod), V(china), V(bleu), V(delos),
        V(govsg), or the name that another Azure tool uses for one of them, such as V(AzureUSGovernment).
      - Without it, the environment variable E(AZURE_CLOUD_ENVIRONMENT) is read where the module runs.
    type: str
    default: public
    aliases: [cloud_environment]
  authority_host:
    description:
      - The sign-in host as an https URL, for a private cloud or the emulator. Without it, the one of O(cloud).
      - Without it, the environment variable E(AZURE_AUTHORITY_HOST) is read where the module runs.
    type: str
  graph_url:
    description:
      - The root of Microsoft Graph as an https URL, for a private cloud or the emulator. Without it, the one of
        O(cloud).
      - Without it, the environment variable E(ENTRA_GRAPH_URL) is read where the module runs.
    type: str
  ca_path:
    description:
      - A file or directory with the certificates of the authorities to trust, for a private cloud, an inspecting proxy
        or the emulator. It wins over E(REQUESTS_CA_BUNDLE). Without it, the usual ones are trusted.
      - Without it, the environment variable E(ENTRA_CA_PATH) is read where the module runs.
    type: path
  renew_before:
    description:
      - A certificate is due this many days before it ends.
    type: float
    default: 30.0
  filter:
    description:
      - An OData filter for a listing, such as C(startswith(displayName,'payroll')), applied by Microsoft Graph. Without
        it, every application of the tenant. Cannot be combined with one application.
    type: str
  tenants:
    description:
      - The tenants to watch, each with connection options of its own and O(filter), and at a pace of its own. What an
        entry leaves out it takes from the options beside this list. Without the list, those options are the one tenant.
    type: list
    elements: dict
  statuses:
    description:
      - Which statuses and findings raise an event. V(near_expiry), V(expired), V(not_yet_valid), V(missing) (it has no
        certificate for sign-in), V(unknown) (its dates cannot be read) and V(policy_exceeded).
    type: list
    elements: str
    default: [near_expiry, expired]
    choices: [near_expiry, expired, not_yet_valid, missing, unknown, policy_exceeded]
  interval:
    description:
      - The time between two polls of a tenant, in seconds, from 1 to 604800. Up to a twelfth of it, at most 300, is
        added at random, so that many sources do not ask in step. The first poll is at the start.
    type: float
    default: 3600.0
  repeat_after:
    description:
      - A finding, or an outage, that stays as it is is told again after this many seconds. V(0) tells it once only. A
        renewal that failed is started again by this.
    type: float
    default: 86400.0
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
