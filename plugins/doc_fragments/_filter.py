# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Which applications."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  filter:
    description:
      - An OData filter for a listing, such as C(startswith(displayName,'payroll')), applied by Microsoft Graph. Without
        it, every application of the tenant. Cannot be combined with one application.
    type: str
"""
