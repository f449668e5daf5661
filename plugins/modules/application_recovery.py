#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_recovery
short_description: Recover a Microsoft Entra application that is locked out
version_added: 0.1.0
description:
  - For the night when the certificate has expired, or was never applied, or access is broken in several ways at once.
  - An administrator signs in once, on the control node. Everything that is wrong is found and shown with the plan
    before anything changes. Then the service principal is created or enabled, a new certificate is registered, proven
    and made current in the key store, missing application permissions are granted, and sign-in and health are proven.
  - What the administrator clearly may not do is named before the first change, for every step at once.
  - Nothing is ever removed. The next ordinary renewal retires what is old.
  - Running it again after an interruption goes on where it stopped, and changes nothing when nothing is wrong.
  - What most people give is O(tenant_id), O(auth_source), O(app_id), O(key_store), O(permissions). Every other option
    has a default that is right for most.
notes:
  - The token is in no result and on no disk. It goes through a pipe to the host that holds the key store, so the
    connection and C(become) of the task have to support pipelining, as C(local) and C(ssh) with C(sudo) do.
  - O(ca_path) is read on the control node and on the host of the task.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._own_key_store
  - evercert.entra._key_passphrase
  - evercert.entra._due
  - evercert.entra._age
  - evercert.entra._new_certificate
  - evercert.entra._permissions
  - evercert.entra._health
  - evercert.entra._proof
  - evercert.entra._budget
  - evercert.entra._propagation
attributes:
  check_mode:
    support: full
    details: Shows what is wrong and the plan. An administrator signs in for that, too.
  diff_mode:
    support: full
    details: Shows the service principal, the application permissions and the key credentials before and after.
  idempotent:
    support: full
seealso:
  - module: evercert.entra.application_access
  - module: evercert.entra.application_certificate_renew
  - module: evercert.entra.application_certificate_verify
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: An administrator signs in with a code and recovers the application
  evercert.entra.application_recovery:
    tenant_id: "{{ tenant_id }}"
    auth_source: device_code
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"

- name: The same by an identity that may write applications and consent
  evercert.entra.application_recovery:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"
    required_roles: [Organization.Read.All]
    probes:
      - url: /organization
"""

RETURN = r"""
message:
  description: What was wrong and repaired, in a sentence.
  returned: success
  type: str
  sample: Nothing is wrong.
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
wrong:
  description: Each thing that was wrong.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: A code of the guide on diagnosis, or a finding of M(evercert.entra.application_certificate_renew).
      returned: always
      type: str
      sample: expired
    message:
      description: What was wrong, for people.
      returned: always
      type: str
      sample: The application's service principal is disabled.
    step:
      description:
        - The step that repairs it, where V(renew) stands for all those of a renewal; V(null) when nothing here can or
          should.
      returned: always
      type: str
      sample: enable_service_principal
steps:
  description:
    - What was done, or in check mode would be done, in order. They are the steps of
      M(evercert.entra.application_access) and M(evercert.entra.application_certificate_renew), and C(confirm).
  returned: always
  type: list
  elements: dict
  sample: [{"step": "enable_service_principal", "detail": "The service principal of payroll-sync is enabled."}]
certificate:
  description: The certificate in use after the recovery, as M(evercert.entra.application_certificate_renew) returns it.
  returned: success
  type: dict
  sample: {"thumbprint": "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A", "stage": "current"}
granted:
  description: The permissions that were granted. Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"resource": "Microsoft Graph", "role": "User.Read.All"}]
not_handled:
  description: What the registration asks for and this module does not grant, with the reason.
  returned: success
  type: list
  elements: str
  sample: []
verified:
  description: Whether sign-in and health were proven. V(false) in check mode.
  returned: always
  type: bool
  sample: true
checks:
  description: What was checked in the end, as M(evercert.entra.application_certificate_verify) returns it.
  returned: when it came to that
  type: list
  elements: dict
  sample: [{"name": "sign_in", "ok": true, "detail": "1 consecutive sign-ins accepted in 1 attempts.", "elapsed": 0.2}]
missing_permissions:
  description: What the administrator lacks for the planned steps, as M(evercert.entra.application_access) returns it.
  returned: when the access token clearly lacks something
  type: list
  elements: dict
  sample:
    - task: add a certificate to the application
      kind: application permission
      any_of: [Application.ReadWrite.OwnedBy, Application.ReadWrite.All, Directory.ReadWrite.All]
diagnosis:
  description: Why the recovery stopped, as M(evercert.entra.application_certificate_verify) returns it.
  returned: failure
  type: dict
  sample: {"code": "conditional_access", "retry": "no"}
"""

from ..module_utils._ansible import specs
from ..module_utils._ansible.module import DiscreetModule


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_RECOVERY,
        supports_check_mode=True,
    )
    module.fail_json(
        msg="application_recovery is run by its action plugin, on the control node, where an administrator signs in: "
        "use it in a task of a play."
    )


if __name__ == "__main__":
    main()
