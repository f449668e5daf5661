# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""How often an application may sign in."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sign_in_budget:
    description:
      - How many sign-ins as one application are made within any 5 minutes; 0 is no limit. The service refuses more than
        15 identical requests in that time (AADSTS50196).
      - Sign-ins are noted in the key store. When none is free the run waits for one, and its deadline moves by that
        wait. An administrator's own sign-ins do not count.
    type: int
    default: 14
"""
