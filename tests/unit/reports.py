# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of a report with defaults, and whole reports as text. Days count from the moment of the report."""

from __future__ import annotations

import datetime as dt
import hashlib

from ansible_collections.evercert.entra.plugins.module_utils._core.times import format_iso
from ansible_collections.evercert.entra.plugins.module_utils._report.formats import FORMATS, render
from ansible_collections.evercert.entra.plugins.module_utils._report.rows import row_of
from ansible_collections.evercert.entra.plugins.module_utils._report.totals import Settings, Totals
from ansible_collections.evercert.entra.plugins.module_utils._report.writing import counted

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
TENANT = "61d631f2-bccb-43d0-a161-52b9c1c9f563"
OTHER_TENANT = "0e5bb6a4-9a8f-4a52-8a21-6f4b8f9c1d10"
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]>&amp;\x00\x1b[2J\ud800\ufffe",
    "\u202egpj.exe\u2066",
    "=cmd|' /C calc'!A0",
    "N" * 10_000,
    '"; DROP TABLE; | `x` [a](javascript:alert(1)) @everyone\r\n# one\\',
)


def by_days(days):
    return "missing" if days is None else "healthy" if days > 30 else "near_expiry" if days > 0 else "expired"


def a_row(name="payroll-sync", days=90, status=None, tenant=TENANT, app_id=None, findings=None, **more):
    """An application whose only certificate ends in so many days; None is without a certificate."""
    number = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    app_id = app_id or f"{number[:8]}-aaaa-4000-8000-{number[8:20]}"
    status = status or by_days(days)
    reasons = findings if findings is not None else [] if status == "healthy" else [status]
    found = [{"reason": reason, "message": f"It is {reason}.", "remedy": "Renew it."} for reason in reasons]
    values = {
        "app_id": app_id,
        "object_id": app_id.replace("aaaa", "bbbb"),
        "display_name": name,
        "status": status,
        "findings": found,
        "certificates": [] if days is None else [a_certificate(number, days)],
    }
    return row_of({**values, **more}, tenant, format_iso(NOW))


def a_certificate(number, days):
    return {
        "key_id": f"{number[:8]}-cccc-4000-8000-{number[8:20]}",
        "display_name": "CN=somebody@example.test",
        "thumbprint": number[:40].upper(),
        "thumbprint_sha256": None,
        "not_before": format_iso(NOW - dt.timedelta(days=90)),
        "not_after": format_iso(NOW + dt.timedelta(days=days)),
        "days_left": int(days // 1),
        "status": by_days(days),
    }


def a_report(*rows, before=None, **settings):
    """The rows with what changed, and the totals over them."""
    totals = Totals(Settings(**{"now": NOW, "renew_before": 30, **settings}))
    return list(counted(rows, totals, before)), totals


def text_of(name, *rows, before=None, **settings):
    """A whole file of a report."""
    rows, totals = a_report(*rows, before=before, **settings)
    return "".join(render(FORMATS[name], totals, rows))
