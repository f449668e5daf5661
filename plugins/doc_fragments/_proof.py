# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the proof by signing in. In step with `_ansible/arguments.py`."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sign_ins:
    description:
      - How many consecutive sign-ins must succeed, each with a new connection, a new assertion and an empty cache.
      - What this proves, and what it does not, is measured in
        R(What a number of sign-ins proves,ansible_collections.evercert.entra.docsite.guide_proof); V(5) leaves much
        less to chance.
    type: int
    default: 3
  sign_in_interval:
    description:
      - The pause between two sign-ins that succeed, in seconds. After a refusal the pause is longer, so that
        O(sign_in_budget) lasts until the deadline.
      - Token servers learn of a new certificate one after the other, so time between the sign-ins finds more than
        their number does.
    type: float
    default: 30.0
  initial_pause:
    description:
      - The pause before the first sign-in with a certificate that was just registered, in seconds. The token service
        may remember an early failure for some minutes.
    type: float
    default: 10.0
  sign_in_budget:
    description:
      - How many sign-ins as one application are made within any 5 minutes; 0 is no limit. The service refuses more
        than 15 identical requests in that time (AADSTS50196).
      - Sign-ins are noted in the key store. When none is free the run waits for one, and its deadline moves by that
        wait. An administrator's own sign-ins do not count.
    type: int
    default: 14
  timeout_propagation:
    description:
      - How long the directory and the token service may take to show and to accept a new certificate, in seconds.
    type: float
    default: 600.0
  _waiting:
    description:
      - For the action plugin of the same name, which shows what a run waits for. It is refused in a task.
    type: dict
"""
