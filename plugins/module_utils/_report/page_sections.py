# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of the page that need no script: counts, changes, tenants, and what needs attention. Pure."""

from __future__ import annotations

import html

from .._core.texts import plain
from .._core.times import format_iso
from .changes import KINDS
from .rows import Row
from .totals import Totals
from .words import SEVERITIES, label_of, meaning_of, severity_of, subject_of

# How many of the most urgent are in the page itself, and so on paper.
ON_PAPER = 500
_SIGNS = {"error": "\u2716", "warning": "\u25b2", "note": "\u25cb", "none": "\u2714"}


def words_of(totals: Totals) -> list[str]:
    """The statuses that occur, the most urgent first."""
    return sorted(totals.statuses, key=lambda word: (SEVERITIES.index(severity_of(word)), word))


def counts_of(totals: Totals) -> str:
    cards = []
    for word in words_of(totals):
        severity, meaning = severity_of(word), meaning_of(word)[0]
        cards.append(
            f'<li class="card {severity}"><label title="{safe(meaning)}"><input type="checkbox" checked '
            f'data-status="{safe(word)}"><span class="sign" aria-hidden="true">{_SIGNS[severity]}</span>'
            f'<b>{totals.statuses[word]:,}</b> <span class="word">{safe(label_of(word))}</span></label></li>'
        )
    return (
        '<section aria-labelledby="h-counts"><h2 id="h-counts">How they stand</h2>'
        f'<p class="lead"><b>{totals.urgent:,}</b> of {totals.total:,} need attention.</p>'
        f'<ul class="cards">{"".join(cards)}</ul></section>\n'
    )


def changes_of(totals: Totals) -> str:
    changes = totals.changes
    if not changes:
        return ""
    counts = "".join(f"<li><b>{changes[kind]:,}</b> {label_of(kind)}</li>" for kind in KINDS)
    gone = "".join(
        f"<li><bdi>{safe(plain(known['display_name'] or known['app_id'], 200))}</bdi> "
        f"<code>{safe(known['app_id'])}</code></li>"
        for known in changes["gone_applications"]
    )
    more = changes["gone"] - len(changes["gone_applications"])
    gone += f"<li>and {more:,} more</li>" if more else ""
    details = f"<details><summary>Gone since then</summary><ul>{gone}</ul></details>" if gone else ""
    return (
        '<section aria-labelledby="h-changes"><h2 id="h-changes">What changed</h2><p>Since the report of '
        f'{moment(changes["since"])}:</p><ul class="changes">{counts}</ul>{details}</section>\n'
    )


def tenants_of(totals: Totals) -> str:
    if len(totals.tenants) < 2:
        return ""
    body = "".join(
        f'<tr><th scope="row">{safe(name)}</th><td class="number">{tally.total:,}</td>'
        f'<td class="number">{tally.urgent:,}</td><td class="date">{_day(format_iso(tally.next_expiry))}</td>'
        f"<td>{moment(tally.seen)}</td></tr>"
        for name, tally in sorted(totals.tenants.items(), key=lambda item: (-item[1].urgent, item[0]))
    )
    return (
        '<section aria-labelledby="h-tenants"><h2 id="h-tenants">Tenants</h2><div class="tall" tabindex="0" '
        'role="region" aria-label="Table of tenants"><table><thead><tr><th scope="col">Tenant</th>'
        '<th scope="col" class="number">Applications</th><th scope="col" class="number">Need attention</th>'
        '<th scope="col">Next end</th><th scope="col">Looked at</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>\n"
    )


def attention_of(totals: Totals) -> str:
    rows = totals.most_urgent[:ON_PAPER]
    several = len(totals.tenants) > 1
    body = "".join(_attention_row(row, several) for row in rows) or '<tr><td colspan="4">Nothing.</td></tr>'
    left = totals.urgent - len(rows)
    more = f"<p>{left:,} more need attention; the table on screen and the CSV file have them.</p>" if left else ""
    return (
        '<section id="attention" aria-labelledby="h-attention"><h2 id="h-attention">What needs attention</h2>'
        '<table><thead><tr><th scope="col">Application</th><th scope="col">Status</th><th scope="col">Ends</th>'
        f'<th scope="col">What, and what to do</th></tr></thead><tbody>{body}</tbody></table>{more}</section>\n'
    )


def _attention_row(row: Row, several: bool) -> str:
    told = "".join(
        f"<p><b>{safe(label_of(finding['reason']))}.</b> {safe(finding['message'])} {safe(finding['remedy'])}</p>"
        for finding in row["findings"]
    )
    tenant = f"<br><small>{safe(row['tenant_id'])}</small>" if several else ""
    left = "" if row["days_left"] is None else f"<br><small>{row['days_left']} days</small>"
    ends, app_id, severity = _day(row["expires"]), safe(row["app_id"]), row["severity"]
    return (
        f'<tr><th scope="row"><bdi>{safe(subject_of(row))}</bdi><br><small>{app_id}</small>{tenant}</th>'
        f'<td class="{severity}"><span class="sign" aria-hidden="true">{_SIGNS[severity]}</span> '
        f'{safe(label_of(row["status"]))}</td><td class="date">{ends}{left}</td><td>{told}</td></tr>'
    )


def _day(moment_text: str | None) -> str:
    return safe((moment_text or "")[:10])


def safe(text: object) -> str:
    return html.escape(plain(text))


def moment(text: str) -> str:
    return safe(text.replace("T", " ").replace("Z", " UTC"))


TABLE = """<section id="applications" tabindex="-1" aria-labelledby="h-applications">
<h2 id="h-applications">Applications</h2>
<noscript><p>Allow the script of this page to see, sort and filter all applications.</p></noscript>
<div class="tools" hidden id="tools">
<label class="search">Search <input type="search" id="search" autocomplete="off" spellcheck="false"
placeholder="name, ID, thumbprint, finding"></label>
<label id="tenant-box" hidden>Tenant <select id="tenant"><option value="">all</option></select></label>
<label><input type="checkbox" id="urgent"> needs attention</label>
<label id="changed-box" hidden><input type="checkbox" id="changed"> changed</label>
<button type="button" id="reset">Show all</button>
<p id="shown" role="status" aria-live="polite"></p>
</div>
<div class="frame" id="frame-box" hidden role="region" aria-label="Table of applications" tabindex="0">
<table id="table"><thead><tr id="columns"></tr></thead><tbody id="body"></tbody></table></div>
<p class="hint" id="hint" hidden>Arrow keys, Page Up, Page Down, Home and End move in the table; Enter opens an
application; Escape closes it.</p>
</section>
</main>
<dialog id="detail" aria-labelledby="detail-title"></dialog>
"""
