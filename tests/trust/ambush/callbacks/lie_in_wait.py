# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback only because the process that plays loads those before it forks: the ambush is laid in all its workers."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from ansible.plugins.callback import CallbackBase

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ambush import DURABLE, TRANSPORT, Ambush

DOCUMENTATION = """
name: lie_in_wait
type: notification
short_description: Workers die at a given moment
description: Lays an ambush in the two modules through which every effect goes.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "lie_in_wait"

    def v2_playbook_on_start(self, playbook):
        number = os.environ.get("EVERCERT_KILL_AT")
        hidden = Ambush(os.environ["EVERCERT_TRACE"], int(number) if number else None)
        for name in (DURABLE, TRANSPORT):
            hidden.lie_in_wait(importlib.import_module(name))
