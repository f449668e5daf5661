# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Which files a report is, and what makes it fail."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  directory:
    description:
      - Where the files go, on the host where the module runs, as an absolute path. It is made, with mode C(0750), when
        it does not exist.
      - The files have mode C(0640). Their owner and group are those of the user who runs this.
    type: path
    required: true
  formats:
    description:
      - Which files to write, as V(html) (C(report.html)), V(junit) (C(report.xml)), V(json) (C(report.json)), V(csv)
        (C(report.csv)), V(sarif) (C(report.sarif)), V(prometheus) (C(report.prom)) and V(markdown) (C(report.md)).
      - Without V(json), the next report has nothing to be compared with.
    type: list
    elements: str
    default: [html, junit, json, csv, sarif, prometheus, markdown]
  fail_on:
    description:
      - The task fails, after the files are written, when an application has one of these words as its status, as the
        reason of a finding, or as its severity.
      - Statuses are V(healthy), V(near_expiry), V(rotation_due), V(expired), V(not_yet_valid), V(missing),
        V(unregistered), V(propagating), V(key_unavailable), V(rejected), V(unreachable) and V(unknown).
      - Other reasons are V(interrupted), V(claim_differs), V(wrong_link), V(wrong_object) and V(policy_exceeded).
        Reports of renewals have V(failed), V(planned), V(under_way), V(renewed), V(rolled_back), V(adopted), V(retired)
        and V(unchanged) as statuses.
      - Severities are V(error) (access is lost or about to be) and V(warning) (somebody has to act).
    type: list
    elements: str
    default: []
  fail_within:
    description:
      - The task also fails, after the files are written, when the certificate of an application ends within so many
        days or has ended. Without it, dates alone are no failure.
      - Where a key store was looked at (O(results)), that is its current certificate, whatever else is on the
        application; otherwise it is the one that ends last, of those in use.
    type: float
  sources:
    description:
      - Files C(report.json) of other reports, on the host where the module runs, to merge into this one. No tenant is
        asked then, so no connection option is needed. A tenant may be in one of them only.
    type: list
    elements: path
    default: []
  results:
    description:
      - Results of M(evercert.entra.application_certificate_info) and M(evercert.entra.application_certificate_renew),
        to make a report of. No tenant is asked then. An application in it takes the place of the same one in
        O(sources), which either of its IDs tells.
    type: list
    elements: dict
    default: []
    suboptions:
      tenant_id:
        description:
          - The tenant of the application.
        type: str
        required: true
      result:
        description:
          - What the task returned, its failure included.
        type: dict
        required: true
      host:
        description:
          - The host that it ran on. Several hosts may have the same application.
        type: str
      name:
        description:
          - The application's name, for a renewal or a failure, which does not return it.
        type: str
      app_id:
        description:
          - The application's public ID, for a renewal or a failure.
        type: str
      object_id:
        description:
          - The ID of its directory object, for a renewal or a failure. One of the two IDs is enough.
        type: str
      planned:
        description:
          - Whether the task ran in check mode, so that its steps are only planned.
        type: bool
        default: false
"""
