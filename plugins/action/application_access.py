# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module application_access, with its waits shown."""

from __future__ import annotations

from ..modules import application_access
from ..plugin_utils._controller_sign_in import CONSENT
from ..plugin_utils._visible import VisibleAction


class ActionModule(VisibleAction):
    modules = (application_access,)
    scopes = CONSENT
