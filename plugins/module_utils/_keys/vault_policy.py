# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies with which a vault makes and imports certificates. Pure.

Source: "About Azure Key Vault certificates": a policy is needed to create a certificate, validity is in whole months.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import typing as t

from .._core.errors import InvalidInput

Policy = dict[str, t.Any]
# A vault renews by itself only where a policy says so. We renew, and two that renew one certificate are one too many.
NO_AUTO_RENEWAL = [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}]
PEM = "application/x-pem-file"
PFX = "application/x-pkcs12"
CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2"


def creation(*, subject: str, key_size: int, months: int | None, exportable: bool, reuses_key: bool = False) -> Policy:
    """Signed by itself and valid for so many months; without months, to be signed by an authority.

    With `reuses_key` for the key of the latest version.
    """
    properties: Policy = {"subject": subject, "ekus": [CLIENT_AUTHENTICATION], "key_usage": ["digitalSignature"]}
    if months is not None:
        properties["validity_months"] = months
    return {
        "issuer": {"name": "Unknown" if months is None else "Self"},
        "key_props": _key_properties(key_size, exportable, reuses_key),
        "secret_props": {"contentType": PFX},
        "x509_props": properties,
        "lifetime_actions": NO_AUTO_RENEWAL,
    }


def importing(key_size: int, exportable: bool) -> Policy:
    """What a vault cannot read from the certificate itself."""
    return {
        "issuer": {"name": "Unknown"},
        "key_props": _key_properties(key_size, exportable),
        "secret_props": {"contentType": PEM},
    }


def _key_properties(key_size: int, exportable: bool, reuses_key: bool = False) -> Policy:
    return {"kty": "RSA", "key_size": key_size, "exportable": exportable, "reuse_key": reuses_key}


def whole_months(start: dt.datetime, end: dt.datetime) -> int:
    """The months that fit: a limit of the tenant's policy must not be exceeded. Raises InvalidInput for none."""
    months = _months_within(start, end)
    if months < 1:
        raise InvalidInput(["Key Vault makes certificates of whole months: validity must be at least 31 days."])
    return months


@functools.cache
def shortest_life(validity: dt.timedelta) -> dt.timedelta:
    """What the months that fit come to at least, whatever day they start on: two of 60 days, or one of 30."""
    # Every day of four years, the longest and the shortest months among them.
    starts = (dt.datetime(2024, 1, 1) + dt.timedelta(days=day) for day in range(1461))
    return min(_months_after(start, _months_within(start, start + validity)) - start for start in starts)


def _months_within(start: dt.datetime, end: dt.datetime) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - 1 if (end.day, end.time()) < (start.day, start.time()) else months


def _months_after(start: dt.datetime, months: int) -> dt.datetime:
    years, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))
