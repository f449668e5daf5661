# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every request that the modules send, against every hostile answer: nothing strays, nothing foreign is lost."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import dataclass

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import UntrustedAnswer
from ansible_collections.evercert.entra.plugins.module_utils._entra import graph
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.plugins.module_utils._steps import report
from hostility import ANSWERS, as_body
from judge import GRAPH, a_scene

pytestmark = pytest.mark.usefixtures("quick_disk")


@dataclass(frozen=True)
class Conversation:
    """One kind of request, and how a module comes to send it."""

    method: str
    part: str
    act: t.Callable
    as_itself: bool = False
    since: int = 0

    def asks(self, request):
        return request.method == self.method and self.part in request.url


def renews(**given):
    return lambda scene: scene.world.renew(**{**scene.options, **given})


def reads_by_name(scene):
    return scene.world.info(app_id=None, key_store=None, display_name="payroll")


def reads_the_tenant(scene):
    options = scene.world.options(app_id=None, key_store=None, needs_application=False)
    return list(report.inspect_all(scene.world.connect(options), scene.world.request(options).policy, None))


def probes(scene):
    asked = [{"url": "/organization", "status": 200}]
    return scene.world.verify(probes=asked, required_roles=["Application.Read.All"], sign_ins=1, initial_pause=0)


def removes(scene):
    key_id = next(key for key, one in scene.world.credentials.items() if key not in scene.foreign)
    return scene.world.certificate(key_id=key_id, state="absent")


BY_PATCH = {"add_method": "update", "overlap": 0}
CONVERSATIONS = {
    "discovery": Conversation("GET", "openid-configuration", renews()),
    "discovery, as itself": Conversation("GET", "openid-configuration", renews(), as_itself=True),
    "token for a secret": Conversation("POST", "/oauth2/v2.0/token", renews()),
    "token for a key": Conversation("POST", "/oauth2/v2.0/token", renews(), as_itself=True),
    "token for the new key": Conversation("POST", "/oauth2/v2.0/token", renews(), as_itself=True, since=1),
    "first read": Conversation("GET", "/applications", renews(**BY_PATCH)),
    "read before the write": Conversation("GET", "/applications", renews(**BY_PATCH), since=1),
    "read after the write": Conversation("GET", "/applications", renews(**BY_PATCH), since=2),
    "page of a list": Conversation("GET", "/applications?", reads_by_name),
    "page of the tenant": Conversation("GET", "/applications?", reads_the_tenant),
    "policies": Conversation("POST", "/$batch", renews()),
    "addKey": Conversation("POST", "/addKey", renews(), as_itself=True),
    "PATCH that adds": Conversation("PATCH", "/applications/", renews(**BY_PATCH)),
    "removeKey": Conversation("POST", "/removeKey", renews(overlap=0), as_itself=True),
    "PATCH that removes": Conversation("PATCH", "/applications/", renews(**BY_PATCH), since=1),
    "PATCH that removes by name": Conversation("PATCH", "/applications/", removes),
    "probe": Conversation("GET", "/organization", probes),
}
WRITES = ("addKey", "PATCH that adds", "removeKey", "PATCH that removes", "PATCH that removes by name")


MEETINGS = [(name, answer) for answer in ANSWERS for name in CONVERSATIONS]
CHOSEN = {
    *scale.part_of(MEETINGS, lambda pair: pair[0], check=0.2),
    *scale.part_of(reversed(MEETINGS), lambda pair: pair[1], check=0.2),
}


@pytest.mark.parametrize(("name", "answer"), [pair for pair in MEETINGS if pair in CHOSEN])
def test_no_hostile_answer_makes_a_token_stray_or_a_credential_vanish(name, answer, tmp_path):
    """Persistently: whoever asks again meets the same answer."""
    talk = CONVERSATIONS[name]
    for arrives in (True, False) if name in WRITES else (True,):
        scene = a_scene(tmp_path / str(arrives), talk.as_itself)
        scene.turn_hostile(talk.asks, ANSWERS[answer], arrives=arrives, since=talk.since)

        scene.outcome(talk.act)

        assert scene.bent, "the request was never sent"
    scale.note("hostile_peers", **{"requests met by hostile answers": 1})


LINKS = {
    "another host": "https://evil.example/v1.0/applications",
    "unencrypted": "http://graph.microsoft.com/v1.0/applications",
    "the host as a user": "https://graph.microsoft.com@evil.example/v1.0/applications",
    "a user on the host": "https://user:word@graph.microsoft.com/v1.0/applications",
    "another port": "https://graph.microsoft.com:8443/v1.0/applications",
    "a longer name": "https://graph.microsoft.com.evil.example/v1.0/applications",
    "a backslash": "https://evil.example\\@graph.microsoft.com/v1.0/applications",
    "no address": "https://[evil",
    "relative": "/v1.0/applications?$skiptoken=1",
    "without a scheme": "//graph.microsoft.com/v1.0/applications",
    "no text": [],
}


@pytest.mark.parametrize("reads", [reads_by_name, reads_the_tenant])
@pytest.mark.parametrize("link", LINKS)
def test_no_token_follows_a_next_page_elsewhere(link, reads, tmp_path):
    page = as_body({"value": [], "@odata.nextLink": LINKS[link]})
    scene = a_scene(tmp_path)
    scene.turn_hostile(CONVERSATIONS["page of a list"].asks, lambda honest, request: Response(200, {}, page))

    assert isinstance(scene.outcome(reads), UntrustedAnswer) and scene.bent == 1


@pytest.mark.parametrize("reads", [reads_by_name, reads_the_tenant])
def test_pages_that_name_each_other_end_the_listing(reads, tmp_path):
    """As soon as the first one is named a second time."""
    scene = a_scene(tmp_path)

    def page(honest, request):
        other = "b" if request.url.endswith("?a") else "a"
        return Response(
            200, {}, as_body({"value": [], "@odata.nextLink": f"https://{GRAPH}/v1.0/applications?{other}"})
        )

    scene.turn_hostile(CONVERSATIONS["page of a list"].asks, page)

    assert isinstance(scene.outcome(reads), UntrustedAnswer) and scene.bent == 3


@pytest.mark.parametrize("reads", [reads_by_name, reads_the_tenant])
def test_millions_of_pages_end_the_listing(reads, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "MOST_PAGES", scale.either(300, graph.MOST_PAGES))
    scene = a_scene(tmp_path)

    def page(honest, request):
        link = f"https://{GRAPH}/v1.0/applications?{scene.bent}"
        return Response(200, {}, as_body({"value": [], "@odata.nextLink": link}))

    scene.turn_hostile(CONVERSATIONS["page of a list"].asks, page, arrives=False)

    assert isinstance(scene.outcome(reads), UntrustedAnswer) and scene.bent == graph.MOST_PAGES


def test_ten_thousand_credentials_of_others_are_carried_through_a_write(tmp_path):
    """Each comes back byte for byte but for its key, which the service keeps when it is sent as null."""
    scene, many = a_scene(tmp_path), []
    for number in range(10_000):
        entry = {"keyId": f"{number:08d}-1111-4111-8111-111111111111", "displayName": f"other {number}", "usage": "Odd"}
        many.append({**entry, "type": 7, "key": "garbage ###", "customKeyIdentifier": "x" * 40, "extra": [number]})

    def with_many(honest, request):
        answer = honest.json_object()
        return Response(200, honest.headers, as_body({**answer, "keyCredentials": answer["keyCredentials"] + many}))

    scene.turn_hostile(CONVERSATIONS["first read"].asks, with_many)
    started = time.process_time()
    scene.outcome(renews(add_method="update", stop_after="registered"))

    sent = next(json.loads(request.body) for request in scene.world.sent if request.method == "PATCH")
    carried = [entry for entry in sent["keyCredentials"] if entry.get("usage") == "Odd"]
    assert carried == [{**entry, "key": None} for entry in many]
    assert time.process_time() - started < 60
