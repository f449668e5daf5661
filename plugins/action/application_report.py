# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module application_report, after a sign-in on the control node where that is asked for."""

from __future__ import annotations

from ..modules import application_report
from ..plugin_utils._controller_sign_in import READ
from ..plugin_utils._signing_in import SigningInAction


class ActionModule(SigningInAction):
    modules = (application_report,)
    scopes = READ

    def _signs_in_here(self) -> bool:
        """Nobody is asked where no tenant is."""
        given = self._task.args
        return super()._signs_in_here() and not (given.get("sources") or given.get("results"))
