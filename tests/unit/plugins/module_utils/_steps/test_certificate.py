# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One public certificate present or absent on an application, whatever goes wrong on the way."""

from __future__ import annotations

import contextlib
import itertools

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
    GraphRefused,
    InvalidInput,
    NotProven,
    Unsafe,
)


def test_a_certificate_is_present_once_whatever_it_is_called(world):
    pair = world.tenant.issue("mine")

    planned = world.certificate(pair, check=True)
    first = world.certificate(pair, name="mine")
    second = world.certificate(pair, name="called otherwise")

    assert planned.changed and first.changed and not second.changed
    assert first.key_id == second.key_id and len(world.registered) == 2


@pytest.mark.parametrize("check", [True, False])
def test_a_certificate_that_has_ended_is_refused_with_the_day_in_check_mode_as_in_the_run(world, check):
    pair = world.tenant.issue("mine", -60, -30)

    told = f"The certificate given, {pair.thumbprint}, ended on {pair.not_after:%Y-%m-%d}"
    with pytest.raises(InvalidInput, match=told):
        world.certificate(pair, check=check)
    assert pair.thumbprint not in world.registered


def test_one_that_ended_while_it_was_registered_is_present_all_the_same(world):
    pair = world.tenant.issue("mine", -60, -30)
    world.tenant.add_credential(world.payroll, pair)

    assert not world.certificate(pair).changed


@pytest.mark.parametrize("by", ["certificate", "key_id", "thumbprint", "sha256"])
@pytest.mark.parametrize("check", [True, False])
def test_a_certificate_is_absent_once(world, by, check):
    pair = world.tenant.issue("mine")
    key_id = world.certificate(pair).key_id
    named = {
        "certificate": {"pair": pair},
        "key_id": {"key_id": key_id},
        "thumbprint": {"thumbprint": pair.thumbprint},
        "sha256": {"thumbprint": pair.thumbprint_sha256},
    }[by]

    assert world.certificate(state="absent", check=check, **named).changed
    assert (pair.thumbprint in world.registered) == check
    if not check:
        assert not world.certificate(state="absent", **named).changed


def test_a_thumbprint_of_two_entries_is_ambiguous(world):
    world.tenant.add_credential(world.payroll, world.old)

    with pytest.raises(ApplicationNotFound, match="Select one by key_id"):
        world.certificate(state="absent", thumbprint=world.old.thumbprint)
    assert len(world.credentials) == 2


def test_an_entry_that_cannot_be_read_hides_no_other(world):
    world.foreign("unreadable", key=None, custom_key_identifier=None)
    pair = world.tenant.issue("mine")
    key_id = world.certificate(pair).key_id

    assert world.certificate(state="absent", thumbprint=pair.thumbprint_sha256).key_id == key_id


def test_what_somebody_else_removes_first_is_not_removed_again(world):
    entry = world.foreign()
    arguments = {"application": "payroll", "key_id": entry.key_id}
    world.tenant.faults.add("change", match="get_application", skip=1, action="remove_credential", arguments=arguments)

    result = world.certificate(state="absent", key_id=entry.key_id)

    assert result.changed and "patch_application" not in result.operations


def test_a_write_without_an_answer_that_shows_its_effect_is_read_back_once(world):
    world.tenant.faults.add("lost_reply", match="patch_application")

    result = world.certificate(world.tenant.issue("mine"))

    assert result.operations.count("get_application") == 3  # before, directly before, after


def test_a_write_that_is_put_off_is_sent_again_more_and_more_slowly(world):
    world.tenant.faults.add("error", match="patch_application", status=409, times=3)

    assert world.certificate(world.tenant.issue("mine")).changed
    assert world.timing.waited == 2 + 4 + 6


@pytest.mark.parametrize("times", [1, 2])
def test_dates_that_are_refused_are_sent_once_more(world, times):
    world.tenant.faults.add(
        "error", match="patch_application", status=400, code="KeyCredentialsInvalidEndDate", times=times
    )

    with contextlib.suppress(GraphRefused):
        world.certificate(world.tenant.issue("mine"))

    assert world.operations().count("patch_application") == 2 and len(world.credentials) == 3 - times


@pytest.mark.parametrize(("seconds", "sent"), [(120, 2), (121, 1)])
def test_a_write_that_is_put_off_for_longer_than_patience_lasts_is_the_result(world, seconds, sent):
    world.tenant.faults.add("error", match="patch_application", status=429, retry_after=seconds)

    with contextlib.suppress(GraphRefused):
        world.certificate(world.tenant.issue("mine"))
    assert world.operations().count("patch_application") == sent


def test_the_difference_shows_what_was_there_before_and_after(world):
    pair = world.tenant.issue("mine")

    difference = world.certificate(pair).diff

    shown = {when: [one["thumbprint"] for one in each["key_credentials"]] for when, each in difference.items()}
    assert shown == {"before": [world.old.thumbprint], "after": [world.old.thumbprint, pair.thumbprint]}


def test_a_protected_entry_is_refused(world):
    encrypts = world.foreign("encrypts")
    world.tenant.change(world.payroll, token_encryption_key_id=encrypts.key_id)
    saml = [world.foreign("saml", custom_key_identifier="c2FtbA==", usage=usage) for usage in ("Sign", "Verify")]

    for entry in (encrypts, *saml):
        with pytest.raises(Unsafe, match="is not removed"):
            world.certificate(state="absent", key_id=entry.key_id)
    assert len(world.credentials) == 4


FAULTS = {
    "lost reply": {"kind": "lost_reply"},
    "request lost": {"kind": "reset"},
    "503, applied": {"kind": "error", "status": 503, "applied": True},
    "503, not applied": {"kind": "error", "status": 503},
    "408, applied": {"kind": "error", "status": 408, "applied": True},
    "499, not applied": {"kind": "error", "status": 499},
    "409": {"kind": "error", "status": 409},
    "429": {"kind": "error", "status": 429, "retry_after": 9},
}


CASES = itertools.product(("present", "absent"), (0, 40), FAULTS)


@scale.sampled
@pytest.mark.parametrize(("state", "lag", "fault"), scale.one_of(3, CASES, check=2))
def test_a_faulty_write_is_settled_and_never_doubled(world, fault, lag, state):
    pair, foreign = world.tenant.issue("mine"), world.foreign()
    world.settle()
    if state == "absent":
        world.certificate(pair)
        world.settle()
    world.tenant.reads.lag(seconds=[lag])
    world.tenant.faults.add(match="patch_application", **FAULTS[fault])

    result = world.certificate(pair, state=state)

    assert result.changed and world.registered.count(pair.thumbprint) == (state == "present")
    assert world.credentials[foreign.key_id] == foreign and len(world.credentials) == 2 + (state == "present")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_write_that_is_never_applied_is_no_success(world, state):
    pair = world.tenant.issue("mine")
    if state == "absent":
        world.certificate(pair)
    world.tenant.faults.add("not_applied", match="patch_application")

    with pytest.raises(NotProven):
        world.certificate(pair, state=state)


def test_a_refused_write_is_the_result(world):
    reader = world.tenant.add_application("reader", secret="r", roles=["Application.Read.All"])

    with pytest.raises(GraphRefused, match="403"):
        world.certificate(world.tenant.issue("mine"), client_id=reader.app_id, client_secret="r")


def test_a_wrong_clock_stops_a_write_and_not_a_look(world):
    world.tenant.clock.skew = 400
    with pytest.raises(Unsafe, match="clock"):
        world.certificate(world.tenant.issue("mine"))
    with pytest.raises(Unsafe, match="clock"):
        world.certificate(world.old, state="absent")
    assert not world.certificate(world.old).changed
    assert not world.certificate(state="absent", thumbprint="00" * 20).changed
