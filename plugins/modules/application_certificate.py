#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_certificate
short_description: One public certificate present or absent on a Microsoft Entra application
version_added: 0.1.0
description:
  - Registers a public certificate on an application, or removes one, and leaves every other credential as it is.
  - Use it to bring a certificate of your own authority, or to register the public half of a key that was made and
    stays on another host.
  - Idempotent by the certificate itself, not by its name. The change is read back before it is reported.
  - Entries that decrypt tokens or belong to a SAML signing pair are never removed.
  - What most people give is O(tenant_id), O(auth_source), O(app_id), O(certificate_path), O(state). Every other option
    has a default that is right for most.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._key_store
  - evercert.entra._key_passphrase
  - evercert.entra._certificate
  - evercert.entra._propagation
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: evercert.entra.application_certificate_renew
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Register a certificate that our own authority issued
  evercert.entra.application_certificate:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    certificate_path: "{{ certificate_path }}"
    credential_name: payroll-sync 2027

- name: Remove a certificate by its key ID
  evercert.entra.application_certificate:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    key_id: 5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11
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
key_id:
  description: The key credential that is present or was removed; V(null) when there was none to remove.
  returned: success
  type: str
  sample: 5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11
diagnosis:
  description: Why it failed, as M(evercert.entra.application_certificate_verify) returns it.
  returned: failure
  type: dict
  sample: {"code": "policy_refused", "retry": "no"}
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
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible import arguments, connect, contradictions, inputs, results, specs
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.run import call_of, run
from ..module_utils._core.verdict import normal_thumbprint
from ..module_utils._steps.certificate import Target, keep_absent, keep_present


def keep_certificate(module: AnsibleModule) -> dict[str, t.Any]:
    options, dry_run = module.params, module.check_mode
    connection = connect.open_connection(
        options, call_of(module, problems=contradictions.problems_of_certificate(options))
    )
    certificate = inputs.public_certificate(options)
    policy = arguments.renewal_policy(options)
    if options["state"] == "present" and certificate:
        name = options["credential_name"]
        change = keep_present(connection, policy, certificate, name, dry_run=dry_run)
        return results.with_auth(connection, results.of_change(change, dry_run, certificate))
    thumbprint = options["thumbprint"]
    target = Target(certificate, options["key_id"], normal_thumbprint(thumbprint) if thumbprint else None)
    change = keep_absent(connection, policy, target, dry_run=dry_run)
    return results.with_auth(connection, results.of_change(change, dry_run, None))


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_CERTIFICATE,
        supports_check_mode=True,
    )
    run(module, keep_certificate)


if __name__ == "__main__":
    main()
