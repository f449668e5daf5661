# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proofs: whose token, which key signs, and what a refused one leaves."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused, SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._steps import signing as steps

DAY, LATE = 86400, 10**6


def start(world, **options):
    """A run under way, and its current version; the world then knows where its requests begin."""
    run = world.run(**options)
    run.begin_writing()
    world.since, world.timing.waited = len(world.sent), 0.0
    return run, run.version(world.current)


def reads(world):
    return [one for one in world.sent[world.since :] if one.method == "GET" and "/applications" in one.url]


def own_token(world, run, version):
    """Graph with the application's own token or None, with the reason."""
    reasons = []
    return steps.own_token_for(run, version, reasons.append), "".join(reasons)


def body_of(world):
    return json.loads(world.sent[-1].body)


# The application's own token


def test_the_own_token_is_got_with_the_current_key_once(adopted):
    run, version = start(adopted)
    before = len(adopted.sign_ins())

    for _again in range(2):
        graph, why = own_token(adopted, run, version)
        assert graph and why == ""
    assert len(adopted.sign_ins()) == before + 1
    assert graph.token is run.tokens[version.thumbprint] and graph.token.claims()["appid"] == adopted.payroll.app_id


def test_with_add_method_update_nobody_asks_for_it(adopted):
    run, version = start(adopted, add_method="update")
    before = len(adopted.sign_ins())

    assert own_token(adopted, run, version) == (None, "")
    assert len(adopted.sign_ins()) == before


def test_without_a_current_key_there_is_none(adopted):
    run, _version = start(adopted)

    assert own_token(adopted, run, None) == (None, "the key store holds no other key that could sign in")


@pytest.mark.parametrize(("seconds", "works"), [(300, True), (299, False)])
def test_a_proof_needs_a_key_that_is_valid_for_five_more_minutes(adopted, seconds, works):
    adopted.settle(20 * DAY - 900 - seconds)
    run, version = start(adopted, renew_before=0)

    graph, why = own_token(adopted, run, version)

    assert bool(graph) == works
    assert why == ("" if works else "the current certificate is not valid for 5 more minutes")


@pytest.mark.parametrize(("starts", "why"), [(0, ""), (1, "the current certificate is not valid yet")])
def test_a_proof_needs_a_key_that_is_valid_already(adopted, starts, why):
    run, version = start(adopted)
    begins = run.connection.clock.service_time() + starts * run.policy.overlap
    later = dataclasses.replace(version, certificate=dataclasses.replace(version.certificate, not_before=begins))

    assert own_token(adopted, run, later)[1] == why


@pytest.mark.parametrize(("app_id", "why"), [("app-1", ""), ("", "give object_id or app_id")])
def test_a_proof_needs_either_id(adopted, app_id, why):
    run, version = start(adopted)
    run.progress.object_id = ""
    run.tokens[version.thumbprint] = run.connection.graph.token
    run.progress.app_id = app_id

    assert why in own_token(adopted, run, version)[1]


@pytest.fixture
def nameless(world):
    """The application renews itself, may read nothing, and nobody ever told its object ID."""
    world.adopt(auth_source="key_store")
    world.settle()
    assert world.contents.current.record.object_id is None
    return world


@pytest.mark.parametrize("door", ["renew", "renew_in_slices"])
def test_an_application_that_knows_only_its_app_id_renews_itself_whole(nameless, door):
    act = getattr(nameless, door)
    for _again in range(2):  # the key ID of what was adopted is not known, that of what addKey made is
        assert act(auth_source="key_store", force=True).steps == ["generate", "register", "prove", "promote"]
        nameless.settle(8 * DAY)
    assert act(auth_source="key_store").steps == ["retire"]
    assert nameless.registered == sorted([nameless.old.thumbprint, nameless.current])
    asked = [request.url for request in nameless.sent if request.url.endswith("Key")]
    address = f"/applications(appId='{nameless.payroll.app_id}')"
    assert asked[0].endswith(f"{address}/addKey") and asked[-1].endswith(f"{address}/removeKey")


def test_check_mode_predicts_that(nameless):
    planned = nameless.renew(check=True, auth_source="key_store")

    assert planned.steps == ["generate", "register", "prove", "promote"]


def test_the_object_id_is_asked_for_where_the_app_id_is_not_taken(nameless):
    nameless.tenant.switches.set(app_id_issues_proofs="never")

    error = nameless.refused(auth_source="key_store")

    assert error.diagnosis.code == "token_refused" and error.message.endswith("give object_id.")
    assert nameless.renew(auth_source="key_store", object_id=nameless.payroll.object_id).changed


def test_a_known_object_id_is_rather_used(adopted):
    adopted.renew(auth_source="key_store")

    address = f"/applications/{adopted.payroll.object_id}/addKey"
    assert any(request.url.endswith(address) for request in adopted.sent)


def test_a_key_that_is_refused_for_what_it_is_leaves_the_update(adopted):
    run, version = start(adopted)
    adopted.tenant.faults.add("error", match="token", status=401, error="invalid_client", code=7000274)

    graph, why = own_token(adopted, run, version)

    assert graph is None and why.startswith("Entra refuses a sign-in with the current key: ")


def test_any_other_refusal_is_the_result(adopted):
    run, version = start(adopted)
    adopted.tenant.enable(adopted.payroll, False)

    with pytest.raises(SignInRefused):
        own_token(adopted, run, version)


# Reading as the application itself


def test_an_application_that_may_read_itself_is_read_from_then_on(adopted):
    adopted.tenant.grant(adopted.payroll, "Application.Read.All")
    run, version = start(adopted)
    run.progress.readable = False

    steps.read_as_itself(run, version)

    assert run.progress.readable and run.connection.graph.token is run.tokens[version.thumbprint]
    assert run.connection.graph.tried is run.progress.looked


def test_one_that_may_not_goes_on_without(adopted):
    run, version = start(adopted)
    run.progress.readable = False

    steps.read_as_itself(run, version)

    assert not run.progress.readable


def test_any_other_answer_to_that_is_the_result(adopted):
    run, version = start(adopted)
    adopted.tenant.faults.add("error", match="get_application", status=400)

    with pytest.raises(GraphRefused):
        steps.read_as_itself(run, version)


# The proof


def test_the_audience_that_worked_before_comes_first(adopted):
    run, version = start(adopted)
    other = steps.PROOF_AUDIENCES[1]
    run.remember(version, proof_audience=other)
    tried = []

    assert steps.with_proof(run, version, lambda _signer, audience: tried.append(audience)) is None
    assert tried == [other]


@pytest.mark.parametrize("known", [None, *steps.PROOF_AUDIENCES])
def test_a_refused_proof_is_tried_with_the_other_audience_and_that_is_remembered(adopted, known):
    run, version = start(adopted)
    run.remember(version, proof_audience=known)
    first = known or steps.PROOF_AUDIENCES[0]
    [second] = set(steps.PROOF_AUDIENCES) - {first}
    tried = []

    def send(signer, audience):
        assert signer.certificate.thumbprint == version.thumbprint
        tried.append(audience)
        if audience == first:
            raise refusal(401, "Authentication_MissingOrMalformed")
        return "key"

    assert steps.with_proof(run, version, send) == "key"
    assert tried == [first, second]
    assert adopted.contents.current.record.proof_audience == second


@pytest.mark.parametrize(
    ("status", "code"), [(401, "InvalidAuthenticationToken"), (403, "Authentication_MissingOrMalformed")]
)
def test_any_other_refusal_of_a_proof_is_no_question_of_its_audience(adopted, status, code):
    run, version = start(adopted)
    tried = []

    def send(_signer, audience):
        tried.append(audience)
        raise refusal(status, code)

    with pytest.raises(GraphRefused):
        steps.with_proof(run, version, send)
    assert len(tried) == 1


def refusal(status, code):
    return GraphRefused("No.", None, status, code)
