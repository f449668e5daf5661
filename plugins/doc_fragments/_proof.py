# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What proves a certificate."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sign_ins:
    description:
      - How many consecutive sign-ins must succeed, each with a new connection, a new assertion and an empty cache.
      - What this proves, and what it does not, is measured in R(What a number of sign-ins
        proves,ansible_collections.evercert.entra.docsite.guide_proof); V(5) leaves much less to chance.
    type: int
    default: 3
  sign_in_interval:
    description:
      - The pause between two sign-ins that succeed, in seconds. After a refusal the pause is longer, so that
        O(sign_in_budget) lasts until the deadline.
      - Token servers learn of a new certificate one after the other, so time between the sign-ins finds more than their
        number does.
    type: float
    default: 30.0
  initial_pause:
    description:
      - The pause before the first sign-in with a certificate that was just registered, in seconds. The token service
        may remember an early failure for some minutes.
    type: float
    default: 10.0
"""
