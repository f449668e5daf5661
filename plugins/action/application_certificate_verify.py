# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module application_certificate_verify, with its waits shown."""

from __future__ import annotations

from ..modules import application_certificate_verify
from ..plugin_utils._controller_sign_in import READ
from ..plugin_utils._visible import VisibleAction


class ActionModule(VisibleAction):
    modules = (application_certificate_verify,)
    scopes = READ
