# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that come from the environment, where the task does not give them."""

from __future__ import annotations

import os
import typing as t

from .._core.texts import trimmed


def _env_fallback(*names: str) -> t.Any:
    """Ansible's own, imported when a module asks: the event source reads these tables where there is no Ansible.

    A variable of the environment that is set to nothing is not set.
    """
    from ansible.module_utils.common.parameters import env_fallback

    return env_fallback(*(name for name in names if trimmed(os.environ.get(name, ""))))


def from_environment(*names: str) -> tuple[t.Any, list[str]]:
    return (_env_fallback, list(names))
