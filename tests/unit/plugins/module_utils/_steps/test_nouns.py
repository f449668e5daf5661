# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps pass to each other does not change under way, but for what has a lifetime."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

from ansible_collections.evercert.entra.plugins.module_utils._steps import run

PACKAGE = run.__package__
STEPS = sorted(path.stem for path in Path(run.__file__).parent.glob("*.py"))
LIVING = {"AccessProgress", "Connection", "Doing", "Run", "Progress", "ProofProgress", "Verification"}


def test_only_what_has_a_lifetime_changes():
    modules = [importlib.import_module(f"{PACKAGE}.{name}") for name in STEPS]
    nouns = {each for module in modules for each in vars(module).values() if dataclasses.is_dataclass(each)}
    ours = {noun for noun in nouns if noun.__module__.startswith(PACKAGE)}

    assert len(ours) > len(LIVING)
    assert {noun.__name__ for noun in ours if not noun.__dataclass_params__.frozen} == LIVING
