# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""How long the service may take."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  timeout_propagation:
    description:
      - How long the directory and the token service may take to show and to accept a new certificate, in seconds.
    type: float
    default: 600.0
"""
