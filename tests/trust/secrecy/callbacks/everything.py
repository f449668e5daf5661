# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that writes down every result in full, as those do that send results to other systems."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: everything
type: notification
short_description: Every result in full
description: One line of JSON for each result.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "everything"

    def _write(self, result, failed=False):
        line = {"host": result._host.name, "task": result._task.get_name().strip(), "failed": failed}
        with open(os.environ["EVERYTHING"], "a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "result": result._result}, default=str) + "\n")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write(result, failed=True)

    v2_runner_on_ok = v2_runner_on_skipped = v2_runner_on_unreachable = v2_runner_retry = _write
    v2_runner_item_on_ok = v2_runner_item_on_failed = _write
