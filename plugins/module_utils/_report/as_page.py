# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML page that needs nothing else: no request leaves it, only its script runs in it. Pure.

Counts, timeline and the most urgent rows are in the page itself, for paper and for a browser without scripts. All rows
are data, which the script shows as a table. Foreign text is escaped here, and only ever becomes text there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from .page_script import SCRIPT
from .page_sections import TABLE, attention_of, changes_of, counts_of, moment, safe, tenants_of, words_of
from .page_style import STYLE
from .rows import Row
from .timeline import drawing_of
from .totals import Totals
from .words import SEVERITIES, TITLE, subject_of

_compact = json.JSONEncoder(separators=(",", ":")).encode


def head(totals: Totals) -> str:
    settings = totals.settings
    origin = f"{len(totals.tenants):,} tenants" if len(totals.tenants) > 1 else safe(next(iter(totals.tenants), ""))
    narrowed = f" Only applications that match <code>{safe(settings.filter)}</code>." if settings.filter else ""
    due = f" Renewal is due {settings.renew_before:g} days before the end." if settings.renew_before is not None else ""
    frame = {
        "words": words_of(totals),
        "tenants": sorted(totals.tenants),
    }
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{TITLE}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#applications">Skip to the applications</a>\n<header><h1>{TITLE}</h1>'
        f'<p>{totals.total:,} applications in <bdi>{origin}</bdi>, <time datetime="{totals.generated}">'
        f"{moment(totals.generated)}</time>.{due}{narrowed}"
        f"</p></header>\n<main>\n{counts_of(totals)}{changes_of(totals)}"
        '<section aria-labelledby="h-timeline"><h2 id="h-timeline">When certificates end</h2>'
        f"{drawing_of(totals.timeline)}</section>\n{tenants_of(totals)}{attention_of(totals)}{TABLE}"
        f'<script type="application/json" id="frame">{_data(frame)}</script>\n'
        '<script type="application/json" id="rows">[\n'
    )


def each(row: Row, totals: Totals, number: int) -> str:
    """A row as the script reads it: values in a fixed order."""
    change = row.get("change") or {}
    values = [
        subject_of(row),
        row["app_id"],
        row["object_id"],
        row["tenant_id"],
        row["status"],
        SEVERITIES.index(row["severity"]),
        row["days_left"],
        row["expires"],
        [
            [finding["reason"], finding["message"], finding["remedy"], SEVERITIES.index(finding["severity"])]
            for finding in row["findings"]
        ],
        [
            [entry[name] for name in ("thumbprint", "key_id", "not_before", "not_after", "days_left", "status")]
            for entry in row["certificates"]
        ],
        [change["kind"], change.get("status_before"), change.get("expired_before")] if change else None,
        row["next_renewal"],
        [[step["step"], step["detail"]] for step in row.get("steps") or ()],
    ]
    return f"{',' if number else ''}{_data(values)}\n"


def tail(totals: Totals) -> str:
    return f"]</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def policy() -> str:
    """What the browser may do with the page: apply its style, run its script, and nothing else."""
    return (
        f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; script-src 'sha256-{_hash(SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(values: t.Any) -> str:
    """JSON that cannot end the element it stands in, nor begin another one."""
    return _compact(values).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
