# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of Entra and Graph with anything in any place, read by the parsers alone and by whole modules."""

from __future__ import annotations

import base64
import functools
import json
import math
import tempfile
from pathlib import Path

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._ansible.timing import PlainTiming
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import explain_graph, explain_sign_in
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import SignInRefused, UntrustedAnswer
from ansible_collections.evercert.entra.plugins.module_utils._core.limits import UnknownRule, parse_duration
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Application
from ansible_collections.evercert.entra.plugins.module_utils._core.privileges import PRIVILEGES, find_lacks
from ansible_collections.evercert.entra.plugins.module_utils._entra import applications, principals, surroundings
from ansible_collections.evercert.entra.plugins.module_utils._entra.answers import number_in, token_in
from ansible_collections.evercert.entra.plugins.module_utils._entra.clock import ServiceClock
from ansible_collections.evercert.entra.plugins.module_utils._entra.clouds import CLOUDS
from ansible_collections.evercert.entra.plugins.module_utils._entra.device_prompt import parse_prompt
from ansible_collections.evercert.entra.plugins.module_utils._entra.graph import GraphClient
from ansible_collections.evercert.entra.plugins.module_utils._entra.machine import read_machine_token
from ansible_collections.evercert.entra.plugins.module_utils._entra.patience import parse_seconds
from ansible_collections.evercert.entra.plugins.module_utils._entra.sign_in.azure_cli import parse_cli_answer
from ansible_collections.evercert.entra.plugins.module_utils._entra.tokens import AccessToken
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import certificate_from_der
from fuzzing import TEXTS, VALUES, bent_bytes, bent_json, bent_text, fuzz
from hostility import ODD_VALUES, as_body, places, replaced
from hypothesis import given
from hypothesis import strategies as st
from judge import a_scene
from test_peers import CONVERSATIONS, WRITES

pytestmark = pytest.mark.usefixtures("quick_disk")

KEY = {
    "customKeyIdentifier": "AAECAwQFBgcICQoLDA0ODxAREhM=",
    "displayName": "CN=payroll",
    "endDateTime": "2026-12-12T10:00:00Z",
    "key": "MIIB",
    "keyId": "5b1c3a4e-7d0e-4f53-9a2b-0d9f6b7f2c11",
    "startDateTime": "2026-06-15T10:00:00Z",
    "type": "AsymmetricX509Cert",
    "usage": "Verify",
}
APPLICATION = {"id": "o-1", "appId": "a-1", "displayName": "x", "tokenEncryptionKeyId": None, "keyCredentials": [KEY]}
REFUSAL = {
    "error": "invalid_client",
    "error_description": "AADSTS700027: no key. [Reason - The key was not found.] Trace ID: 1",
    "error_codes": [700027],
    "timestamp": "2026-11-22 10:00:00Z",
    "trace_id": "t",
    "correlation_id": "c",
}
GRAPH_ERROR = {"code": "Request_BadRequest", "message": "no", "innerError": {"request-id": "r", "date": "d"}}
CLAIMS = {"iat": 1790000000, "roles": ["Application.Read.All"]}
POLICY = {
    "id": "p",
    "isEnabled": True,
    "applicationRestrictions": {
        "keyCredentials": [{"restrictionType": "asymmetricKeyLifetime", "state": "enabled", "maxLifetime": "P180D"}]
    },
}
POLICIES = {
    "responses": [
        {"id": "0", "status": 200, "body": {"value": []}},
        {"id": "1", "status": 200, "body": POLICY},
    ]
}
PRINCIPAL = {"id": "p-1", "appId": "a-1", "accountEnabled": True, "tokenEncryptionKeyId": None, "keyCredentials": [KEY]}
PURPOSES = {"sign_in", "saml_signing", "token_encryption", "other"}
PROMPT = {
    "device_code": "d-1",
    "user_code": "BCDFGHJKL",
    "verification_uri": "https://microsoft.com/devicelogin",
    "expires_in": 900,
    "interval": 5,
    "message": "To sign in, open the page and enter the code BCDFGHJKL.",
}
MACHINE = {"access_token": "a.b.c", "expires_in": "3599", "resource": "r", "token_type": "Bearer", "client_id": "a-1"}
CLI = {"accessToken": "a.b.c", "expiresOn": "2026-11-22 11:00:00.000000", "tokenType": "Bearer"}
PERSON = {
    "scp": "Application.ReadWrite.All User.Read",
    "roles": ["x"],
    "idtyp": "user",
    "wids": ["b79fbf4d-3ef9-4689-8143-76b194e85509", "158c047a-c907-4556-b7ef-446551a6b5f7"],
}
GUID = "11111111-2222-4333-8444-555555555555"
ACCESS = {
    "registration": {
        "id": "o-1",
        "appId": GUID,
        "displayName": "x",
        "isDisabled": None,
        "disabledByMicrosoftStatus": None,
        "requiredResourceAccess": [{"resourceAppId": GUID, "resourceAccess": [{"id": "r-1", "type": "Role"}]}],
    },
    "principal": {"id": "p-1", "appId": GUID, "accountEnabled": True, "isDisabled": None},
    "resource": {
        "id": "s-1",
        "appId": GUID,
        "displayName": "API",
        "appRoles": [{"id": "r-1", "value": "Read", "isEnabled": True, "allowedMemberTypes": ["Application"]}],
    },
    "assignments": {"value": [{"id": "g-1", "resourceId": "s-1", "appRoleId": "r-1", "resourceDisplayName": "API"}]},
    "deleted": {"value": [{"id": "o-1", "appId": GUID, "deletedDateTime": "2026-11-22T10:00:00Z"}]},
}
LONGEST_DIAGNOSIS = 20_000
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "request-id", "client-request-id", "date"]), TEXTS)


@fuzz(300)
@given(bent_json(APPLICATION))
def test_an_application_is_read_or_refused(body):
    if not isinstance(body, dict):
        return
    try:
        found = applications.parse_application(body, certificate_from_der)
    except UntrustedAnswer as refused:
        assert len(refused.message) < 300
        return
    assert [entry.raw for entry in found.key_credentials] == body["keyCredentials"]


@fuzz(200)
@given(bent_json(PROMPT), st.sampled_from([200, 400, 503]))
def test_a_prompt_for_a_person_is_one_line_or_refused(body, status):
    try:
        found = parse_prompt(Response(status, {}, as_body(body)), "login.test")
    except (UntrustedAnswer, SignInRefused) as refused:
        assert len(refused.message) < LONGEST_DIAGNOSIS
        return
    assert found.message.isprintable() and found.user_code.isprintable()
    assert 1 <= found.interval <= 60 and 1 <= found.seconds <= 3600


@fuzz(200)
@given(bent_json(MACHINE), st.sampled_from([200, 400, 503]), st.sampled_from([None, "a-1"]))
def test_a_machine_gives_the_identity_that_was_asked_for_or_none(body, status, client_id):
    try:
        token = read_machine_token([Response(status, {}, as_body(body))], client_id)
    except SignInRefused as refused:
        assert len(refused.message) < LONGEST_DIAGNOSIS
        return
    assert status == 200 and token == body["access_token"]
    assert not client_id or not isinstance(body.get("client_id"), str) or body["client_id"] in ("", "a-1")


@fuzz(200)
@given(bent_bytes(json.dumps(CLI).encode()))
def test_the_clis_answer_is_a_token_or_none(output):
    token = token_in(parse_cli_answer(output), "accessToken")

    assert token is None or (token.isascii() and " " not in token)


@fuzz(200)
@given(bent_json({"expires_in": 3599, "expires_on": "1790000000"}).filter(lambda body: isinstance(body, dict)))
def test_the_validity_of_a_token_is_a_number_or_unknown(body):
    for name in ("expires_in", "expires_on"):
        number = number_in(body, name)

        assert number is None or math.isfinite(number)


def graph_answering(body):
    class Service:
        def send(self, request):
            return Response(200, {}, as_body(body))

    timing, token = PlainTiming(), AccessToken("a.b.c", "test")
    return GraphClient(Service(), ServiceClock(timing), timing, CLOUDS["public"], lambda: token)


READERS_OF_ACCESS = {
    "registration": lambda graph: principals.read_registration(graph, "o-1"),
    "principal": lambda graph: principals.find_principal(graph, GUID),
    "resource": lambda graph: principals.find_resource(graph, GUID),
    "assignments": lambda graph: principals.list_assignments(graph, "p-1"),
    "deleted": lambda graph: principals.find_deleted_application(graph, GUID, None),
}


@fuzz(400)
@given(st.sampled_from(list(ACCESS)).flatmap(lambda part: st.tuples(st.just(part), bent_json(ACCESS[part]))))
def test_what_access_rests_on_is_read_or_refused(answer):
    part, body = answer
    try:
        READERS_OF_ACCESS[part](graph_answering(body))
    except UntrustedAnswer as refused:
        assert len(refused.message) < 300


@fuzz(200)
@given(bent_json(PERSON))
def test_claims_of_any_kind_lack_something_or_nothing(claims):
    if isinstance(claims, dict):
        assert all(lack.sentence for lack in find_lacks(claims, PRIVILEGES))


def judged(limits):
    """What is taken from an answer can be used, however odd it was."""
    application = Application("o-1", "a-1", "x", created_text="2020-01-01T00:00:00Z")
    for limit in limits or ():
        assert limit.concerns(application) in (True, False)
        if isinstance(limit, UnknownRule):
            assert limit.why
        else:
            assert isinstance(limit.policy_id, str) and limit.span.total_seconds() > 0 and limit.days


@fuzz(300)
@given(bent_json(POLICIES))
def test_policies_are_limits_or_none(body):
    try:
        judged(surroundings.read_lifetime_limits(graph_answering(body), "o-1"))
    except UntrustedAnswer:
        return  # not an object at all


@fuzz(100)
@given(bent_json(POLICY))
def test_a_default_policy_is_limits(body):
    try:
        judged(surroundings.read_default_limits(graph_answering(body)))
    except UntrustedAnswer:
        return


@fuzz(100)
@given(bent_json(KEY))
def test_an_entry_is_read_whoever_made_it(entry):
    if isinstance(entry, dict):
        found = applications.parse_credential(entry, certificate_from_der)
        assert found.raw is entry and found.is_for_sign_in in (True, False)


@fuzz(300)
@given(bent_json(PRINCIPAL))
def test_a_service_principal_is_read_or_none(body):
    if isinstance(body, dict):
        found = surroundings.parse_service_principal(body, certificate_from_der)
        assert found is None or {found.purpose_of(entry) for entry in found.key_credentials} <= PURPOSES
    try:
        surroundings.read_service_principal(graph_answering(body), "a-1", certificate_from_der)
        surroundings.read_surroundings(graph_answering({"responses": [body]}), Application("o", "a", "x"), None)
    except UntrustedAnswer:
        return


@fuzz(300)
@given(st.integers(100, 999), bent_json(REFUSAL), HEADERS)
def test_a_refused_sign_in_is_explained_in_bounded_words(status, body, headers):
    if isinstance(body, dict):
        explained(explain_sign_in(status, body, "login.microsoftonline.com", headers))


@fuzz(300)
@given(st.integers(100, 999), bent_json(GRAPH_ERROR), HEADERS)
def test_an_error_of_graph_is_explained_in_bounded_words(status, body, headers):
    if isinstance(body, dict):
        explained(explain_graph(status, body, "graph.microsoft.com", headers))


def explained(diagnosis):
    assert len(json.dumps(dict(diagnosis.evidence))) < LONGEST_DIAGNOSIS and len(diagnosis.sentence) < 2000
    assert diagnosis.retry in ("wait", "later", "no") and "eyJ" not in diagnosis.sentence


@fuzz(300)
@given(bent_json(CLAIMS) | VALUES, st.booleans(), TEXTS)
def test_the_claims_of_a_token_are_an_object_whatever_it_is(claims, encoded, text):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode() if encoded else text

    assert isinstance(AccessToken(f"e30.{payload}.x", "test").claims(), dict)
    assert isinstance(AccessToken(text, "test").claims(), dict)


@fuzz(300)
@given(bent_bytes(as_body(APPLICATION)) | st.binary(max_size=100))
def test_a_body_is_an_object_or_none(body):
    found = Response(200, {}, body).json_object()

    assert found is None or isinstance(found, dict)


@fuzz(300)
@given(TEXTS | bent_text("120") | VALUES)
def test_a_pause_is_between_a_second_and_the_end_of_time(text):
    seconds = parse_seconds(text)

    assert seconds is None or 1 <= seconds < float("inf")


@fuzz(300)
@given(TEXTS | bent_text("P4DT12H30M5S"))
def test_a_duration_is_a_span_or_none(text):
    found = parse_duration(text)

    assert found is None or found.total_seconds() >= 0


# Whole modules: every value of every honest answer, in its place.


@functools.lru_cache(None)
def honest_answers(name):
    """What the emulator answers in this conversation, learnt once."""
    talk, seen = CONVERSATIONS[name], []

    def keep(honest, request):
        seen.append(honest.json_object())
        return honest

    with tempfile.TemporaryDirectory() as folder:
        scene = a_scene(Path(folder), talk.as_itself)
        scene.turn_hostile(talk.asks, keep, since=talk.since)
        scene.outcome(talk.act)
    return seen[0]


READ_ONLY = ("page of a list", "page of the tenant", "probe")


@pytest.mark.parametrize("name", [name for name in CONVERSATIONS if name not in WRITES])
def test_no_value_in_any_place_of_an_answer_is_relied_on(name, tmp_path):
    """All of them in `make soak`, a share else: where nothing is written, the world serves many times."""
    talk, answer = CONVERSATIONS[name], honest_answers(name)
    cases = [(place, odd) for place in places(answer) for odd in ODD_VALUES]
    share = cases[scale.SEED % 7 :: scale.either(7 if name in READ_ONLY else 29, 1, short=97)]
    scene = None
    for number, (place, odd) in enumerate(share):
        if scene is None or name not in READ_ONLY:
            scene = a_scene(tmp_path / str(number), talk.as_itself)
        body = as_body(replaced(answer, place, ODD_VALUES[odd]))
        scene.turn_hostile(
            talk.asks, lambda honest, request, body=body: Response(200, honest.headers, body), since=talk.since
        )
        try:
            scene.outcome(talk.act)
        except Exception as error:
            error.add_note(f"{name}: {odd} at {place}")
            raise
        assert scene.bent
    scale.note("hostile_peers", **{"odd values in places of an answer": len(share)})
