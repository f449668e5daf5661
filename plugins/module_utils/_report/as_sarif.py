# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as SARIF 2.1.0, for panels of code scanning. Pure.

Such panels show a few thousand results at most, so it has the most urgent applications only, each finding a result.
They want a place in the repository for each: the path stands for the application and needs not exist.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import typing as t
from urllib.parse import quote

from .._core.texts import plain
from .rows import Row, key_of
from .totals import Totals
from .words import label_of, meaning_of, severity_of, subject_of, title_of

# What GitHub takes in one run.
MOST_RESULTS = 25000
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_compact = json.JSONEncoder(separators=(",", ":")).encode
Value = dict[str, t.Any]


def head(totals: Totals) -> str:
    rows = totals.most_urgent
    reasons = sorted({finding["reason"] for row in rows for finding in row["findings"]})
    driver = {
        "name": "evercert.entra",
        "informationUri": "https://github.com/evercert/evercert.entra",
        "rules": [_rule(reason) for reason in reasons],
    }
    results = itertools.islice((found for row in rows for found in _results(row, reasons)), MOST_RESULTS)
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "evercert.entra/"},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": totals.generated}],
        "results": list(results),
    }
    return _compact({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(reason: str) -> Value:
    message, remedy = meaning_of(reason)
    return {
        "id": plain(reason),
        "name": "".join(part.capitalize() for part in plain(reason).split("_")),
        "shortDescription": {"text": _text(f"Certificate: {label_of(reason)}")},
        "fullDescription": {"text": _text(message)},
        "help": {"text": _text(remedy)},
        "defaultConfiguration": {"level": _level(reason)},
        "properties": {"tags": ["security", "certificate"]},
    }


def _results(row: Row, reasons: list[str]) -> t.Iterator[Value]:
    place = f"{row['tenant_id']}/{row['app_id'] or row['object_id'] or 'unknown'}"
    for finding in row["findings"]:
        mark = hashlib.sha256(f"{key_of(row)}/{finding['reason']}".encode("utf-8", "replace")).hexdigest()
        yield {
            "ruleId": plain(finding["reason"]),
            "ruleIndex": reasons.index(finding["reason"]),
            "level": _level(finding["reason"]),
            "message": {"text": _text(f"{subject_of(row)}: {finding['message']} {finding['remedy']}")},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(f"entra/{plain(place)}")},
                        "region": {"startLine": 1},
                    },
                    "logicalLocations": [
                        {"name": title_of(row), "fullyQualifiedName": plain(place), "kind": "resource"}
                    ],
                }
            ],
            "partialFingerprints": {"primaryLocationLineHash": mark},
        }


def _level(reason: str) -> str:
    return severity_of(reason)


def _text(text: str) -> str:
    """Square brackets would begin a link in a message."""
    return plain(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
