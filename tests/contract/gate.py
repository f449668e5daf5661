# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate: one exchange in, a list of problems out."""

from __future__ import annotations

import json
import re

from . import login, metadata, rest
from .exchange import Exchange, of_observation

# Not Graph's and not the login service's: the emulator's own, and key vaults, whose clients judge them.
OUTSIDE = ("/_control", "/certificates/", "/keys/", "/deletedcertificates/")
GRAPH_HEADERS = ("request-id", "client-request-id", "Date")

# What differs from one exchange to the next and is right in the same way: an ID, a time, a key, a token. Only what has
# its form in full is put in the place of another; the rest stays, and is looked at.
ALIKE = (
    (re.compile(r"(?<![\w-])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-])"), "ID"),
    (
        re.compile(r"(?<!\d)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])([T ])(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?!\d)"),
        r"time\1",
    ),
    (re.compile(r'"(?=[^"]*\d)(?:[\w+/-]{4}){6,}(?:[\w+/-]{2}==|[\w+/-]{3}=)?"(?!:)'), '"key"'),
    (re.compile(r'"eyJ[\w-]+\.[\w-]+\.[\w-]*"'), '"token"'),
)
_right: set[int] = set()  # exchanges of this process that nothing is wrong with, as hashes of what `ALIKE` leaves


class ContractError(AssertionError):
    """An exchange that Microsoft's contract does not allow."""


class Contract:
    """Checks exchanges and counts them; `requests` False is for tests that send nonsense on purpose."""

    def __init__(self, requests=True):
        self.requests = requests
        self.validated = 0

    def observe(self, seen):
        """An observer for tests/adapter: raises on the first exchange that breaks the contract."""
        found = self.problems(of_observation(seen))
        if found:
            raise ContractError(f"{seen.method} {seen.url} ({seen.status}): " + "; ".join(found))

    def problems(self, exchange):
        """Everything that is wrong with an exchange."""
        if exchange.path.startswith(OUTSIDE) or exchange.is_deliberate_nonsense:
            return []
        self.validated += 1
        if not exchange.is_graph:
            return login.problems(exchange)
        alike = hash(_without_differences(exchange, self.requests))
        if alike in _right:
            return []
        found = self._judged(exchange)
        if not found:
            _right.add(alike)
        return found

    def _judged(self, exchange):
        found = [] if rest.is_undescribed(exchange) else self._described(exchange)
        return found + metadata.problems(exchange) + _missing_headers(exchange) + self._parts(exchange)

    def _described(self, exchange):
        if not self.requests:
            return rest.answer_problems(exchange)
        return rest.request_problems(exchange) + metadata.request_problems(exchange) + rest.answer_problems(exchange)

    def _parts(self, exchange):
        """A batch's parts, each with its own address."""
        if not exchange.path.endswith("/$batch") or exchange.status != 200:
            return []
        asked = {part["id"]: part for part in exchange.request_body["requests"]}
        return [
            f"part {answer['id']}: {problem}"
            for answer in exchange.body["responses"]
            for problem in self._part_problems(asked[answer["id"]], answer)
        ]

    def _part_problems(self, asked, answer):
        root = "https://graph.microsoft.com/v1.0/"
        part = Exchange(
            asked["method"],
            root + re.sub("^/", "", asked["url"]),
            asked.get("body"),
            answer["status"],
            {"Content-Type": "application/json", **answer["headers"]},
            answer.get("body"),
        )
        found = [] if rest.is_undescribed(part) else self._described(part)
        return found + metadata.problems(part)


def _without_differences(exchange, requests):
    """An exchange as text, the same for all that any rule has the same to say of."""
    headers = {name.lower(): bool(value) for name, value in exchange.headers.items()}
    sent = (exchange.method, exchange.url, exchange.request_body)
    answered = (exchange.status, exchange.header("Content-Type"), headers, exchange.body)
    text = json.dumps((requests, sent, answered))
    for form, instead in ALIKE:
        text = form.sub(instead, text)
    return text


def _missing_headers(exchange):
    """Facts section 13: on every reply."""
    return [f"answer: header {name} is missing" for name in GRAPH_HEADERS if not exchange.header(name)]
