# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests and answers against Microsoft's OpenAPI file, by openapi-core."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import yaml
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.testing import MockRequest, MockResponse

from . import deviations

DOCUMENT = Path(__file__).parent / "data" / "graph-v1.0-applications.openapi.yml"


@cache
def document():
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return deviations.apply_to(yaml.load(DOCUMENT.read_text(encoding="utf-8"), Loader=loader))


@cache
def _openapi():
    return OpenAPI.from_dict(document())


def is_undescribed(exchange):
    """Whether the excerpt leaves this address out."""
    return any(
        method == exchange.method and re.fullmatch(pattern, _relative(exchange))
        for method, pattern, _reason in deviations.UNDESCRIBED
    )


def request_problems(exchange):
    """What Microsoft's contract has against a request."""
    request = _request(exchange)
    try:
        _openapi().validate_request(request)
    except OpenAPIError as error:
        return [f"request: {_reason(error)}"]
    return [f"request: {name} is no option of this address" for name in _unknown_options(exchange)]


def answer_problems(exchange):
    """What Microsoft's contract has against an answer."""
    has_body = exchange.body is not None
    response = MockResponse(
        data=json.dumps(exchange.body).encode() if has_body else b"",
        status_code=exchange.status,
        content_type="application/json" if exchange.is_json else exchange.header("Content-Type") or "text/plain",
    )
    try:
        _openapi().validate_response(_request(exchange), response)
    except PathError as error:
        return [] if exchange.status >= 400 else [f"answer: {_reason(error)}"]
    except OpenAPIError as error:
        return [f"answer: {_reason(error)}"]
    return []


def _relative(exchange):
    return exchange.path.removeprefix("/v1.0")


def _request(exchange):
    query = {name: value for name, value in exchange.query.items() if name not in deviations.OPTIONS_OF_LINKS}
    body = exchange.request_body
    return MockRequest(
        "https://graph.microsoft.com",
        exchange.method.lower(),
        exchange.path,
        args=query,
        data=json.dumps(body).encode() if body is not None else b"",
        content_type="application/json",
    )


def _unknown_options(exchange):
    declared = _declared_options(exchange.method.lower(), _relative(exchange)) | deviations.OPTIONS_OF_LINKS
    return [name for name in exchange.query if name.startswith("$") and name not in declared]


def _declared_options(method, relative):
    """The query options that the contract names for an address."""
    for template, operations in document()["paths"].items():
        pattern = re.sub(r"\\\{[^{}]+\\\}", "[^/]+", re.escape(template))
        if method in operations and re.fullmatch(pattern, relative):
            return {_resolved(parameter)["name"] for parameter in operations[method].get("parameters", ())}
    return set()


def _resolved(parameter):
    name = parameter.get("$ref", "").rsplit("/", 1)[-1]
    return document()["components"]["parameters"][name] if name else parameter


def _reason(error):
    """The library's own words, with the schema errors that it keeps one level down."""
    cause = error.__cause__
    details = [f"{list(one.absolute_path)}: {one.message}" for one in getattr(cause, "schema_errors", ())]
    return "; ".join(details) or f"{type(error).__name__}: {error}"
