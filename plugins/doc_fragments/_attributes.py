# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules promise about check mode, diff mode, idempotence and the action group."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything or making a file.
  diff_mode:
    description: Shows the application's key credentials before and after, by thumbprint, name and dates.
  idempotent:
    description: When run twice in a row outside check mode with the same options, the second run changes nothing.
  action_group:
    description: Use C(group/evercert.entra.entra) in C(module_defaults) to set the connection options once.
    support: full
    membership:
      - evercert.entra.entra
"""
