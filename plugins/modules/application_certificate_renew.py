#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_certificate_renew
short_description: Renew a Microsoft Entra application's certificate and prove it
version_added: 0.1.0
description:
  - Renews the certificate that an application signs in with when it is due. Makes a key pair, registers its public
    half, proves it by signing in, switches the key store to it, and retires the predecessor after an overlap.
  - A renewal is reported only after the directory shows the new certificate and the required number of consecutive
    sign-ins with the new key succeeded. Where the directory may not be read the sign-ins alone are the proof, and
    RV(proof) says so.
  - The private key is durable in the key store before its certificate leaves the machine. Running again after any
    fault goes on with the key pair that exists.
  - Credentials that are not in the key store are never changed or removed.
  - While it waits, the action plugin of the same name shows at least every 15 seconds what is waited for.
  - What most people give is O(tenant_id), O(auth_source), O(app_id), O(object_id), O(key_store), O(adopt_path),
    O(renew_before), O(validity), O(overlap), O(state). Every other option has a default that is right for most.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._own_key_store
  - evercert.entra._key_passphrase
  - evercert.entra._due
  - evercert.entra._age
  - evercert.entra._new_certificate
  - evercert.entra._renewal
  - evercert.entra._proof
  - evercert.entra._budget
  - evercert.entra._propagation
attributes:
  check_mode:
    support: full
    details: Reads, and signs in only with keys that exist. Values that a run would make appear as C((generated)).
  diff_mode:
    support: full
  idempotent:
    support: full
    details: With O(force=true) every run renews.
seealso:
  - module: evercert.entra.application_certificate_info
  - module: evercert.entra.application_certificate_verify
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Start with the certificate you have
  evercert.entra.application_certificate_renew:
    tenant_id: "{{ tenant_id }}"
    app_id: "{{ app_id }}"
    object_id: "{{ object_id }}"
    key_store: "{{ key_store }}"
    auth_source: key_store
    adopt_path: "{{ bundle_path }}"

- name: Renew when due, signed in as the application itself, without any Graph permission
  evercert.entra.application_certificate_renew:
    tenant_id: "{{ tenant_id }}"
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"
    auth_source: key_store
    renew_before: 30
    validity: 180
  register: renewal

- name: Renew now, signed in as an administrator
  evercert.entra.application_certificate_renew:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"
    force: true
    overlap: 1

- name: Renew with a private key that never leaves Azure Key Vault
  evercert.entra.application_certificate_renew:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ other_app_id }}"
    key_store: "{{ vault_url }}/certificates/payroll"

- name: Make a key pair and return its public certificate for somebody else to register
  evercert.entra.application_certificate_renew:
    tenant_id: "{{ tenant_id }}"
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"
    auth_source: key_store
    stop_after: generated
    force: true
  register: successor
"""

RETURN = r"""
finding:
  description:
    - Why the renewal acts. V(interrupted), V(missing), V(unregistered), V(expired), V(near_expiry), V(rotation_due),
      V(forced), or V(null) when nothing is due or O(state=retired).
  returned: success
  type: str
  sample: near_expiry
message:
  description: The finding as a sentence.
  returned: success
  type: str
  sample: Certificate 9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A expires on 2026-12-01 00:00 UTC, within 30 days.
steps:
  description: What was done, or in check mode would be, in order.
  returned: success
  type: list
  elements: dict
  contains:
    step:
      description:
        - V(generate), V(register), V(prove), V(promote), V(retire), V(adopt), V(roll_back) or V(replace_successor).
      returned: success
      type: str
      sample: prove
    detail:
      description: The step as a sentence.
      returned: success
      type: str
      sample: Sign-ins with certificate 9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A.
certificate:
  description: The certificate that the run made or works on, else the current one; V(null) when there is none.
  returned: success
  type: dict
  contains:
    thumbprint:
      description: SHA-1 as upper-case hex.
      returned: success
      type: str
      sample: 9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A
    thumbprint_sha256:
      description: SHA-256 as upper-case hex.
      returned: success
      type: str
      sample: 0E6F...
    key_id:
      description: The key credential's ID; V(null) when it could not be learnt.
      returned: success
      type: str
      sample: 5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11
    not_before:
      description: Start of validity.
      returned: success
      type: str
      sample: "2026-11-22T09:55:00Z"
    not_after:
      description: End of validity.
      returned: success
      type: str
      sample: "2027-05-21T09:55:00Z"
    stage:
      description: V(successor), V(current), V(predecessor), V(retired), or in check mode V(planned).
      returned: success
      type: str
      sample: current
    path:
      description: The directory of the key pair, or its version in Azure Key Vault.
      returned: success
      type: str
      sample: /etc/payroll/keys/versions/9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A
    content:
      description: The public certificate as PEM.
      returned: success
      type: str
      sample: "-----BEGIN CERTIFICATE-----\n..."
predecessor:
  description:
    - The certificate that the current one replaced, with the keys of RV(certificate); V(null) when there is none.
  returned: success
  type: dict
retired:
  description:
    - The key credentials that were removed from the application, by the key IDs that were truly removed. One that was
      gone already is told by the key ID that was known.
  returned: success
  type: list
  elements: dict
  sample: [{"key_id": "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11", "thumbprint": "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A"}]
vanished:
  description:
    - Key credentials of others that disappeared while this run was at work. They are reported, never re-created.
  returned: success
  type: list
  elements: dict
sign_ins:
  description:
    - How the proof went.
    - C(restarts) is how often a refusal started the count again. Each is a token server that did not know the key then.
    - C(would_detect) says what that proves. It is the smallest share of token servers refusing this key that these
      sign-ins would have met with 95 % probability. The smaller, the stronger.
  returned: success
  type: dict
  sample: {"required": 3, "consecutive": 3, "attempts": 4, "restarts": 1, "elapsed": 90.8, "would_detect": 0.71}
proof:
  description:
    - What the renewal rests on. V(directory+sign_in), or V(sign_in) where the directory may not be read.
  returned: success
  type: str
  sample: directory+sign_in
csr:
  description: The signing request as PEM.
  returned: when O(csr) is true
  type: str
  sample: "-----BEGIN CERTIFICATE REQUEST-----\n..."
next_renewal:
  description: When the next renewal falls due.
  returned: success
  type: str
  sample: "2027-04-21T09:55:00Z"
missing_permissions:
  description: What the identity lacks for the planned steps, as M(evercert.entra.application_access) returns it.
  returned: when the access token clearly lacks something
  type: list
  elements: dict
  sample:
    - task: add a certificate to the application
      kind: application permission
      any_of: [Application.ReadWrite.OwnedBy, Application.ReadWrite.All, Directory.ReadWrite.All]
diagnosis:
  description: Why the renewal failed, with C(code), C(cause), C(remedy), C(retry) and C(evidence).
  returned: failure
  type: dict
operator_expires:
  description:
    - When the credential ends that this task signed in with, told from 30 days before, with a warning. V(unknown) where
      that cannot be known, as of a client secret whose application may not be read, or one that was refused.
    - V(null) until then, and for an identity without a credential that somebody has to renew.
  returned: success
  type: str
  sample: "2026-12-12T10:00:00Z"
auth:
  description:
    - Which way to sign in O(auth_source=auto) took, and why it passed over those before it; and that the application
      itself signed in because the identity that should was refused (O(fall_back)).
  returned: success, when O(auth_source) is V(auto) or O(fall_back) was made use of
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

from ..module_utils._ansible import arguments, connect, contradictions, operators, renewing, results, specs
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.run import call_of, run


def renew_certificate(module: AnsibleModule) -> dict[str, t.Any]:
    options = module.params
    call = call_of(module, signs_in=True, problems=contradictions.problems_of_renewal(options))
    connection = connect.open_connection(options, call)
    renewal = renewing.act(module, connection)
    found = results.of_renewal(renewal, arguments.renewal_policy(options))
    found = operators.with_operator(connection, options, {**found, **renewing.signing_request_of(renewal, options)})
    return results.with_auth(connection, found)


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_CERTIFICATE_RENEW,
        supports_check_mode=True,
        mutually_exclusive=[("certificate_content", "certificate_path")],
    )
    run(module, renew_certificate)


if __name__ == "__main__":
    main()
