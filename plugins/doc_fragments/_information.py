# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What a report of certificates has in it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  expected_thumbprint:
    description:
      - What another system claims is in use, as SHA-1 or SHA-256 in any case, colons allowed. Needs an application.
      - When no registered certificate has it, the status is V(unregistered) and the finding names the claim. When one
        has it that is not the key store's current one, a finding V(claim_differs) is added.
    type: str
  sign_in:
    description:
      - Also sign in once with the key store's current certificate. Needs O(key_store).
    type: bool
    default: false
  service_principals:
    description:
      - In a listing, also read the service principals (enterprise applications) with their certificates. That takes one
        request more for every 999 service principals of the tenant. For one application they are always read.
    type: bool
    default: false
  history:
    description:
      - How many of the latest events of the key store to return. What was applied, when health was checked, and which
        runs failed. Needs O(key_store).
    type: int
    default: 0
  return_applications:
    description:
      - V(all) applications, only those with a finding (V(attention)), or V(none) and the summary alone.
    type: str
    default: all
    choices: [all, attention, none]
"""
