# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What confirms health."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  required_roles:
    description:
      - Application permissions of Microsoft Graph that a token got with the certificate must carry, such as
        C(User.Read.All).
    type: list
    elements: str
    default: []
  probes:
    description:
      - Paths of Microsoft Graph to read with that token.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description:
          - A path relative to Graph's version, such as C(/organization).
        type: str
        required: true
      status:
        description:
          - The HTTP status that means health.
        type: int
        default: 200
"""
