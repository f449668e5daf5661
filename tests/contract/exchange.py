# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request and its answer as plain data, from a record file or from a running test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Exchange:
    """What was sent and what came back; JSON bodies are parsed."""

    method: str
    url: str
    request_body: object
    status: int
    headers: dict
    body: object

    @property
    def path(self):
        return unquote(urlsplit(self.url).path)

    @property
    def query(self):
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def is_graph(self):
        return self.path.startswith("/v1.0/")

    @property
    def is_json(self):
        return self.header("Content-Type").startswith("application/json")

    @property
    def is_deliberate_nonsense(self):
        """A fault of kind html: a proxy's page, which no contract describes."""
        return self.header("Content-Type").startswith("text/html")

    def header(self, name):
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


def of_record(line):
    """An exchange from a line of a record file."""
    names = ("method", "url", "request_body", "status", "headers", "body")
    return Exchange(**{name: line[name] for name in names})


def of_observation(seen):
    """An exchange as the in-process adapter shows it."""
    headers = dict(seen.headers)
    sent = _header(seen.request_headers, "Content-Type")
    return Exchange(
        method=seen.method,
        url=seen.url,
        request_body=_parsed(sent, seen.request_body),
        status=seen.status,
        headers=headers,
        body=_parsed(_header(headers, "Content-Type"), seen.body),
    )


def _header(headers, name):
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def _parsed(content_type, body):
    text = body.decode() if isinstance(body, bytes) else body
    if not text:
        return None
    return json.loads(text) if content_type.startswith("application/json") else text
