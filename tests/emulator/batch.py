# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""$batch: up to 20 requests in one, each answered and throttled by itself (facts section 7.2)."""

from __future__ import annotations

import json

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from .errors import GraphError, bad_request

LARGEST = 20


def refuse_a_malformed_batch(items):
    """7.2 V: a list of at most 20, each with its own id, method and relative url."""
    if not isinstance(items, list) or not items:
        raise bad_request("Invalid batch payload format.")
    if len(items) > LARGEST:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {LARGEST}.")
    names = [item.get("id") for item in items if isinstance(item, dict)]
    if len(names) != len(items) or None in names or len(set(names)) != len(names):
        raise bad_request("Every request in a batch needs an id of its own.")
    if any(not isinstance(item.get(name), str) for item in items for name in ("method", "url")):
        raise bad_request("Every request in a batch needs a method and a url.")


def refuse_a_body_without_content_type(item):
    """7.2 V."""
    if "body" in item and not any(name.lower() == "content-type" for name in item.get("headers") or {}):
        raise bad_request(f"Request {item['id']} has a body and no Content-Type header.")


def refuse_an_unknown_dependency(items):
    """7.2 V: dependsOn names a request of the same batch."""
    names = {item["id"] for item in items}
    for item in items:
        if not names.issuperset(item.get("dependsOn") or ()):
            raise bad_request(f"Request {item['id']} depends on a request that is not in the batch.")


def run(call):
    items = call.body.get("requests")
    refuse_a_malformed_batch(items)
    refuse_an_unknown_dependency(items)
    for item in items:
        refuse_a_body_without_content_type(item)
    done = {}
    for item in items:
        done[item["id"]] = _answer(call, item, done)
    return call.json({"responses": list(done.values())})


def _answer(call, item, done):
    failed = [name for name in item.get("dependsOn") or () if name not in done or done[name]["status"] >= 400]
    if failed:
        error = {"code": "FailedDependency", "message": "The request was skipped because a dependency failed."}
        return {"id": item["id"], "status": 424, "headers": {}, "body": {"error": error}}
    response = call.emulator.serve_part(call, _request(call, item))
    answer = {"id": item["id"], "status": response.status_code, "headers": _headers(response)}
    if response.get_data():
        is_json = response.mimetype == "application/json"
        answer["body"] = json.loads(response.get_data()) if is_json else response.get_data(as_text=True)
    return answer


def _request(call, item):
    """The inner request, with the outer one's token."""
    headers = dict(item.get("headers") or {})
    headers["Authorization"] = call.headers.get("Authorization", "")
    body = json.dumps(item["body"]) if "body" in item else None
    path, _mark, query = item["url"].lstrip("/").partition("?")
    if "$batch" in path:
        raise GraphError(400, "BadRequest", "A batch in a batch is not allowed.")
    builder = EnvironBuilder(
        path=f"/v1.0/{path}",
        base_url=f"https://{call.host}/",
        query_string=query,
        method=item["method"],
        headers=headers,
        data=body,
    )
    return Request(builder.get_environ())


def _headers(response):
    names = ("Content-Type", "Retry-After", "x-ms-resource-unit", "Cache-Control")
    return {name: response.headers[name] for name in names if name in response.headers}
