# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every answer has in common: the two error shapes, and the headers (facts sections 4.6 and 13)."""

from __future__ import annotations

import json
from email.utils import format_datetime

from werkzeug.wrappers import Response

from .errors import PlatformError, SignInError, VaultError


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
    headers["Date"] = format_datetime(call.tenant.clock.now().replace(microsecond=0), usegmt=True)
    headers["Strict-Transport-Security"] = "max-age=31536000"
    if call.is_sign_in:
        headers["x-ms-request-id"] = call.request_id
        headers["Cache-Control"] = "no-store, no-cache"
        return response
    if call.is_vault:
        headers["x-ms-request-id"] = call.request_id
        headers["x-ms-keyvault-region"] = "westeurope"
        headers["Cache-Control"] = "no-cache"
        return response
    headers["request-id"] = call.request_id
    headers["client-request-id"] = call.correlation_id
    headers["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"1","ScaleUnit":"000"}}'
    headers["x-ms-resource-unit"] = str(max(1, call.units))
    headers["OData-Version"] = "4.0"
    headers["Cache-Control"] = "no-cache"
    headers.update(call.extra_headers)
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
