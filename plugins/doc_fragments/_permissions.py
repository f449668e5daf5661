# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Which permissions."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  permissions:
    description:
      - The application permissions that are meant. Without it, those that the registration asks for. An empty list
        means none, so that only the service principal is looked after.
    type: list
    elements: dict
    suboptions:
      resource:
        description:
          - The API that offers them. V(microsoft_graph), an app ID, or the exact display name of its service principal
            in this tenant.
        type: str
        required: true
      roles:
        description:
          - The names (values) of its application permissions, such as V(User.Read.All).
        type: list
        elements: str
        required: true
"""
