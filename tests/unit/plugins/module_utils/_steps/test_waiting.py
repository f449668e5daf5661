# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call that may not wait hands the wait over; the calls together do what one would have done."""

from __future__ import annotations

import json

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, StillWaiting, Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._steps.renew import carry_out, go_on, locked, prepare
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import SlicedTiming, World


def nothing(world):
    return {"overlap": 0}


def by_itself(world):
    return {"overlap": 0, **world.as_itself}


def lagging(world):
    world.tenant.reads.lag(seconds=[0, 5, 40])
    world.tenant.sign_ins.lag(seconds=[0, 15, 60])
    return {"overlap": 0, "add_method": "update"}


def lost_reply(world):
    world.tenant.faults.add("lost_reply", match="add_key")
    world.tenant.reads.lag(seconds=[30])
    return {"overlap": 0}


def lost_and_never_applied(world):
    world.tenant.faults.add("reset", match="patch_application")
    return {"overlap": 0, "add_method": "update"}


def put_off(world):
    world.tenant.faults.add("error", match=["add_key", "remove_key"], status=429, retry_after=30, times=2)
    return {"overlap": 0}


def unavailable_reads(world):
    world.tenant.faults.add("error", match="get_application", status=503, times=3)
    return {"overlap": 0}


def small_budget(world):
    world.tenant.sign_ins.lag(seconds=[0, 90])
    return {"overlap": 0, "sign_in_budget": 3}


def unregistered(world):
    world.tenant.remove_credential(world.payroll, next(iter(world.credentials)))
    return {"overlap": 0, "renew_before": 5}


def stale_predecessor(world):
    """The read before the write lags behind a certificate that was seen just before."""
    world.renew(stop_after="registered", add_method="update")
    world.tenant.reads.lag(seconds=[200])
    return {"overlap": 0, "add_method": "update"}


SCENES = (
    nothing,
    by_itself,
    lagging,
    lost_reply,
    lost_and_never_applied,
    put_off,
    unavailable_reads,
    small_budget,
    unregistered,
    stale_predecessor,
)


def a_world(folder, scene):
    folder.mkdir()
    world = World(folder)
    world.contract.observe = lambda seen: None  # the same requests are validated unsliced
    world.adopt()
    world.settle()
    return world, scene(world)


@scale.sampled
@pytest.mark.parametrize("scene", scale.one_of(2, SCENES, check=2), ids=lambda scene: scene.__name__)
def test_calls_that_hand_every_wait_over_do_what_one_call_does(scene, tmp_path):
    plain, options = a_world(tmp_path / "plain", scene)
    whole = plain.renew(**options)
    sliced, options = a_world(tmp_path / "sliced", scene)
    parts = sliced.renew_in_slices(**options)

    assert (parts.steps, parts.finding, parts.changed, parts.proof) == (
        whole.steps,
        whole.finding,
        whole.changed,
        whole.proof,
    )
    assert len(parts.retired) == len(whole.retired)
    assert parts.sign_ins["consecutive"] == whole.sign_ins["consecutive"]
    assert sliced.registered == [sliced.current] and plain.registered == [plain.current]
    assert len(sliced.made) == len(plain.made)
    assert sliced.contents.successor is None


def test_what_is_handed_over_is_public_and_survives_json(adopted):
    adopted.tenant.sign_ins.lag(seconds=[60])
    with pytest.raises(StillWaiting) as pause:
        adopted.renew(timing=SlicedTiming(adopted.tenant))
    text = json.dumps(pause.value.carry)

    for secret in ("PRIVATE", "eyJ", "Bearer", "s3cret", "client_assertion"):
        assert secret not in text
    tokens = {request.headers.get("Authorization") for request in adopted.sent} - {None}
    assert tokens and not any(token.split()[1] in text for token in tokens)


def test_another_run_that_finishes_the_work_during_a_pause_is_not_undone(adopted):
    adopted.tenant.sign_ins.lag(seconds=[30])
    with pytest.raises(StillWaiting) as pause:
        adopted.renew(timing=SlicedTiming(adopted.tenant), overlap=0)
    adopted.renew(overlap=0)
    adopted.settle()
    after, promoted = adopted.credentials, adopted.contents.current.record.promoted

    result = adopted.renew(progress=_progress(pause), overlap=0)

    assert adopted.credentials == after and adopted.registered == [adopted.current]
    assert len(adopted.made) == 1 and result.certificate["thumbprint"] == adopted.current
    assert adopted.contents.current.record.promoted == promoted


@pytest.mark.xfail(strict=True, reason="R9: what another run did meanwhile is reported as this one's")
def test_a_run_does_not_claim_the_steps_that_another_one_did_during_a_pause(adopted):
    adopted.tenant.sign_ins.lag(seconds=[30])
    with pytest.raises(StillWaiting) as pause:
        adopted.renew(timing=SlicedTiming(adopted.tenant), overlap=7)
    adopted.renew(overlap=7)
    adopted.settle()

    result = adopted.renew(progress=_progress(pause), overlap=7)

    assert not {"prove", "promote"} & set(result.steps) and result.sign_ins["attempts"] == 0


def test_a_call_that_finds_the_work_done_may_have_to_wait_and_goes_on_all_the_same(adopted):
    """Nothing is left of its plan, and the token service is busy just then."""
    adopted.tenant.sign_ins.lag(seconds=[30])
    with pytest.raises(StillWaiting) as pause:
        adopted.renew(timing=SlicedTiming(adopted.tenant), overlap=7)
    adopted.renew(overlap=7)
    adopted.settle()
    progress = _progress(pause)
    adopted.tenant.faults.add("error", match="discovery", status=503)
    with pytest.raises(StillWaiting):
        adopted.renew(timing=SlicedTiming(adopted.tenant), progress=progress, overlap=7)
    assert progress.position == len(progress.steps)

    result = adopted.renew(timing=SlicedTiming(adopted.tenant), progress=progress, overlap=7)

    assert result.certificate["thumbprint"] == adopted.current and len(adopted.made) == 1


def test_another_run_that_replaces_the_certificate_during_a_pause_is_respected(adopted):
    adopted.tenant.sign_ins.lag(seconds=[30])
    with pytest.raises(StillWaiting) as pause:
        adopted.renew(timing=SlicedTiming(adopted.tenant), overlap=0)
    adopted.renew(overlap=0)
    adopted.renew(overlap=0, force=True)
    after = adopted.credentials

    result = adopted.renew(progress=_progress(pause), overlap=0)

    assert adopted.credentials == after and result.steps == []
    assert adopted.current == adopted.made[1]


def test_a_run_that_went_back_does_not_go_back_again_over_another_run(world):
    """While it waited to sign in, another one has promoted the certificate again and retired the way back."""
    world.adopt()
    world.renew(overlap=7)
    world.settle()
    certificate = world.current
    world.lose(certificate)
    world.settle()
    for _spent in range(10):  # with the four that find the way back, all that the budget allows
        world.store.note_sign_in(world.tenant.clock.now(), certificate, "verify")
    progress = None
    while not (progress and progress.steps):
        with pytest.raises(StillWaiting) as pause:
            world.renew(timing=SlicedTiming(world.tenant), progress=progress, overlap=0, **world.as_itself)
        progress = _progress(pause)
        world.tenant.clock.advance(pause.value.seconds)
    assert progress.steps[progress.position].name == "roll_back" and world.current != certificate
    world.renew(overlap=0)

    world.renew(progress=progress, overlap=0, **world.as_itself)

    assert world.current == certificate and world.usable() == [certificate]


def _progress(pause):
    return Progress.from_values(json.loads(json.dumps(pause.value.carry["progress"])))


@scale.sampled
@pytest.mark.parametrize("operation", scale.one_of(4, ["get_application", "token", "add_key", "remove_key"], check=2))
def test_a_service_that_stays_away_ends_the_calls_instead_of_repeating_them_for_ever(adopted, operation):
    adopted.tenant.faults.add("error", match=operation, status=503, times=None, skip=1 if operation == "token" else 0)
    adopted.contract.observe = lambda seen: None

    with pytest.raises(EvercertError):
        adopted.renew_in_slices(overlap=0, timeout_propagation=60)
    assert adopted.usable()


def test_verification_in_slices_checks_what_follows_the_sign_ins(adopted):
    adopted.tenant.grant(adopted.payroll, "Organization.Read.All")
    options = {"probes": [{"url": "/organization", "status": 200}], "required_roles": ["Organization.Read.All"]}
    adopted.tenant.faults.add("error", match="get_organization", status=503, times=2)

    sliced = adopted.verify_in_slices(**options)

    assert sliced.verified and [check["name"] for check in sliced.checks] == [
        "sign_in",
        "required_roles",
        "probe /organization",
    ]


def test_verification_in_slices_of_a_probe_that_never_answers_fails(adopted):
    adopted.tenant.faults.add("error", match="get_organization", status=503, times=None)

    result = adopted.verify_in_slices(probes=[{"url": "/organization", "status": 200}])

    assert not result.verified


@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_what_another_run_has_retired_during_a_pause_is_not_removed_again(adopted, identity):
    options = adopted.options(**getattr(adopted, identity))
    adopted.renew()
    adopted.settle(8 * 86400)
    connection, request = adopted.connect(options), adopted.request(options)
    carry = json.dumps(prepare(connection, request, Progress()).progress.to_values())
    adopted.renew(**getattr(adopted, identity))
    since = len(adopted.emulator.log.lines)

    with locked(connection, request):
        run = go_on(connection, request, Progress.from_values(json.loads(carry)))
        carry_out(run, request)

    assert [step.name for step in run.progress.steps] == ["retire"]
    assert not {"remove_key", "patch_application"} & set(adopted.operations(since))


def test_a_call_that_goes_on_with_a_wrong_clock_retires_nothing(adopted):
    """The one that made the plan knew the right time."""
    adopted.renew(overlap=7)
    adopted.settle(8 * 86400)
    options = adopted.options()
    request = adopted.request(options)
    carry = json.dumps(prepare(adopted.connect(options), request, Progress()).progress.to_values())
    adopted.lie_about_the_time(None, hours=1)
    connection = adopted.connect(options)

    with pytest.raises(Unsafe, match="clock"), locked(connection, request):
        run = go_on(connection, request, Progress.from_values(json.loads(carry)))
        carry_out(run, request)

    assert adopted.old.thumbprint in adopted.registered
