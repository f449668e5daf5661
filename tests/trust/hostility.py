# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hostile peer may answer: each an honest answer, bent."""

from __future__ import annotations

import copy
import json

import scale
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response

NAN, INFINITY = float("nan"), float("inf")
PAGE = b"<html><body><h1>Sign in to the proxy</h1></body></html>"
DEEP_LIST, DEEP_OBJECT = b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000
# Valid JSON, deeper than anything that walks it step by step can follow.
QUITE_DEEP = json.loads("[" * 900 + "]" * 900)

# In place of any value of a JSON answer.
ODD_VALUES = {
    "null": None,
    "true": True,
    "a number": 7,
    "a negative number": -1,
    "a huge number": 10**400,
    "not a number": NAN,
    "infinity": INFINITY,
    "nothing": "",
    "a word": "surprise",
    "half a character": "\ud800",
    "no ASCII": "日本\r\nX-Injected: 1\x00",
    "digits": "AADSTS" + "1" * 5000,
    "blanks": " " * 200_000,
    "a list": [],
    "a list of everything": [None, 7, "x", [], {}],
    "an object": {},
    "an object in an object": {"": {"id": [1]}},
    "nested": QUITE_DEEP,
    "another host": "https://evil.example/v1.0/x",
    "the host, unencrypted": "http://graph.microsoft.com/v1.0/x",
    "the host as a user": "https://graph.microsoft.com@evil.example/x",
    "no host": "https://[evil",
    "a path": "../../users/evil?x=#",
}


def as_body(value):
    return json.dumps(value).encode()


def says(body, status=200, **headers):
    """The same answer to everything."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda honest, request: Response(status, {**honest.headers, **named}, body)


def bends(change, status=None, **headers):
    """The honest body, changed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda honest, request: Response(
        status or honest.status, {**honest.headers, **named}, change(honest.body or b"{}")
    )


def twice(body):
    """Each name a second time, with nothing: which of the two counts is anybody's guess."""
    names = [name for name in json.loads(body) if isinstance(json.loads(body), dict)]
    again = "".join(f", {json.dumps(name)}: []" for name in names)
    return body.rstrip()[:-1] + again.encode() + b"}" if names else b'{"id": 1, "id": 2}'


def echoes(honest, request):
    """Everything it was sent, as an error in the words of either service."""
    said = f"{request.headers.get('Authorization')} {(request.body or b'').decode()}"
    error = {"error": {"code": said, "message": said}, "error_description": said, "error_codes": [7]}
    return Response(400, honest.headers, as_body(error))


def _redirects():
    for status in scale.either((302, 307), (300, 301, 302, 303, 305, 307, 308)):
        yield f"{status} to another host", bends(lambda body: body, status, location="https://evil.example/x")
        yield f"{status} unencrypted", bends(lambda body: body, status, location="http://graph.microsoft.com/x")


ANSWERS = {
    **dict(_redirects()),
    **{f"a proxy's page, {status}": says(PAGE, status) for status in (200, 403, 407, 502)},
    "nothing": says(b""),
    "nothing, 204": says(b"", 204),
    "an unknown status": says(PAGE, 299),
    "a status beyond all": says(PAGE, 999),
    "cut off in the middle": bends(lambda body: body[: len(body) // 2]),
    "cut off at the end": bends(lambda body: body.rstrip()[:-1]),
    "something behind the end": bends(lambda body: body + b"{}"),
    "null": says(b"null"),
    "a list": says(b"[1, 2]"),
    "a word": says(b'"surprise"'),
    "a number": says(b"7"),
    "a number of 5,000 digits": says(b"7" * 5000),
    "not a number": says(b"NaN"),
    "an empty object": says(b"{}"),
    "100,000 lists deep": says(DEEP_LIST),
    "100,000 objects deep": says(DEEP_OBJECT),
    "100,000 lists deep, as an error": says(b'{"error": %s}' % DEEP_LIST, 400),
    "quite deep, as an error": says(as_body({"error": {"code": QUITE_DEEP, "message": QUITE_DEEP}}), 400),
    "quite deep, as a refusal": says(as_body({"error": QUITE_DEEP, "error_description": QUITE_DEEP}), 400),
    "a megabyte of error": says(as_body({"error": {"code": "x" * 1_000_000, "message": "y" * 1_000_000}}), 400),
    "a megabyte of refusal": says(
        as_body(dict.fromkeys(("error", "error_description", "correlation_id", "trace_id"), "x" * 1000000)), 400
    ),
    "blanks without end": says(as_body({"error_description": " " * 200_000, "error": {"message": " " * 200_000}}), 400),
    "UTF-16": bends(lambda body: body.decode().encode("utf-16")),
    "a byte order mark": bends(lambda body: b"\xef\xbb\xbf" + body),
    "Latin-1": says('{"id": "é"}'.encode("latin-1")),
    "no text": says(bytes(range(128, 256))),
    "every name twice": bends(twice),
    "a date at the end of time": bends(lambda body: body, date="Fri, 31 Dec 9999 23:59:59 GMT"),
    "a date at the beginning of time": bends(lambda body: body, date="Mon, 01 Jan 0999 00:00:00 GMT"),
    "no date": bends(lambda body: body, date="yesterday\x00"),
    "throttled for ever": says(b"{}", 429, retry_after="1" * 400),
    "throttled for less than nothing": says(b"{}", 429, retry_after="-1e9"),
    "what it was sent": echoes,
}


def places(value, place=()):
    """The place of every value in a JSON value, itself included; not of what is nested beyond any honest answer."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items if len(place) < 20 else ():
        yield from places(part, (*place, name))


def replaced(value, place, other):
    """The same JSON value with another value at one place."""
    if not place:
        return other
    name, *deeper = place
    changed = copy.copy(value)
    changed[name] = replaced(value[name], deeper, other)
    return changed
