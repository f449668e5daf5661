#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_access
short_description: Service principal and application permissions of a Microsoft Entra application
version_added: 0.1.0
description:
  - Repairs an application's access. Its service principal (enterprise application) exists and is enabled, and the
    application permissions that it needs are granted (admin consent).
  - Permissions are named, and resolved from what the resource offers in this tenant. Without O(permissions), they are
    those that the application's own registration asks for.
  - Nothing is withdrawn that is not named. Each change is read back before it is reported.
  - What the identity clearly may not do is said before the first change, for every step at once. Delegated permissions
    are not handled.
  - What most people give is O(tenant_id), O(auth_source), O(app_id), O(permissions), O(state). Every other option has a
    default that is right for most.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._key_store
  - evercert.entra._key_passphrase
  - evercert.entra._permissions
  - evercert.entra._access
  - evercert.entra._propagation
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the service principal and the application permissions before and after.
  idempotent:
    support: full
seealso:
  - module: evercert.entra.application_recovery
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Grant what the registration asks for, and let the application sign in
  evercert.entra.application_access:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"

- name: Grant one permission by name
  evercert.entra.application_access:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    permissions:
      - resource: microsoft_graph
        roles: [Organization.Read.All]

- name: Withdraw it again
  evercert.entra.application_access:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    permissions:
      - resource: microsoft_graph
        roles: [Organization.Read.All]
    state: absent
"""

RETURN = r"""
app_id:
  description: The application's public ID.
  returned: success
  type: str
  sample: 1f0e7a52-3c11-4a57-9a0d-6b8b7e1a2c10
object_id:
  description: The ID of its directory object.
  returned: success
  type: str
  sample: 3f0a6f2e-8c0d-4c5e-9b54-6d1f0f2a7c90
display_name:
  description: The application's display name.
  returned: success
  type: str
  sample: payroll-sync
service_principal_id:
  description: The ID of its service principal; V(null) when there is none.
  returned: success
  type: str
  sample: 8d2f0c1e-55aa-4b6f-9d57-1f2e3d4c5b6a
enabled:
  description: Whether the service principal is enabled now; V(null) when there is none.
  returned: success
  type: bool
  sample: true
steps:
  description:
    - What was done, or in check mode would be done, in order. The steps are C(create_service_principal),
      C(enable_service_principal), C(disable_service_principal), C(grant) and C(revoke).
  returned: success
  type: list
  elements: dict
  sample: [{"step": "grant", "detail": "User.Read.All of Microsoft Graph is granted."}]
missing:
  description: The permissions that were missing.
  returned: success
  type: list
  elements: dict
  sample:
    - resource: Microsoft Graph
      resource_app_id: 00000003-0000-0000-c000-000000000000
      role: User.Read.All
      role_id: df021288-bdef-4463-88db-98f22de89214
granted:
  description: The permissions that were granted, like RV(missing). Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
revoked:
  description: The permissions that were withdrawn, like RV(missing). Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
blocked:
  description: What keeps the application from signing in and is not for this module to undo, with what to do.
  returned: success
  type: list
  elements: str
  sample: []
not_handled:
  description: What the registration asks for and this module does not grant, with the reason.
  returned: success
  type: list
  elements: str
  sample: []
missing_permissions:
  description: What the identity lacks for the planned steps. Nothing was changed.
  returned: when the access token clearly lacks something
  type: list
  elements: dict
  contains:
    task:
      description: What it is needed for.
      returned: always
      type: str
      sample: grant or withdraw application permissions of Microsoft Graph
    kind:
      description: C(application permission), C(delegated permission) or C(directory role).
      returned: always
      type: str
      sample: application permission
    any_of:
      description: One of these is enough; the first is the least.
      returned: always
      type: list
      elements: str
      sample: [AppRoleAssignment.ReadWrite.All]
auth:
  description:
    - Which way to sign in O(auth_source=auto) took, and why it passed over those before it.
  returned: success, when O(auth_source) is V(auto)
  type: dict
  contains:
    source:
      description: The value of O(auth_source) that would have done the same.
      returned: always
      type: str
      sample: workload_identity
    skipped:
      description: Those that come before it, each with its C(source) and C(why).
      returned: always
      type: list
      elements: dict
      sample: [{"source": "access_token", "why": "access_token (ENTRA_ACCESS_TOKEN) is not set."}]
diagnosis:
  description: Why it failed, as M(evercert.entra.application_certificate_verify) returns it.
  returned: failure
  type: dict
  sample: {"code": "permission_denied", "retry": "no"}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible import arguments, connect, contradictions, results, specs
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.run import call_of, carried, run
from ..module_utils._steps.access import AccessProgress, keep_access


def grant_access(module: AnsibleModule) -> dict[str, t.Any]:
    options, carry = module.params, carried(module)
    connection = connect.open_connection(options, call_of(module, problems=contradictions.problems_of_access(options)))
    progress = AccessProgress.from_values(carry["progress"]) if carry else None
    timeout = options["timeout_propagation"]
    done = keep_access(
        connection, arguments.access_wish(options), timeout, dry_run=module.check_mode, progress=progress
    )
    return results.with_auth(connection, results.of_access(done, module.check_mode))


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_ACCESS,
        supports_check_mode=True,
    )
    run(module, grant_access)


if __name__ == "__main__":
    main()
