# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every answer has in common: the two error shapes, and the headers (facts sections 4.6 and 13)."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime

from werkzeug.wrappers import Response

from .errors import PlatformError, SignInError, VaultError

SERVER_INFO = json.dumps(
    {"ServerInfo": {"DataCenter": "Emulator", "Slice": "E", "Ring": "1", "ScaleUnit": "000", "RoleInstance": "EM0001"}},
    separators=(",", ":"),
)
# 4.3 P: what the login service sets besides its answer; clients of ours keep none.
COOKIES = ("fpc=emulator", "x-ms-gateway-slice=estsfd", "stsservicecookie=estsfd")
# 14 V, recorded answers of Key Vault.
VAULT_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000;includeSubDomains",
    "Expires": "-1",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=192.0.2.1;act_addr_fam=InterNetwork;",
    "x-ms-keyvault-region": "westus",
    "x-ms-keyvault-service-version": "1.9.378.1",
}


def refusal(call, error):
    """An error as the service in question words it."""
    now = call.tenant.clock.now()
    if isinstance(error, SignInError):
        body = _sign_in_error(call, error, now)
        response = call.json(body, error.status)
    elif isinstance(error, PlatformError):
        response = call.json(error.body, error.status)
    elif isinstance(error, VaultError):
        inner = {"innererror": {"code": error.inner}} if error.inner else {}
        response = call.json({"error": {"code": error.code, "message": error.message, **inner}}, error.status)
    else:
        body = _graph_error(call, error, now)
        response = Response(json.dumps(body), error.status, content_type="application/json")
        call.location = None
    response.headers.extend(error.headers)
    return response


def _graph_error(call, error, now):
    """13 V."""
    inner = {"date": f"{now:%Y-%m-%dT%H:%M:%S}", "request-id": call.request_id}
    body = {
        "code": error.code,
        "message": error.message,
        "innerError": {**inner, "client-request-id": call.correlation_id},
    }
    if error.details:
        body["details"] = error.details
    return {"error": body}


def with_headers(call, response):
    """13 V: on every reply."""
    headers = response.headers
    told = call.tenant.clock.now() + timedelta(seconds=call.date_offset)
    headers["Date"] = format_datetime(told.replace(microsecond=0), usegmt=True)
    headers["Strict-Transport-Security"] = "max-age=31536000"
    headers["Cache-Control"] = "no-cache"
    if call.is_sign_in:
        headers["x-ms-request-id"] = call.request_id
        headers["Cache-Control"] = "no-store, no-cache"
        for cookie in COOKIES:
            headers.add("Set-Cookie", f"{cookie}; path=/; secure; samesite=none; httponly")
        return response
    if call.is_vault:
        headers["x-ms-request-id"] = call.request_id
        headers.update(VAULT_HEADERS)
        headers.update(call.extra_headers)
        return response
    headers["request-id"] = call.request_id
    headers["client-request-id"] = call.correlation_id
    headers["x-ms-ags-diagnostic"] = SERVER_INFO
    if response.status_code != 403:  # recorded denied
        headers["x-ms-resource-unit"] = str(max(1, call.units))
    headers.update(call.extra_headers)
    return _with_headers_of_a_body(call, response)


def _with_headers_of_a_body(call, response):
    """13 V, recorded: neither Vary nor OData-Version on 204, no OData-Version on errors, Location after some POSTs."""
    if response.status_code != 204:
        response.headers["Vary"] = "Accept-Encoding"
    if response.status_code in (200, 201):
        response.headers["OData-Version"] = "4.0"
    if call.location:
        response.headers["Location"] = call.location
    return response


def _sign_in_error(call, error, now):
    """4.6 V."""
    stamp = f"{now:%Y-%m-%d %H:%M:%S}Z"
    gap = "\r\n" if call.tenant.switches.old_separators else " "
    parts = (
        f"AADSTS{error.code}: {error.text}",
        f"Trace ID: {call.request_id}",
        f"Correlation ID: {call.correlation_id}",
        f"Timestamp: {stamp}",
    )
    return {
        "error": error.error,
        "error_description": gap.join(parts),
        "error_codes": [error.code],
        "timestamp": stamp,
        "trace_id": call.request_id,
        "correlation_id": call.correlation_id,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.code}",
    }
