# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one seam of the network: a request goes in, a response comes out, or `NetworkFailure` is raised."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    `new_connection` asks for a connection that no earlier request has used, `direct` for one without a proxy.
    """

    method: str
    url: str
    headers: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    new_connection: bool = False
    direct: bool = False


@dataclass(frozen=True)
class Response:
    """What came back. Header names are lower case."""

    status: int
    headers: t.Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def json_object(self) -> dict[str, t.Any] | None:
        """The body as a JSON object, or None when it is anything else, such as a proxy's HTML page."""
        try:
            value = json.loads(self.body, object_pairs_hook=_only_once, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


def _only_once(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    """Of two values with one name either may be meant: an empty list of credentials must not win by standing last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(f"{constant} is not JSON, and would not be accepted when it is sent back")


class Transport(t.Protocol):
    """Sends one request. It follows no redirect and repeats nothing. Raises NetworkFailure when no answer came."""

    def send(self, request: Request) -> Response: ...
