# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Graph: paging, throttling, retries of reads, and Graph's errors as ours. Writes are sent once."""

from __future__ import annotations

import json
import typing as t

from .._core.diagnosis import explain, explain_graph
from .._core.errors import GraphRefused, UntrustedAnswer
from .._core.quota import EVERYTHING_ELSE, KEY_READS, Quota
from .clock import ServiceClock, Timing
from .clouds import Cloud, host_of, same_host
from .patience import ITEMS, READS, TOKENS, Kind, Patience, Trouble, retry_after
from .tokens import AccessToken
from .transport import Request, Response, Transport

# Pages of 999 objects; some may come empty from a filter. No tenant holds this many.
MOST_PAGES = 10_000

Json = dict[str, t.Any]


class Turns(t.Protocol):
    """How processes that share the service's quotas keep out of each other's way."""

    def await_turn(self, quota: Quota) -> None: ...

    def refused(self, quota: Quota, seconds: float) -> None: ...


class GraphClient:
    """Requests to Graph with one identity. Keeps its access token for as long as the client lives."""

    def __init__(
        self,
        transport: Transport,
        clock: ServiceClock,
        timing: Timing,
        cloud: Cloud,
        sign_in: t.Callable[[], AccessToken],
        patience: Patience | None = None,
        *,
        priority: t.Literal["Low"] | None = None,
        turns: Turns | None = None,
        drop_token: t.Callable[[AccessToken], None] = lambda token: None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self.patience = patience or Patience(timing)
        self._cloud = cloud
        self._sign_in = sign_in
        self._token: AccessToken | None = None
        # Which requests the service refuses first where limits are near; None leaves that to the service.
        self.priority = priority
        # Shared with other processes: whose turn it is to read, and a token that one of them got.
        self.turns = turns
        self.drop_token = drop_token

    @property
    def tried(self) -> dict[str, int]:
        """Attempts of what is under way; carried over by a caller whose waits end the call."""
        return self.patience.tried

    @tried.setter
    def tried(self, counts: dict[str, int]) -> None:
        self.patience.tried = counts

    @property
    def is_signed_in(self) -> bool:
        return self._token is not None

    @property
    def token(self) -> AccessToken:
        """Signs in on first use; passing trouble is waited out. Raises SignInRefused or NetworkFailure."""
        if self._token is None:
            self._token = self.patience.repeat(TOKENS, self._sign_in)
        return self._token

    def get(self, path: str, new_connection: bool = False, headers: t.Mapping[str, str] | None = None) -> Json:
        """Read one object. Passing trouble is waited for and tried again. Raises GraphRefused, NetworkFailure."""
        answer = self._read(self._url(path), new_connection, headers)
        return self._object(answer, path)

    def pages(self, path: str) -> t.Iterator[list[Json]]:
        """The pages of a list, one at a time. Raises UntrustedAnswer when a page's successor lies elsewhere."""
        url: str | None = self._url(path)
        seen: set[str] = set()
        while url:
            if url in seen:
                raise self._untrusted("Graph names a page a second time while listing; it would never end.")
            if len(seen) >= MOST_PAGES:
                raise self._untrusted(f"Graph names more than {MOST_PAGES} pages of one list; the listing was ended.")
            seen.add(url)
            body = self._object(self._read(url, False, None), path)
            items = body.get("value")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self._untrusted("Graph answered a list without a list of objects in 'value'.")
            yield items
            url = self._next_link(body)

    def write(self, method: str, path: str, body: Json) -> Json:
        """Send a write once. Raises GraphRefused (see `may_have_applied`) or NetworkFailure (effect unknown)."""
        answer = self._ask(method, self._url(path), json.dumps(body).encode())
        self._raise_for_error(answer)
        return answer.json_object() or {}

    def delete(self, path: str) -> None:
        """Send a removal once; it has no body. Raises like `write`."""
        self._raise_for_error(self._ask("DELETE", self._url(path)))

    def batch(self, paths: t.Sequence[str]) -> list[tuple[int, Json]]:
        """Several reads in one round trip: status and body of each, in the order asked.

        Each is throttled by itself, and then asked again alone. One with trouble that stays has the status of that.
        """
        requests = [{"id": str(index), "method": "GET", "url": path} for index, path in enumerate(paths)]
        url, content = self._url("/$batch"), json.dumps({"requests": requests}).encode()
        answer = self._retrying(EVERYTHING_ELSE, lambda: self._ask("POST", url, content))
        self._raise_for_error(answer)
        replies = self._object(answer, "/$batch").get("responses")
        by_id = (
            {str(item.get("id")): item for item in replies if isinstance(item, dict)}
            if isinstance(replies, list)
            else {}
        )
        return [self._batch_item(path, by_id.get(str(index))) for index, path in enumerate(paths)]

    def glance(self, path: str) -> Json:
        """Read one object, asked once: what is only good to know is worth no wait. Raises as `get` does."""
        answer = self._ask("GET", self._url(path))
        self._raise_for_error(answer)
        return self._object(answer, path)

    def probe(self, path: str) -> tuple[int, GraphRefused | None]:
        """Read a relative path for its status alone: health probes decide themselves what is good."""
        answer = self._retrying(EVERYTHING_ELSE, lambda: self._ask("GET", self._url(path)))
        try:
            self._raise_for_error(answer)
        except GraphRefused as refusal:
            return answer.status, refusal
        return answer.status, None

    def _batch_item(self, path: str, item: Json | None) -> tuple[int, Json]:
        status, body = (item or {}).get("status"), (item or {}).get("body")
        if not isinstance(status, int):
            return 0, {}
        if is_passing(status):
            return self._item_again(path, _as_response(status, item or {}))
        return status, (body if isinstance(body, dict) else {})

    def _item_again(self, path: str, first: Response) -> tuple[int, Json]:
        """One of a batch that was put off, alone: after its own Retry-After, and as patiently as any other read."""
        waiting = [first]
        answer = self._retrying(
            EVERYTHING_ELSE, lambda: waiting.pop() if waiting else self._ask("GET", self._url(path)), ITEMS
        )
        return answer.status, answer.json_object() or {}

    def _url(self, path: str) -> str:
        return f"{self._cloud.graph_url}/v1.0{path}"

    def _next_link(self, body: Json) -> str | None:
        link = body.get("@odata.nextLink")
        if link is None:
            return None
        if not isinstance(link, str) or not same_host(link, self._cloud.graph_url):
            raise self._untrusted("Graph's next page lies on another host: the token was not sent there.")
        return link

    def _read(self, url: str, new_connection: bool, headers: t.Mapping[str, str] | None) -> Response:
        def ask() -> Response:
            return self._ask("GET", url, None, new_connection, headers)

        quota = KEY_READS if "keyCredentials" in url else EVERYTHING_ELSE
        answer = self._retrying(quota, ask)
        if answer.status == 401 and self._token and self._token.source != "access_token":
            self._token = None  # seen for fresh tokens too; one new sign-in settles whether it was the token
            answer = self._retrying(quota, ask)
        self._raise_for_error(answer)
        return answer

    def _retrying(self, quota: Quota, send: t.Callable[[], Response], kind: Kind = READS) -> Response:
        """Reads only: passing trouble is waited out, as long as the service asks for."""

        def in_turn() -> Response:
            if self.turns:
                self.turns.await_turn(quota)
            return send()

        def refused(trouble: Trouble, pause: float) -> bool:
            if self.turns is None or trouble.status != 429:
                return False
            self.turns.refused(quota, pause)
            return True

        _token = self.token  # a sign-in has a patience of its own
        return self.patience.repeat(kind, in_turn, take_over=refused)

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        new_connection: bool = False,
        headers: t.Mapping[str, str] | None = None,
    ) -> Response:
        """Send once; once more where the token of another task was refused, as nothing was done then."""
        answer = self._send(method, url, body, new_connection, headers)
        if answer.status in (401, 403) and self._token and self._token.is_reused:
            # It has the permissions of the time when it was issued.
            self.drop_token(self._token)
            self._token = None
            answer = self._send(method, url, body, new_connection, headers)
        return answer

    def _send(
        self, method: str, url: str, body: bytes | None, new_connection: bool, headers: t.Mapping[str, str] | None
    ) -> Response:
        named = {"Accept": "application/json", "Authorization": f"Bearer {self.token.value}", **(headers or {})}
        if self.priority:
            named["x-ms-throttle-priority"] = self.priority
        if body is not None:
            named["Content-Type"] = "application/json"
        answer = self._transport.send(Request(method, url, named, body, new_connection))
        self._clock.observe(answer.headers.get("date"))
        return answer

    def _raise_for_error(self, answer: Response) -> None:
        if 200 <= answer.status < 300:
            return
        found = (answer.json_object() or {}).get("error")
        error: Json = found if isinstance(found, dict) else {}
        diagnosis = explain_graph(answer.status, error, host_of(self._cloud.graph_url), answer.headers)
        code = str(diagnosis.evidence["error"] or "")
        raise GraphRefused(
            f"Graph answered {answer.status} {code}. {diagnosis.sentence}",
            diagnosis,
            answer.status,
            code,
            retry_after(answer),
        )

    def _object(self, answer: Response, path: str) -> Json:
        body = answer.json_object()
        if body is None:
            raise self._untrusted(
                f"The answer to {path.split('?')[0]} is not a JSON object; a proxy may have answered."
            )
        return body

    def _untrusted(self, message: str) -> UntrustedAnswer:
        return UntrustedAnswer(message, explain("unknown", host_of(self._cloud.graph_url), {"message": message}))


def is_passing(status: int) -> bool:
    """Whether a status says nothing about what was asked for: too many requests, or trouble of the service."""
    return status == 429 or status >= 500


def _as_response(status: int, item: Json) -> Response:
    """One answer of a batch as if it had come alone."""
    named = item.get("headers")
    headers = {str(name).lower(): str(text) for name, text in named.items()} if isinstance(named, dict) else {}
    return Response(status, headers, json.dumps(item.get("body")).encode())
