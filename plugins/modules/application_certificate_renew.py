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
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._key_store
  - evercert.entra._renewal_policy
  - evercert.entra._proof
attributes:
  check_mode:
    support: full
    details: Reads, and signs in only with keys that exist. Values that a run would make appear as C((generated)).
  diff_mode:
    support: full
  idempotent:
    support: full
    details: With O(force=true) every run renews.
options:
  key_store:
    description:
      - The directory for the application's key pairs on the host where the module runs. It is made with mode 0700 when
        it does not exist. Consumers read C(current/bundle.pem), or C(key.pem) and C(certificate.pem) beside it.
      - The path is absolute, or begins with C(~) or a variable such as C($HOME). A directory that holds something else
        than a key store is refused, and so is one whose parents others than root and the user who runs the module own
        or may write to.
      - Or C(https://<vault>/certificates/<name>) for one certificate in Azure Key Vault. The private key is made in the
        vault and stays there; the vault signs. The identity of O(auth_source) must be allowed to use the vault, so
        it cannot be V(key_store). A vault makes certificates of whole months, at most O(validity); O(renew_before) must
        be less than the shortest time that those can come to, such as 59 days of 89.
    type: path
    required: true
  state:
    description:
      - V(present) renews when due. V(rolled_back) goes back to the predecessor, only if the predecessor signs in now
        and the current key is refused because of what it is.
      - V(retired) only retires what O(overlap) and O(keep_retired) have passed for. Whatever is due, it makes no
        certificate and leaves the current one current, so nobody has to be told.
    type: str
    default: present
    choices: [present, retired, rolled_back]
  validity:
    description:
      - How long a new certificate is valid, in days. Must be more than O(renew_before).
    type: float
    default: 180.0
  overlap:
    description:
      - How long the predecessor stays on the application after the promotion, in days.
    type: float
    default: 7.0
  keep_retired:
    description:
      - How long a retired private key stays in the key store, in days.
    type: float
    default: 7.0
  key_size:
    description:
      - Bits of a new RSA key. Microsoft Entra takes RSA keys only.
    type: int
    default: 2048
    choices: [2048, 3072, 4096]
  subject:
    description:
      - Subject of a new certificate, such as C(CN=payroll-sync). Without it, the application's display name, cut to
        what fits.
    type: str
  add_method:
    description:
      - V(auto) adds the certificate by C(addKey) with the application's own token and a proof by its current key, and
        by PATCH when that key cannot sign in because of what it is.
      - V(add_key) and V(update) allow one of them only. C(addKey) is atomic and needs no permission; a PATCH replaces
        all key credentials, and one that somebody else adds within the directory's replication lag before it can be
        overwritten unseen.
    type: str
    default: auto
    choices: [auto, add_key, update]
  fall_back:
    description:
      - Whether the renewal goes on as the application itself where the identity that should read and write is refused
        for its own credential, because its secret or certificate has ended, was revoked or is wrong, and the
        certificate current in the key store is valid and signs in. It warns then, adds by C(addKey) alone, and retires
        what it has key IDs for; RV(proof) says whether the application could read itself.
      - With V(false), with O(add_method=update) or with O(registered_key_id), and with a key store in Azure Key Vault,
        which that identity opens, such a refusal ends the task.
    type: bool
    default: true
  stop_after:
    description:
      - How far to go. The next run goes on from there with the finding of this one.
      - V(generated) makes the key pair and returns its public certificate, for somebody else to register.
    type: str
    default: retired
    choices: [generated, registered, proven, promoted, retired]
  registered_key_id:
    description:
      - The key ID under which somebody else has registered the certificate that a run with O(stop_after=generated)
        returned, as RV(evercert.entra.application_certificate#module:key_id) says it. This run then writes nothing to
        the application to add it. It waits for at most O(timeout_propagation) until the certificate is accepted, proves
        and promotes it, and keeps the ID for its retirement.
      - Has no effect when nothing is due. Without it, this run registers the certificate itself.
    type: str
  lock_timeout:
    description:
      - How long to wait for another run on the same key store, in seconds.
    type: float
    default: 900.0
  force:
    description:
      - Renew even when nothing is due.
    type: bool
    default: false
  confirm_retired:
    description:
      - After the removal of a predecessor, sign in with it until it is refused.
    type: bool
    default: false
  certificate_content:
    description:
      - A certificate to use as the successor, as PEM, in place of a self-signed one. With O(private_key_content); or
        alone, when it was issued for the key that a run with O(stop_after=generated) left.
    type: str
  private_key_content:
    description:
      - The private key of O(certificate_content), as PEM.
    type: str
  certificate_path:
    description:
      - Like O(certificate_content), from a file on the host where the module runs.
    type: path
  private_key_path:
    description:
      - Like O(private_key_content), from a file on the host where the module runs.
    type: path
  private_key_passphrase:
    description:
      - The passphrase of O(private_key_content) or O(private_key_path), if it has one.
    type: str
  csr:
    description:
      - Also return a signing request for the successor's key. Needs O(stop_after=generated).
      - Hand it to any authority, and give what it signs back as O(certificate_content) in a second task, with the
        authority's own certificates below it. They are kept in C(bundle.pem).
    type: bool
    default: false
  adopt_path:
    description:
      - A PEM or PFX file with the key pair in use today. It is taken into an empty key store as current after one
        accepted sign-in; nothing is changed in Microsoft Entra, and the run ends there.
      - Ignored when the key store holds a version, so the task can stay as it is.
    type: path
  adopt_passphrase:
    description:
      - The passphrase of O(adopt_path), if it has one.
    type: str
  on_policy_limit:
    description:
      - What to do when a management policy of the tenant allows less than O(validity). Where it may be read, V(fail)
        before anything is made, or V(clamp) to the limit.
      - Where it may not be read, the service refuses the certificate. With V(clamp) the same key pair then gets one of
        half the life, at most four times, and never of O(renew_before) and a day or less. The result says which was
        taken.
    type: str
    default: fail
    choices: [fail, clamp]
  pfx_passphrase:
    description:
      - Also write C(bundle.pfx) next to C(bundle.pem), protected by this passphrase. Without it, there is none; a
        renewal that would take it away from its consumers fails before it starts.
      - Without it, the environment variable E(ENTRA_PFX_PASSPHRASE) is read where the module runs.
    type: str
  pfx_encryption:
    description:
      - How C(bundle.pfx) is encrypted. V(modern) is AES-256 with SHA-256. V(compatible) is Triple DES with SHA-1, for
        consumers that cannot read AES, such as Windows Server 2016 and old releases of Java 8.
    type: str
    default: modern
    choices: [modern, compatible]
  exportable:
    description:
      - Whether a private key that is made in Azure Key Vault, or imported, may be read from its secret. Without it, no.
        Only for an O(key_store) in Azure Key Vault.
    type: bool
  owner:
    description:
      - The user that C(key.pem), C(certificate.pem), C(bundle.pem) and C(bundle.pfx) of every version belong to. Only
        root may give files away. The directories and the records stay with the user who runs the module.
      - Without it, as it is; a new file belongs to the user who runs the module.
    type: str
  group:
    description:
      - The group of those files, and of the directories that lead to them.
      - Without it, as it is; a new file has the group of the user who runs the module.
    type: str
  mode:
    description:
      - The mode of those files, V(0600) or V(0400), and V(0640) or V(0440) for an O(group) that may read the private
        key. Nobody else is ever let in. The directories get what that group needs to reach them.
      - An octal number in quotes, or words with C(=) such as C(u=rw,g=r).
      - Once given, O(owner), O(group) and O(mode) are remembered in the key store. Later runs keep to them, and correct
        what has been changed since.
      - Without it, as it is; a new file has mode V(0600).
    type: raw
  now:
    description:
      - Decide as if it were this moment, in ISO 8601, for tests and what-if questions in check mode. Without it, the
        service's clock decides.
    type: str
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

from ..module_utils._ansible import arguments, connect, operators, renewing, results
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.run import call_of, run


def renew_certificate(module: AnsibleModule) -> dict[str, t.Any]:
    options = module.params
    call = call_of(module, signs_in=True, problems=arguments.problems_of_renewal(options))
    connection = connect.open_connection(options, call)
    renewal = renewing.act(module, connection)
    found = results.of_renewal(renewal, arguments.renewal_policy(options))
    found = operators.with_operator(connection, options, {**found, **renewing.signing_request_of(renewal, options)})
    return results.with_auth(connection, found)


def main() -> None:
    module = DiscreetModule(
        argument_spec={
            **arguments.CONNECTION,
            **arguments.APPLICATION,
            **arguments.KEY_STORE,
            **arguments.PROOF,
            **arguments.DUE,
            **arguments.POLICY,
            **arguments.RENEWAL,
            **arguments.WAITING,
        },
        supports_check_mode=True,
        mutually_exclusive=[
            ("certificate_content", "certificate_path"),
            ("private_key_content", "private_key_path"),
        ],
    )
    run(module, renew_certificate)


if __name__ == "__main__":
    main()
