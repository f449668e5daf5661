# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that say when a renewal is due. In step with `_ansible/arguments.py`."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  renew_before:
    description:
      - A certificate is due this many days before it ends.
    type: float
    default: 30.0
  rotation_period:
    description:
      - A certificate is due when it is older than this many days, counted from its start. Without it, age does not
        matter.
    type: float
"""
