#!/usr/bin/python
# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_report
short_description: Report the certificates of a whole tenant, or of many, as files
version_added: 0.1.0
description:
  - Lists the applications of a tenant once, as M(evercert.entra.application_certificate_info) does, and streams them
    into files; only sums and the most urgent come back as the result. So the size of the tenant does not matter.
  - Merges reports of several tenants into one (O(sources)), and makes a report of what tasks returned on many hosts
    (O(results)), such as renewals.
  - Says what changed since the last report in the same directory, which is read from its C(report.json).
  - All files are written beside the old ones first and then put in their place, so that a run that fails leaves the
    last report as it was.
  - The files have IDs, display names of applications, statuses, findings, and thumbprints and dates of certificates.
    They have no owners, no mail addresses, no names of credentials, no keys and no tokens.
  - Changes nothing in Microsoft Entra.
  - What most people give is O(tenant_id), O(auth_source), O(directory), O(formats), O(fail_on). Every other option has
    a default that is right for most.
extends_documentation_fragment:
  - evercert.entra._attributes
  - evercert.entra._connection
  - evercert.entra._due
  - evercert.entra._filter
  - evercert.entra._now
  - evercert.entra._report
attributes:
  check_mode:
    support: full
    details:
      - Reads the tenant, writes no file, and returns what it would otherwise.
  diff_mode:
    support: N/A
  idempotent:
    support: none
    details:
      - Every run writes the files anew, as the moment of the report is in them.
seealso:
  - module: evercert.entra.application_certificate_info
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Report the whole tenant
  evercert.entra.application_report:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    directory: /var/lib/evercert/report
  register: report

- name: Fail when something has expired, or ends within two days
  evercert.entra.application_report:
    tenant_id: "{{ tenant_id }}"
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    directory: /var/lib/evercert/gate
    formats: [junit, markdown]
    fail_on: [expired]
    fail_within: 2

- name: Merge the reports of several tenants into one page
  evercert.entra.application_report:
    directory: /var/lib/evercert/all
    sources:
      - /var/lib/evercert/report/report.json
"""

RETURN = r"""
summary:
  description: How many applications are in the report, and how many have each status that occurs.
  returned: when the applications could be listed
  type: dict
  sample: {"total": 30000, "healthy": 28410, "missing": 1200, "near_expiry": 388, "expired": 2}
findings:
  description: How many applications have a finding of each reason that occurs.
  returned: when the applications could be listed
  type: dict
  sample: {"missing": 1200, "near_expiry": 388, "expired": 2}
needs_attention:
  description: How many applications have the severity V(error) or V(warning).
  returned: when the applications could be listed
  type: int
  sample: 390
attention:
  description: The most urgent of them, 20 at most, the most urgent first; with C(host) where a task ran on one.
  returned: when the applications could be listed
  type: list
  elements: dict
  sample:
    - app_id: 1f0e7a52-3c11-4a57-9a0d-6b8b7e1a2c10
      days_left: -3
      display_name: payroll-sync
      expires: "2026-11-21T00:00:00Z"
      message: Every certificate for sign-in has expired.
      status: expired
      tenant_id: 61d631f2-bccb-43d0-a161-52b9c1c9f563
tenants:
  description: How many tenants are in the report.
  returned: when the applications could be listed
  type: int
  sample: 1
changes:
  description:
    - How many applications are new, gone, renewed, or of another status since the report of C(since).
    - V(null) when there is no report to compare with.
  returned: when the applications could be listed
  type: dict
  sample: {"since": "2026-11-23T05:00:00Z", "new": 3, "gone": 1, "renewed": 12, "status_changed": 9}
files:
  description: The path of each file, by format. In check mode, where they would be.
  returned: when the applications could be listed
  type: dict
  sample: {"html": /var/lib/evercert/report/report.html, "json": /var/lib/evercert/report/report.json}
failed_on:
  description: How many applications meet each word of O(fail_on), and C(fail_within) for O(fail_within).
  returned: when the applications could be listed
  type: dict
  sample: {"expired": 2}
lines:
  description: Counts, changes and the most urgent as lines for a terminal.
  returned: when the applications could be listed
  type: list
  elements: str
  sample: ["30,000 applications: 28,410 healthy, 1,200 missing, 388 near expiry, 2 expired. 390 need attention."]
operator_expires:
  description:
    - When the credential ends that this task signed in with, told from 30 days before, with a warning. V(unknown) where
      that cannot be known, as of a client secret whose application may not be read, or one that was refused.
    - V(null) until then, and for an identity without a credential that somebody has to renew.
  returned: success, when a tenant was asked
  type: str
  sample: "2026-12-12T10:00:00Z"
auth:
  description:
    - Which way to sign in O(auth_source=auto) took, and why it passed over those before it.
  returned: success, when O(auth_source) is V(auto) and a tenant was asked
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

from ..module_utils._ansible import specs
from ..module_utils._ansible.module import DiscreetModule
from ..module_utils._ansible.reporting import report_applications
from ..module_utils._ansible.run import run


def main() -> None:
    module = DiscreetModule(
        argument_spec=specs.OF_APPLICATION_REPORT,
        supports_check_mode=True,
    )
    run(module, report_applications)


if __name__ == "__main__":
    main()
