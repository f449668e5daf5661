# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Whether the application may sign in, and what it may do."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) grants the permissions, V(absent) withdraws those that are named in O(permissions).
    type: str
    default: present
    choices: [present, absent]
  enabled:
    description:
      - Whether the application may sign in in this tenant. Without it, V(true) with O(state=present); with
        O(state=absent) the service principal is left as it is.
    type: bool
"""
