# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time as text. Pure: everything inside is an aware datetime in UTC."""

from __future__ import annotations

import datetime as dt
import email.utils
import re

UTC = dt.timezone.utc
# Of a text that may hold anything.
_LONGEST_QUOTE = 60
# Those of a clock: nothing that is added to its time leaves the calendar.
_YEARS = range(1970, 9000)

# Seven-digit fractions occur in Graph's answers; Python before 3.11 reads three or six digits only.
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)


def parse_iso(text: str) -> dt.datetime:
    """An ISO 8601 time as an aware datetime in UTC; without a zone it counts as UTC. Raises ValueError."""
    match = _ISO.fullmatch(text.strip())
    shown = text[:_LONGEST_QUOTE]
    if not match:
        raise ValueError(f"'{shown}' is not an ISO 8601 time such as 2026-11-22T10:00:00Z")
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    micro = (fraction or ".0")[1:7].ljust(6, "0")
    try:
        return dt.datetime.fromisoformat(f"{day}T{clock}.{micro}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{shown}' is not a time such as 2026-11-22T10:00:00Z: {error}") from error


def parse_iso_or_none(text: object) -> dt.datetime | None:
    """The time in `text`, or None when it is absent or unreadable: foreign entries may hold anything."""
    try:
        return parse_iso(text) if isinstance(text, str) else None
    except ValueError:
        return None


def parse_http_date(text: str | None) -> dt.datetime | None:
    """The time of a `Date` header, or None when it is absent or unreadable."""
    try:
        moment = email.utils.parsedate_to_datetime(text) if text else None
        found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC) if moment else None
        return found if found and found.year in _YEARS else None
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def format_iso(moment: dt.datetime | None) -> str | None:
    """ISO 8601 in UTC with whole seconds, as Graph and our results write it."""
    return f"{whole_seconds(moment).replace(tzinfo=None).isoformat()}Z" if moment else None


def whole_seconds(moment: dt.datetime) -> dt.datetime:
    """X.509 and Graph times have whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def format_days(span: dt.timedelta) -> str:
    """A span in days for people: 30, 0.5."""
    return f"{span.total_seconds() / 86400:g}"
