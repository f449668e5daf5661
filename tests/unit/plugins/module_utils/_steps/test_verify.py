# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification: whose key, what is checked, what is told about it."""

from __future__ import annotations

import types

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._steps import verify as steps
from ansible_collections.evercert.entra.plugins.module_utils._steps.verify import Check, Verification
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours


def checks(result):
    return [(check["name"], check["ok"]) for check in result.checks]


# Whose key


def test_the_store_says_which_key_and_for_which_application(adopted):
    adopted.renew(stop_after="registered")
    connection = adopted.connect(adopted.options())

    current = steps.find_subject(connection, "current", None)
    successor = steps.find_subject(connection, "successor", None)

    assert current.signer.certificate.thumbprint == adopted.old.thumbprint
    assert successor.signer.certificate.thumbprint == adopted.made[0]
    assert current.app_id == successor.app_id == adopted.payroll.app_id
    assert current.key_id == adopted.contents.current.record.key_id


@pytest.mark.parametrize("stage", ["current", "successor"])
def test_a_stage_that_the_store_does_not_hold_is_told(world, stage):
    with pytest.raises(KeyStoreError, match=f"holds no {stage} certificate"):
        steps.find_subject(world.connect(world.options()), stage, None)


@pytest.mark.parametrize("stage", ["current", "successor"])
def test_a_link_that_is_missing_is_told_with_the_command_that_makes_it(adopted, stage):
    adopted.renew(stop_after="registered")
    path = adopted.key_store / stage
    command = f"ln -sfn {path.readlink()} {path}"
    path.unlink()

    with pytest.raises(KeyStoreError) as refused:
        steps.find_subject(adopted.connect(adopted.options()), stage, None)

    assert f"{path} is missing" in refused.value.message and f"Run '{command}'" in refused.value.message


def test_a_key_pair_from_a_file_is_no_part_of_a_store(world):
    connection = world.connect(world.options(key_store=None))

    subject = steps.find_subject(connection, "current", lambda: ours(world.old))

    assert (subject.app_id, subject.key_id) == (world.payroll.app_id, None)
    assert steps.verify(connection, subject, steps.Expectation()).verified and not world.key_store.exists()


def test_an_application_known_by_its_name_is_read(world):
    connection = world.connect(world.options(key_store=None, app_id=None, display_name="payroll"))

    assert steps.find_subject(connection, "current", lambda: ours(world.old)).app_id == world.payroll.app_id


def test_without_a_key_there_is_nothing_to_verify(world):
    with pytest.raises(KeyStoreError, match="Nothing to verify"):
        steps.find_subject(world.connect(world.options(key_store=None)), "current", None)


# The sign-ins


def test_accepted_sign_ins_are_told_with_their_time(adopted):
    before = len(adopted.sign_ins())
    result = adopted.verify()

    [check] = result.checks
    assert (check["name"], check["ok"], check["elapsed"]) == ("sign_in", True, 70.0)
    assert check["detail"] == "3 consecutive sign-ins accepted in 3 attempts."
    assert len(adopted.sign_ins()) - before == 3


def test_a_refusal_is_told_with_its_time_and_its_diagnosis(adopted):
    adopted.tenant.enable(adopted.payroll, False)

    result = adopted.verify(required_roles=["Any"], probes=[{"url": "/organization", "status": 200}])

    [check] = result.checks
    assert (check["name"], check["ok"], check["elapsed"]) == ("sign_in", False, 10.0)
    assert result.diagnosis["code"] == "application_disabled" and not result.verified


def test_refusals_are_told_with_their_reason(adopted):
    adopted.lose(adopted.current)

    result = adopted.verify(expect="refused")

    [check] = result.checks
    assert (check["name"], check["ok"], check["elapsed"]) == ("sign_in_refused", True, 70.0)
    assert check["detail"] == "3 sign-ins refused (certificate_not_registered)."
    assert result.sign_ins["attempts"] == 3 and len(set(result.evidence["correlation_ids"])) == 3
    assert any("consecutive sign-ins refused" in words for words in adopted.timing.said)
    [line] = adopted.store.history(1)
    assert (line["verified"], line["reason"]) == (True, None)


def test_passing_trouble_is_no_refusal(adopted):
    adopted.lose(adopted.current)
    adopted.tenant.faults.add("error", match="token", status=503)
    adopted.tenant.faults.add("reset", match="token", skip=1)

    result = adopted.verify(expect="refused")

    assert result.verified and result.sign_ins["attempts"] == 5


def test_a_refusal_that_is_not_the_keys_is_not_what_was_expected(adopted):
    adopted.tenant.enable(adopted.payroll, False)

    result = adopted.verify(expect="refused")

    assert not result.verified and result.sign_ins["attempts"] == 1


@pytest.mark.parametrize("act", ["verify", "verify_in_slices"])
def test_a_key_that_should_be_refused_and_is_not_has_a_diagnosis(adopted, act):
    result = getattr(adopted, act)(expect="refused", timeout_propagation=60)

    assert not result.verified and result.diagnosis["code"] == "still_accepted"


@pytest.mark.parametrize("act", ["verify", "verify_in_slices"])
def test_a_proof_that_ends_with_an_acceptance_still_says_what_stood_in_the_way(adopted, act):
    adopted.tenant.faults.add(
        "error",
        match="token",
        status=401,
        error="invalid_client",
        code=700027,
        times=2,
        message="The key was not found.",
    )

    result = getattr(adopted, act)(timeout_propagation=120, sign_in_interval=50, sign_in_budget=0)

    assert not result.verified and result.diagnosis["code"] == "certificate_not_registered"
    assert result.sign_ins["consecutive"] > 0 and "Last other answer" in result._failed


def test_a_proof_that_had_no_time_for_enough_attempts_has_a_code_too(adopted):
    result = adopted.verify(timeout_propagation=60, sign_in_interval=50)

    assert not result.verified and result.diagnosis["code"] == "not_proven"


def test_a_key_that_goes_on_signing_in_is_not_tried_without_a_pause(adopted):
    """Without a key store there is no budget either."""
    connection = adopted.connect(adopted.options(key_store=None, sign_in_interval=0, timeout_propagation=60))
    subject = steps.Subject(adopted.payroll.app_id, adopted.store.signer(adopted.current), None)

    found = steps.verify(connection, subject, steps.Expectation(accepted=False))

    assert not found.verified and found.progress.attempts <= 31


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "error", "status": 503, "retry_after": 20}])
def test_nor_is_a_service_that_does_not_answer(adopted, fault):
    adopted.lose(adopted.current)
    adopted.tenant.faults.add(match="token", times=2, **fault)

    result = adopted.verify(expect="refused", sign_in_interval=0, initial_pause=0)

    assert result.verified and result.sign_ins["attempts"] == 5
    assert adopted.timing.waited >= 2 * fault.get("retry_after", 2)


@pytest.mark.parametrize("accepted", [True, False])
def test_times_are_told_in_tenths_of_a_second(adopted, accepted):
    """Of sign-ins that an earlier call has completed, too."""
    connection = adopted.connect(adopted.options())
    now = adopted.timing.monotonic()
    progress = steps.ProofProgress(required=1, consecutive=1, attempts=1, started=now - 1.26, deadline=now + 9)

    subject = steps.find_subject(connection, "current", None)
    found = steps.verify(connection, subject, steps.Expectation(accepted=accepted), progress)

    assert [check.elapsed for check in found.checks] == [1.3]


def test_nothing_checked_is_nothing_verified():
    assert not Verification(progress=None).verified
    assert Verification(progress=None, checks=[Check("a", True, "", 0.0)]).verified
    assert not Verification(progress=None, checks=[Check("a", True, "", 0.0), Check("b", False, "", 0.0)]).verified


@pytest.mark.parametrize(("late", "verified"), [(0, True), (1, False)])
def test_checks_after_a_wait_need_a_token_in_time(adopted, late, verified):
    connection = adopted.connect(adopted.options())
    progress = steps.ProofProgress(required=1, consecutive=1, attempts=1, deadline=adopted.timing.monotonic() - late)
    subject = steps.find_subject(connection, "current", None)

    found = steps.verify(connection, subject, steps.Expectation(), progress)

    assert found.verified == verified
    assert verified or "could not be finished in time" in found.message


# Roles and probes


def grant(world, *roles):
    world.tenant.grant(world.payroll, *roles)


def test_granted_roles_are_told(adopted):
    grant(adopted, "User.Read.All", "Organization.Read.All")

    result = adopted.verify(required_roles=["User.Read.All", "Organization.Read.All"])

    assert checks(result) == [("sign_in", True), ("required_roles", True)]
    assert result.checks[1]["detail"] == "Granted: User.Read.All, Organization.Read.All."
    assert result.verified and result.checks[1]["elapsed"] == 0.0


def test_missing_roles_are_the_diagnosis(adopted):
    grant(adopted, "User.Read.All")

    result = adopted.verify(required_roles=["User.Read.All", "A.Read", "B.Read"])

    assert result.checks[1]["detail"] == "Not granted: A.Read, B.Read."
    assert result.diagnosis["code"] == "consent_missing" and not result.verified
    assert result._failed == "The sign-in works, but permissions are missing. Not granted: A.Read, B.Read."
    assert result.diagnosis["evidence"]["message"] == "Not granted: A.Read, B.Read."


@pytest.mark.parametrize("listed", [None, "A.Read", [], [["A.Read"], {}, 5, None]])
def test_a_token_that_does_not_list_roles_grants_none(adopted, listed):
    token = types.SimpleNamespace(claims=lambda: {"roles": listed})

    assert steps._missing_roles(token, ("A.Read",)) == ["A.Read"]


def a_grant_in(world, seconds, **options):
    """Verification of a permission that the token service hears of in so many seconds; how long it was waited for."""
    world.tenant.later(seconds, lambda: world.tenant.grant(world.payroll, "Organization.Read.All"))
    given = {"sign_ins": 1, "sign_in_interval": 20, "timeout_propagation": 65, "initial_pause": 0, **options}
    world.timing.waited = 0.0
    result = world.verify(required_roles=["Organization.Read.All"], **given)
    return result.verified, world.timing.waited


REPAIRED = ("service_principal", "Organization.Read.All")


@pytest.mark.parametrize(
    ("seconds", "options", "found"),
    [
        (0, {}, (True, 0)),
        (30, {}, (True, 40)),
        (30, {"sign_in_interval": 0, "sign_in_budget": 0}, (True, 30)),
        (2, {"sign_in_interval": 0}, (True, 2)),
        (60, {"timeout_propagation": 60}, (True, 60)),
        (60, {"timeout_propagation": 59}, (False, 40)),
        (9999, {}, (False, 60)),
    ],
)
def test_a_permission_that_was_granted_just_now_is_waited_for_until_the_deadline(adopted, seconds, options, found):
    assert a_grant_in(adopted, seconds, repairs=REPAIRED, **options) == found


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_token_service_delays_the_tokens_after_the_proof(adopted, status):
    adopted.tenant.faults.add("error", match="token", status=status, retry_after=3, skip=1)

    assert a_grant_in(adopted, 10, repairs=REPAIRED) == (True, 23)


@pytest.mark.parametrize("repairs", [(), ("service_principal", "User.Read.All")])
def test_a_permission_that_nobody_granted_just_now_is_not_waited_for(adopted, repairs):
    assert a_grant_in(adopted, 30, repairs=repairs) == (False, 0)


def test_without_required_roles_none_are_looked_for(adopted):
    assert checks(adopted.verify()) == [("sign_in", True)]


def probe(world, url="/organization", status=200, **more):
    return world.verify(probes=[{"url": url, "status": status}], **more)


def test_a_probe_that_answers_as_wanted_is_health(adopted):
    grant(adopted, "Organization.Read.All")

    result = probe(adopted)

    assert checks(result) == [("sign_in", True), ("probe /organization", True)] and result.verified
    assert result.checks[1]["detail"] == "Status 200."


def test_a_probe_that_is_refused_is_the_diagnosis(adopted):
    result = probe(adopted)

    assert result.checks[1] == {
        "name": "probe /organization",
        "ok": False,
        "detail": "Status 403 instead of 200.",
        "elapsed": 0.0,
    }
    assert result.diagnosis["code"] == "permission_denied"
    assert result._failed.startswith("The sign-in works, but the probe /organization does not.")


def test_a_probe_may_expect_a_refusal(adopted):
    assert probe(adopted, status=403).verified


def test_an_answer_that_was_not_expected_is_told_even_when_it_is_good(adopted):
    grant(adopted, "Organization.Read.All")

    result = probe(adopted, status=404)

    assert result.diagnosis["code"] == "unknown" and result.diagnosis["evidence"]["http_status"] == 200
    assert result.diagnosis["evidence"]["message"] == "Status 200 instead of 404."


def test_a_probe_without_an_answer_is_the_diagnosis(adopted):
    adopted.tenant.faults.add("reset", match="get_organization", times=None)

    result = probe(adopted)

    assert checks(result)[1] == ("probe /organization", False)
    assert result.diagnosis["code"] == "network_refused" and result._failed
    assert result.checks[1]["elapsed"] > 0


def test_the_time_of_a_probe_is_told(adopted):
    grant(adopted, "Organization.Read.All")
    adopted.tenant.faults.add("slow", match="get_organization", seconds=7)

    assert probe(adopted).checks[1]["elapsed"] == 7.0


def failing(world, names):
    """A verification in which these things fail, in their order: a role, probes."""
    world.tenant.faults.add("reset", match="get_organization", times=None)
    probes = {"silent": ("/organization", 200), "refused": ("/applications", 200), "wrong": ("/applications", 404)}
    wanted = [dict(zip(("url", "status"), probes[name])) for name in names if name in probes]
    return world.verify(sign_ins=1, required_roles=["A.Read"] if "role" in names else [], probes=wanted)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("role", "refused"), "consent_missing"),
        (("role", "silent"), "consent_missing"),
        (("silent", "refused"), "network_refused"),
        (("refused", "silent"), "permission_denied"),
        (("wrong", "silent"), "permission_denied"),
    ],
)
def test_the_first_thing_that_failed_is_the_diagnosis_and_the_message(adopted, names, code):
    result, alone = failing(adopted, names), failing(adopted, names[:1])

    assert [check["ok"] for check in result.checks] == [True, False, False]
    assert result.diagnosis["code"] == alone.diagnosis["code"] == code
    assert result._failed == alone._failed


def test_what_went_well_before_is_not_the_diagnosis(adopted):
    grant(adopted, "Organization.Read.All")
    probes = [{"url": "/organization", "status": 200}, {"url": "/applications", "status": 200}]

    result = adopted.verify(sign_ins=1, required_roles=["Organization.Read.All"], probes=probes)

    assert [check["ok"] for check in result.checks] == [True, True, True, False]
    assert result.diagnosis["code"] == "permission_denied"
    assert result._failed.startswith("The sign-in works, but the probe /applications does not.")


def test_a_probe_means_success_unless_told_otherwise():
    assert steps.Probe("/organization").status == 200


# Evidence


def test_the_evidence_names_the_key_and_what_was_said_about_it(adopted):
    result = adopted.verify()

    evidence = dict(result.evidence)
    assert len(set(evidence.pop("correlation_ids"))) == 3
    assert evidence == {
        "app_id": adopted.payroll.app_id,
        "thumbprint": adopted.old.thumbprint,
        "thumbprint_sha256": adopted.old.thumbprint_sha256,
        "key_id": next(iter(adopted.credentials)),
        "assertion_alg": "PS256",
        "token_issued_at": f"{adopted.tenant.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "clock_offset_seconds": 0,
    }


@pytest.mark.parametrize("issued", [None, "soon", 10**30, float("nan"), [1]])
def test_a_token_that_does_not_say_when_it_was_issued_hides_nothing_else(issued):
    assert steps._moment(issued) is None


def test_the_offset_of_our_clock_is_told(adopted):
    adopted.tenant.clock.skew = -40

    assert adopted.verify().evidence["clock_offset_seconds"] == 40
