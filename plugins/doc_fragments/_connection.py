# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Which tenant and cloud, and how to sign in."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
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
"""
