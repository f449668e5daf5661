#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_certificate_info
short_description: Status of Microsoft Entra application certificates
version_added: 0.1.0
description:
  - Reads the certificates of one application, of all that match a filter, or of the whole tenant, and says for each
    application how it stands, why, and what to do.
  - With a key store it compares what the directory has with what the key store holds, and so finds a renewal that was
    reported but never applied.
  - Certificates on the service principal are shown beside those on the application. They never count for the status,
    and one of the key store that is there and not on the application is found as written to the wrong object.
  - Where management policies may be read (C(Policy.Read.All)), certificates that live longer than they allow are
    marked. For one application its own policy counts, in a listing the tenant's default.
  - Changes nothing, in Microsoft Entra and in keys. With a directory as O(key_store) and a sign-in it notes the
    sign-in there.
  - What most people give is O(tenant_id), O(auth_source), O(app_id), O(key_store), O(expected_thumbprint), O(filter).
    Every other option has a default that is right for most.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._key_store
  - evercert.entra._key_passphrase
  - evercert.entra._due
  - evercert.entra._age
  - evercert.entra._information
  - evercert.entra._budget
  - evercert.entra._filter
  - evercert.entra._now
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: N/A
seealso:
  - module: evercert.entra.application_certificate_renew
  - module: evercert.entra.application_certificate_verify
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Which applications of the tenant need attention?
  evercert.entra.application_certificate_info:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    return_applications: attention
  register: audit

- name: Is the certificate in the key store really the one that Entra has?
  evercert.entra.application_certificate_info:
    tenant_id: "{{ tenant_id }}"
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"
    auth_source: key_store
    sign_in: true
    history: 5

- name: Compare with what another system claims to use
  evercert.entra.application_certificate_info:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    app_id: "{{ app_id }}"
    expected_thumbprint: "9F:2C:0B:7E:51:D8:4A:3C:6E:0F:A1:B2:C3:D4:E5:F6:07:18:29:3A"

- name: What will be due in half a year?
  evercert.entra.application_certificate_info:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    filter: startswith(displayName,'payroll')
    now: "2027-06-01T00:00:00Z"
"""

RETURN = r"""
applications:
  description: The applications asked for, in the order of the directory.
  returned: success
  type: list
  elements: dict
  contains:
    app_id:
      description: The application's public ID.
      returned: success
      type: str
      sample: 1f0e7a52-3c11-4a57-9a0d-6b8b7e1a2c10
    object_id:
      description: The ID of its directory object; V(null) when it is not known.
      returned: success
      type: str
      sample: 3f0a6f2e-8c0d-4c5e-9b54-6d1f0f2a7c90
    display_name:
      description: Its display name; V(null) when the directory could not be read.
      returned: success
      type: str
      sample: payroll-sync
    kind:
      description:
        - V(application), or V(agent_identity_blueprint), which Microsoft Graph lists with the applications and which
          the modules that write leave alone. V(null) when the directory could not be read.
      returned: success
      type: str
      sample: application
    status:
      description:
        - V(healthy), V(near_expiry), V(rotation_due), V(expired), V(not_yet_valid), V(missing), V(unregistered),
          V(propagating), V(key_unavailable), V(rejected), V(unreachable) or V(unknown).
      returned: success
      type: str
      sample: near_expiry
    directory:
      description:
        - Whether the application was V(read), or not, because that was V(refused) or V(not_asked) for. Without a read
          the status is what the key store and the sign-in say, and the directory has not confirmed that the certificate
          is registered.
      returned: success
      type: str
      sample: read
    diagnosis:
      description:
        - Why the application could not be read or its key not be tried, as
          M(evercert.entra.application_certificate_verify) returns it; V(null) when nothing stood in the way.
      returned: success
      type: dict
      sample: {"code": "secret_expired", "retry": "no"}
    findings:
      description:
        - Every reason for attention. V(claim_differs), V(wrong_object) and V(policy_exceeded) leave the status as it
          is.
        - V(wrong_link) says that C(current) or C(successor) of the key store is missing, leads nowhere or is no link,
          as in a copy that was made without links. Its remedy is the command that mends it. Without C(current) the
          status is V(key_unavailable), however good the certificate is.
      returned: success
      type: list
      elements: dict
      contains:
        reason:
          description: A stable word.
          returned: success
          type: str
          sample: near_expiry
        message:
          description: What was found.
          returned: success
          type: str
          sample: Certificate 9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A expires on 2026-12-01 00:00 UTC, within 30 days.
        remedy:
          description: What to do.
          returned: success
          type: str
          sample: Renew it.
    certificates:
      description: The sign-in certificates on the application, then those that only the key store has.
      returned: success
      type: list
      elements: dict
      contains:
        key_id:
          description: The key credential's ID; V(null) when it is not on the application.
          returned: success
          type: str
          sample: 5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11
        display_name:
          description: The key credential's name.
          returned: success
          type: str
          sample: CN=payroll-sync
        thumbprint:
          description: SHA-1 as upper-case hex; V(null) when the entry carries another identifier and no certificate.
          returned: success
          type: str
          sample: 9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A
        thumbprint_sha256:
          description: SHA-256 as upper-case hex; V(null) when the certificate itself was not returned, as in listings.
          returned: success
          type: str
          sample: 0E6F...
        not_before:
          description: Start of validity.
          returned: success
          type: str
          sample: "2025-12-01T00:00:00Z"
        not_after:
          description: End of validity.
          returned: success
          type: str
          sample: "2026-12-01T00:00:00Z"
        days_left:
          description: Whole days until it ends, negative after.
          returned: success
          type: int
          sample: 9
        status:
          description: The status of this certificate.
          returned: success
          type: str
          sample: near_expiry
        in_key_store:
          description: Whether the key store holds its private key.
          returned: success
          type: bool
          sample: true
        managed:
          description: Whether it is managed by this key store; others are foreign and never touched.
          returned: success
          type: bool
          sample: true
        stage:
          description:
            - How far it is in the key store, as V(current), V(successor), V(predecessor) or V(retired). V(null) when it
              is not in one.
            - With a key store, the status of the application is that of the V(current) one.
          returned: success
          type: str
          sample: current
        policy:
          description:
            - What the management policy that decides for the application says of its lifetime. C(state) is V(ok),
              V(exceeds), or V(unknown) where it has no dates, where the policy has a rule that Graph v1.0 shows without
              its name, or where the policy could not be read because of trouble that passes, which is a warning.
              C(limit_days) and C(policy_id) are V(null) where nothing limits it.
          returned: when management policies may be read and it is on the application
          type: dict
          sample: {"limit_days": 180.0, "policy_id": 00000000-0000-0000-0000-000000000000, "state": ok}
    service_principal:
      description: The application's service principal in this tenant, and the certificates on it.
      returned: when it exists and was read
      type: dict
      contains:
        object_id:
          description: Its object ID.
          returned: success
          type: str
          sample: 5f1c9c9e-9d0f-4b58-8c3a-6f0d7a2f4e11
        enabled:
          description: Whether sign-in is enabled.
          returned: success
          type: bool
          sample: true
        certificates:
          description:
            - The certificates on it, with C(key_id), C(display_name), C(thumbprint), C(thumbprint_sha256),
              C(not_before), C(not_after), C(days_left), C(status) and C(in_key_store) as above, and C(purpose).
            - C(purpose) is V(sign_in), V(saml_signing), V(token_encryption) or V(other).
          returned: success
          type: list
          elements: dict
    next_renewal:
      description:
        - When the next renewal falls due, by the key store's current certificate, else by the certificate of the
          application that falls due last; V(null) without any. Reports, inventories and events count in the same way.
      returned: success
      type: str
      sample: "2026-11-01T00:00:00Z"
    history:
      description:
        - The latest events of the key store, newest last. Each has C(at), C(event) and C(thumbprint), and what belongs
          to its event.
        - C(generated), C(registered), C(proven), C(promoted), C(retired), C(key_deleted), C(adopted), C(replaced) and
          C(rolled_back) say what was done. C(refused) is a certificate that Microsoft Graph refused for what it is,
          with the code of a C(reason). C(checked) is a health check with C(verified) and the code of a C(reason),
          C(failed) a run that failed, with its C(step), C(reason) and C(message).
      returned: success
      type: list
      elements: dict
      sample:
        - {"at": "2026-11-22T10:01:40Z", "event": "promoted", "thumbprint": "9F2C...", "predecessor": "51D8..."}
        - {"at": "2026-11-23T10:00:02Z", "event": "checked", "thumbprint": "9F2C...", "verified": true, "reason": null}
summary:
  description: How many applications were looked at, and how many have each status that occurs.
  returned: success
  type: dict
  sample: {"total": 12, "healthy": 9, "near_expiry": 2, "expired": 1}
diagnosis:
  description: Why it failed, as M(evercert.entra.application_certificate_verify) returns it.
  returned: failure
  type: dict
  sample: {"code": "permission_denied", "retry": "no"}
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

from ..module_utils._ansible import arguments, connect, contradictions, operators, results, specs
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.run import call_of, run
from ..module_utils._core.policy import RenewalPolicy
from ..module_utils._core.verdict import normal_thumbprint
from ..module_utils._steps.connection import Connection
from ..module_utils._steps.report import Report, inspect_all, inspect_one


def report_certificates(module: AnsibleModule) -> dict[str, t.Any]:
    options = module.params
    connection = connect.open_connection(
        options,
        call_of(
            module,
            needs_application=False,
            is_audit=True,
            signs_in=options["sign_in"],
            problems=contradictions.problems_of_report(options),
        ),
    )
    policy = arguments.renewal_policy(options)
    found = results.of_reports(_inspect(connection, policy, options), policy, options["return_applications"])
    return results.with_auth(connection, operators.with_operator(connection, options, found))


def _inspect(connection: Connection, policy: RenewalPolicy, options: arguments.Options) -> t.Iterable[Report]:
    if not connection.selector:
        return inspect_all(connection, policy, options["filter"], service_principals=options["service_principals"])
    claim = normal_thumbprint(options["expected_thumbprint"]) if options["expected_thumbprint"] else None
    sign_in, history = options["sign_in"], options["history"]
    return [inspect_one(connection, policy, claim=claim, sign_in=sign_in, history=history)]


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_CERTIFICATE_INFO,
        supports_check_mode=True,
    )
    run(module, report_certificates)


if __name__ == "__main__":
    main()
