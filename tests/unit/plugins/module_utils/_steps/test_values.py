# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step is told, and what it answers, is a value: nobody changes it on the way. Only progress moves."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from pathlib import Path

from ansible_collections.evercert.entra.plugins.module_utils._steps import renew

PACKAGE = renew.__package__
MOVING = {"AccessProgress", "Connection", "Doing", "ProofProgress", "Progress", "Run", "Verification"}


def test_every_value_of_the_steps_is_frozen():
    names = [path.stem for path in Path(renew.__file__).parent.glob("*.py")]
    found = {
        one
        for name in names
        for _name, one in inspect.getmembers(importlib.import_module(f"{PACKAGE}.{name}"), dataclasses.is_dataclass)
        if one.__module__.startswith(PACKAGE)
    }

    assert {one.__name__ for one in found if not one.__dataclass_params__.frozen} == MOVING
    assert len(found) > len(MOVING)
