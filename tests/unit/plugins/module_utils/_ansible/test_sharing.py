# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks share: whose token is whose, for how long, and who waits for whom at a quota."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import sharing
from ansible_collections.evercert.entra.plugins.module_utils._ansible.call import Call
from ansible_collections.evercert.entra.plugins.module_utils._ansible.connect import open_connection
from ansible_collections.evercert.entra.plugins.module_utils._ansible.play_memory import PlayMemory
from ansible_collections.evercert.entra.plugins.module_utils._ansible.sharing import Sharing, shared
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused, SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._core.quota import KEY_READS
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.tests.unit.builders import APP_ID

TENANT = "22222222-3333-4444-8555-666666666666"
LOGIN = "https://login.microsoftonline.com"
OBJECT = "/applications/1?$select=id,keyCredentials"


class Service:
    """Entra and Graph for one connection after the other: counts sign-ins, answers what a test wants."""

    def __init__(self):
        self.lifetime, self.sign_ins, self.refuses, self.answers, self.seen = 3600, 0, (), [], []
        self.discoveries = 0

    def send(self, request):
        if request.url.endswith("openid-configuration"):
            self.discoveries += 1
            names = ("authorization_endpoint", "token_endpoint")
            return self.json(200, {name: f"{LOGIN}/t/oauth2/v2.0/{name.partition('_')[0]}" for name in names})
        if request.url.startswith(LOGIN):
            self.sign_ins += 1
            return self.json(200, {"access_token": f"token{self.sign_ins}", "expires_in": self.lifetime})
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append(token)
        if self.answers:
            return self.answers.pop(0)
        return self.json(403 if token in self.refuses else 200, {"id": "1"})

    def json(self, status, body, **headers):
        return Response(status, headers, json.dumps(body).encode())


@dataclasses.dataclass
class Play:
    """The tasks of a play, which are connections here. Waiting moves the clock."""

    service: Service
    options: object
    memory: PlayMemory
    now: float = 1000.0
    said: list = dataclasses.field(default_factory=list)

    def task(self, **given):
        with shared(Sharing(self.memory, self.said.append, lambda: self.now, self.sleep)):
            return open_connection(self.options(app_id=APP_ID, **given), Call(transport=self.service))

    def sleep(self, seconds):
        self.now += seconds

    def read(self, **given):
        return self.task(**given).graph.get(OBJECT)


@pytest.fixture
def play(options):
    memory = PlayMemory.open()
    yield Play(Service(), options, memory)
    os.close(memory._descriptor)


def test_a_second_task_takes_the_token_of_the_first(play):
    play.read()
    play.read()

    assert play.service.seen == ["token1", "token1"]


@pytest.mark.xfail(strict=True, reason="P5: each task of a fleet asks for the discovery document again")
def test_a_second_task_takes_the_discovery_document_of_the_first(play):
    for _host in range(2):
        connection = play.task()
        connection.discover()
        connection.graph.get(OBJECT)

    assert (play.service.sign_ins, play.service.discoveries) == (1, 1)


def test_nothing_is_shared_by_a_module_with_a_process_of_its_own(play):
    for _task in range(2):
        open_connection(play.options(app_id=APP_ID), Call(transport=play.service)).graph.get(OBJECT)

    assert play.service.sign_ins == 2


def test_a_token_is_left_in_time_before_its_end(play):
    play.read()
    play.now += 3600 - sharing.MARGIN - 1
    play.read()
    play.now += 1
    play.read()

    assert play.service.seen == ["token1", "token1", "token2"]


@pytest.mark.parametrize("lifetime", [None, "soon", 300, -1])
def test_a_token_that_is_short_or_does_not_say_how_long_it_lives_is_not_shared(play, lifetime):
    play.service.lifetime = lifetime
    play.read()
    play.read()

    assert play.service.sign_ins == 2


@pytest.mark.parametrize(
    "other",
    [
        {"client_secret": "another"},
        {"client_id": "33333333-3333-4444-8555-666666666666"},
        {"tenant_id": "contoso.onmicrosoft.com"},
        {"client_certificate_passphrase": "another"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_identity_has_another_token(play, other):
    play.read()
    play.read(**other)

    assert play.service.sign_ins == 2


def test_a_variable_of_the_environment_may_mean_another_identity(play, monkeypatch):
    play.read()
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1/other")
    play.read()

    assert play.service.sign_ins == 2


def test_a_certificate_file_that_was_replaced_is_read_again(play, key_file):
    as_file = {"auth_source": "certificate", "client_certificate_path": key_file}
    play.read(**as_file)
    play.read(**as_file)
    assert play.service.sign_ins == 1

    os.utime(key_file, ns=(1, 1))
    play.read(**as_file)
    assert play.service.sign_ins == 2


def test_the_key_store_signs_in_each_time_as_that_is_a_proof(play, store):
    for _task in range(2):
        play.read(auth_source="key_store", key_store=store.location)

    assert play.service.sign_ins == 2


def test_a_token_that_was_handed_in_is_not_remembered(play):
    play.read(auth_source="access_token", access_token="given")
    play.read()

    assert play.service.seen == ["given", "token1"]


def test_a_refused_sign_in_is_not_remembered(play, monkeypatch):
    refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
    with monkeypatch.context() as changed:
        changed.setattr(Service, "json", lambda self, status, body: Response(400, {}, json.dumps(refusal).encode()))
        with pytest.raises(SignInRefused):
            play.read()
    play.read()

    assert play.service.seen == ["token1"]


def test_a_shared_token_that_is_refused_gives_way_to_a_new_one_for_everybody(play):
    play.read()
    play.service.refuses = ("token1",)
    play.read()
    play.read()

    assert play.service.seen == ["token1", "token1", "token2", "token2"]


def test_a_write_is_sent_again_with_a_new_token(play):
    play.read()
    play.service.refuses = ("token1",)
    play.task().graph.write("PATCH", "/applications/1", {})

    assert play.service.seen[1:] == ["token1", "token2"]


def test_a_new_token_that_is_refused_is_the_answer(play):
    play.service.refuses = ("token1", "token2")
    with pytest.raises(GraphRefused):
        play.read()
    with pytest.raises(GraphRefused):
        play.read()

    assert play.service.seen == ["token1", "token1", "token2"]


def test_a_token_that_replaced_the_refused_one_stays(play):
    play.read()
    late = play.task()
    old = late.graph.token
    late.graph.drop_token(old)
    play.read()
    late.graph.drop_token(old)
    play.read()

    assert play.service.seen == ["token1", "token2", "token2"]


def test_after_permissions_were_granted_everybody_signs_in_anew(play):
    play.read()
    play.task().forget_tokens()
    play.read()
    play.read()

    assert play.service.seen == ["token1", "token2", "token2"]


def test_a_token_is_in_memory_only_and_not_shown(play):
    play.read()

    assert os.readlink(f"/proc/self/fd/{play.memory._descriptor}") == "/memfd:entra (deleted)"
    assert "token1" not in repr(play.task().graph.token)


def test_all_processes_sign_in_once(play):
    """Real ones: the first signs in slowly, the others wait and take its token."""
    ready, told = os.pipe()
    children = []
    for _process in range(6):
        child = os.fork()
        if not child:
            play.read()
            os.write(told, b"%d" % play.service.sign_ins)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    counts = sorted(os.read(ready, 6))

    assert bytes(counts) == b"000001"


def throttled(service, seconds):
    return service.json(429, {"error": {"code": "TooManyRequests"}}, **{"retry-after": str(seconds)})


def test_a_refusal_for_one_is_a_pause_for_all(play):
    play.service.answers = [throttled(play.service, 7)]
    play.read()
    assert play.now == 1007.0

    play.service.answers = [throttled(play.service, 30)]
    before = play.task()
    before.graph.turns.refused(KEY_READS, 12.0)
    play.read()
    assert play.now == 1007.0 + 12.0 + 30.0


def test_a_person_is_told_once_of_a_wait_for_all(play):
    task = play.task()
    task.graph.turns.refused(KEY_READS, 25.0)
    play.read()

    assert play.said == [
        f"Graph's limit of {KEY_READS.name} is reached for tenant {TENANT}; going on in {seconds} s"
        for seconds in (25, 15, 5)
    ]


def test_only_one_process_tells(play):
    play.task().graph.turns.refused(KEY_READS, 5.0)
    ready, told = os.pipe()
    for _process in range(4):
        child = os.fork()
        if not child:
            play.read()
            os.write(told, b"%d" % len(play.said))
            os._exit(0)
        os.waitpid(child, 0)

    assert sorted(os.read(ready, 4)) == sorted(b"1000")


def test_other_requests_do_not_wait_for_that_quota(play):
    task = play.task()
    task.graph.turns.refused(KEY_READS, 25.0)
    task.graph.get("/organization")

    assert play.now == 1000.0


def test_another_tenant_does_not_wait(play):
    play.task().graph.turns.refused(KEY_READS, 25.0)
    play.read(tenant_id="contoso.onmicrosoft.com")

    assert play.now == 1000.0


def test_a_service_that_refuses_for_good_ends_the_task(play):
    play.service.answers = [throttled(play.service, 2) for _time in range(9)]
    with pytest.raises(GraphRefused, match="429"):
        play.read()

    assert len(play.service.answers) == 4
