# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SARIF against the schema that the panels use."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
from ansible_collections.evercert.entra.tests.unit.reports import HOSTILE, a_row, text_of

SCHEMA = next((Path(sys.prefix) / "node_modules" / "@microsoft" / "jest-sarif").rglob("sarif-2.1.0*.json"))


def test_sarif_keeps_to_the_schema():
    rows = [a_row(name, days) for name in HOSTILE for days in (-3, 12, 90, None)]

    for report in (text_of("sarif"), text_of("sarif", *rows)):
        jsonschema.validate(json.loads(report), json.loads(SCHEMA.read_text(encoding="utf-8")))
