#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_certificate_verify
short_description: Prove by signing in that an application's certificate works
version_added: 0.1.0
description:
  - Signs in with the certificate until the required number of consecutive sign-ins succeeded, each with a new
    connection, a new assertion and an empty cache. Then confirms health with the new token, by the roles in it and by
    reading Microsoft Graph.
  - A refusal is diagnosed with a stable code, its cause and what to do. A refused connection is not mistaken for an
    expired certificate.
  - Read-only. Sign-ins are noted in the key store, as they count against the application's budget.
  - What most people give is O(tenant_id), O(app_id), O(key_store), O(required_roles), O(probes), O(expect). Every other
    option has a default that is right for most.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._application
  - evercert.entra._key_store
  - evercert.entra._key_passphrase
  - evercert.entra._verification
  - evercert.entra._health
  - evercert.entra._proof
  - evercert.entra._budget
  - evercert.entra._propagation
attributes:
  check_mode:
    support: full
    details: Signs in as well, since that changes nothing, but notes nothing in the key store.
  diff_mode:
    support: N/A
  idempotent:
    support: full
seealso:
  - module: evercert.entra.application_certificate_renew
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Does the certificate in use sign in, and may it read what the service needs?
  evercert.entra.application_certificate_verify:
    tenant_id: "{{ tenant_id }}"
    app_id: "{{ app_id }}"
    key_store: "{{ key_store }}"
    initial_pause: 0
    sign_in_interval: 1
    required_roles:
      - Organization.Read.All
    probes:
      - url: /organization

- name: A certificate in a file
  evercert.entra.application_certificate_verify:
    tenant_id: "{{ tenant_id }}"
    app_id: "{{ app_id }}"
    client_certificate_path: "{{ bundle_path }}"
    sign_ins: 1
    initial_pause: 0
"""

RETURN = r"""
verified:
  description: Whether every check is good.
  returned: always
  type: bool
  sample: true
checks:
  description: What was checked, in order.
  returned: success, or when a check failed
  type: list
  elements: dict
  contains:
    name:
      description: C(sign_in), C(sign_in_refused), C(required_roles) or C(probe) with its path.
      returned: always
      type: str
      sample: sign_in
    ok:
      description: Whether it is good.
      returned: always
      type: bool
      sample: true
    detail:
      description: What was seen.
      returned: always
      type: str
      sample: 3 consecutive sign-ins accepted in 3 attempts.
    elapsed:
      description: How long it took, in seconds.
      returned: always
      type: float
      sample: 11.2
sign_ins:
  description:
    - How the sign-ins went.
    - C(restarts) is how often an answer other than O(expect) started the count again.
    - C(would_detect) says what that proves. It is the smallest share of token servers answering otherwise that these
      sign-ins would have met with 95 % probability. The smaller, the stronger.
  returned: success, or when a check failed
  type: dict
  sample: {"required": 3, "consecutive": 3, "attempts": 4, "restarts": 1, "elapsed": 90.8, "would_detect": 0.71}
evidence:
  description:
    - What the proof rests on. C(clock_offset_seconds) is how far this host's clock is ahead of the service's, or null
      when no answer told the time.
  returned: success, or when a check failed
  type: dict
  sample:
    app_id: 1f0e7a52-3c11-4a57-9a0d-6b8b7e1a2c10
    thumbprint: 9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A
    thumbprint_sha256: 0E6F...
    key_id: 5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11
    assertion_alg: PS256
    token_issued_at: "2026-11-22T10:00:00Z"
    correlation_ids: [7c2d5e0f-1111-4a3b-8c1d-2f3e4d5c6b7a]
    clock_offset_seconds: 0
diagnosis:
  description: Why the verification failed.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word; the guide on diagnosis lists them all.
      returned: always
      type: str
      sample: application_disabled
    cause:
      description: What is wrong.
      returned: always
      type: str
      sample: The application is disabled in this tenant.
    remedy:
      description: What to do.
      returned: always
      type: str
      sample: An administrator enables its service principal. The certificate is not at fault.
    retry:
      description: V(wait) when it may only not be visible yet, V(later) for passing trouble, V(no) when it is final.
      returned: always
      type: str
      sample: "no"
    evidence:
      description: What the service said, with the IDs that Microsoft's support asks for.
      returned: always
      type: dict
      sample: {"http_status": 400, "error_codes": [7000112], "host": "login.microsoftonline.com"}
auth:
  description:
    - Which way to sign in O(auth_source=auto) took, and why it passed over those before it.
  returned: success, or when a check failed, and O(auth_source) is V(auto)
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

from ..module_utils._ansible import arguments, bundle, connect, contradictions, inputs, results, specs
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.run import call_of, carried, run
from ..module_utils._steps.prove import as_values
from ..module_utils._steps.run import ProofProgress
from ..module_utils._steps.verify import find_subject, verify


def verify_certificate(module: AnsibleModule) -> dict[str, t.Any]:
    options, carry = module.params, carried(module)
    problems = [*contradictions.problems_of_verification(options), *bundle.missing_directory(options)]
    connection = connect.open_connection(options, call_of(module, signs_in=True, problems=problems))
    with bundle.kept(module, connection) as keep:
        subject = find_subject(connection, options["stage"], inputs.key_pair_on_trial(options))
        progress = ProofProgress(**carry["progress"]) if carry else None
        found = verify(connection, subject, arguments.expectation(options), progress)
        values = results.of_verification(found, as_values(found.progress, connection))
        return keep(results.with_auth(connection, values))


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_CERTIFICATE_VERIFY,
        supports_check_mode=True,
        on_trial="client_certificate_path",
    )
    run(module, verify_certificate, verified=False)


if __name__ == "__main__":
    main()
