# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""How old a certificate may become."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  rotation_period:
    description:
      - A certificate is due when it is older than this many days, counted from its start. Without it, age does not
        matter.
    type: float
"""
