# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Which application."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  app_id:
    description:
      - The application's public ID (C(appId)), a GUID.
    type: str
  object_id:
    description:
      - The ID of the application's directory object, a GUID. May be given together with O(app_id).
      - Where the identity may not read the application and the key store has not recorded it yet, an application renews
        itself by its app ID, which Microsoft Graph takes as well; give the object ID where that is refused.
    type: str
  display_name:
    description:
      - The application's display name. It is an error when several applications have it.
      - Cannot be combined with O(app_id) or O(object_id).
    type: str
"""
