# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""When a certificate is due."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  renew_before:
    description:
      - A certificate is due this many days before it ends.
    type: float
    default: 30.0
"""
