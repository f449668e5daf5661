# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was asked and answered, without a token, secret, assertion or proof."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

SECRET_FIELDS = (
    "client_secret",
    "client_assertion",
    "access_token",
    "device_code",
    "id_token",
    "oidcToken",
    "proof",
    "secretText",
)
REDACTED = "(redacted)"


class Log:
    """One line for each request, in memory and, where asked for, in a file."""

    def __init__(self, path=None, record=None):
        self.lines = []
        self._file = _open(path)
        self._record = _open(record)

    def note(self, call, status, seconds):
        """A line about one request; status is a number, or a word where no answer went out."""
        line = {
            "time": call.tenant.clock.now().isoformat(),
            "operation": call.operation,
            "method": call.method,
            "path": call.request.path,
            "query": call.query,
            "status": status,
            "app_id": call.app_id,
            "resource_units": call.units,
            "latency": round(seconds, 6),
            "request_id": call.request_id,
        }
        self.lines.append(line)
        _write(self._file, line)

    def record(self, call, response):
        """The whole exchange, for the contract gate."""
        if self._record:
            _write(self._record, exchange_of(call.request, response))

    def counters(self, since=0):
        """Requests by operation and by status, and what they cost, since a mark, which is a number of lines."""
        lines = self.lines[since:]
        return {
            "operations": Counter(line["operation"] for line in lines),
            "statuses": Counter(str(line["status"]) for line in lines),
            "resource_units": sum(line["resource_units"] or 0 for line in lines),
            "total": len(lines),
        }

    def close(self):
        for file in (self._file, self._record):
            if file:
                file.close()


def _open(path):
    return Path(path).open("a", encoding="utf-8") if path else None


def _write(file, value):
    if file:
        file.write(json.dumps(value) + "\n")
        file.flush()


def exchange_of(request, response):
    """A request and its answer as plain data, secrets redacted."""
    sent = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
    return {
        "method": request.method,
        "url": request.url,
        "request_headers": sent,
        "request_body": _body(request.mimetype, request.get_data(as_text=True), request.form),
        "status": response.status_code,
        "headers": dict(response.headers),
        "body": _body(response.mimetype, response.get_data(as_text=True)),
    }


def _body(mimetype, text, form=None):
    if form:
        return redacted(form.to_dict())
    if text and mimetype == "application/json":
        try:
            return redacted(json.loads(text))
        except ValueError:
            return text
    return text or None


def redacted(value):
    """The same data with every secret field's text replaced."""
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: REDACTED if name in SECRET_FIELDS and isinstance(item, str) else redacted(item)
        for name, item in value.items()
    }
