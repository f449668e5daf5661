# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the login service against what the facts page says of them (sections 4.3, 4.4, 4.6 and 9)."""

from __future__ import annotations

from jsonschema import Draft202012Validator

TEXT = {"type": "string", "minLength": 1}
ADDRESS = {"type": "string", "pattern": "^https://"}
TOKEN = {
    "type": "object",
    "required": ["token_type", "expires_in", "access_token"],
    "properties": {
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": ["integer", "string"]},
        "ext_expires_in": {"type": ["integer", "string"]},
        "access_token": TEXT,
    },
    "not": {"required": ["refresh_token"]},
}
DISCOVERY = {
    "type": "object",
    "required": ["token_endpoint", "authorization_endpoint", "issuer"],
    "properties": {"token_endpoint": ADDRESS, "authorization_endpoint": ADDRESS, "issuer": ADDRESS},
}
ERROR = {
    "type": "object",
    "required": ["error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"],
    "properties": {
        "error": TEXT,
        "error_description": {"type": "string", "pattern": r"^AADSTS\d+: (.|\n|\r)*Trace ID: (.|\n|\r)*Timestamp: "},
        "error_codes": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$"},
        "trace_id": TEXT,
        "correlation_id": TEXT,
        "error_uri": ADDRESS,
    },
}


DEVICE_CODE = {
    "type": "object",
    "required": ["device_code", "user_code", "verification_uri", "expires_in"],
    "properties": {
        "device_code": TEXT,
        "user_code": TEXT,
        "verification_uri": ADDRESS,
        "expires_in": {"type": "integer"},
        "interval": {"type": "integer"},
    },
}
DIGITS = {"type": "string", "pattern": "^[0-9]+$"}
MACHINE = {
    "type": "object",
    "required": ["access_token", "resource", "token_type"],
    "properties": {"access_token": TEXT, "expires_in": DIGITS, "expires_on": DIGITS},
}
# Services beside the login service, each with words of its own for a refusal.
BESIDE = {
    "/metadata/identity/": MACHINE,
    "/msi/": MACHINE,
    "/_platforms/github/": {"type": "object", "required": ["value"], "properties": {"value": TEXT}},
    "/_platforms/pipelines/": {"type": "object", "required": ["oidcToken"], "properties": {"oidcToken": TEXT}},
}


def problems(exchange):
    """What the facts page has against an answer of the login service."""
    schema = _schema_of(exchange)
    if schema is None:
        return []
    return [f"login: {error.message}" for error in Draft202012Validator(schema).iter_errors(exchange.body)]


def _schema_of(exchange):
    beside = next((schema for start, schema in BESIDE.items() if exchange.path.startswith(start)), None)
    if beside:
        return beside if exchange.status == 200 else None
    if exchange.status >= 400:
        return ERROR
    if exchange.path.endswith("/devicecode"):
        return DEVICE_CODE
    if exchange.path.endswith("/token"):
        return TOKEN
    return DISCOVERY if exchange.path.endswith("/openid-configuration") else None
