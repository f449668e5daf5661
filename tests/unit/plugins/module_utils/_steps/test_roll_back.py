# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back to the predecessor: only if it signs in now and the current key is refused for being what it is."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    KeyStoreError,
    Unsafe,
)


def promoted_and_lost(world):
    world.renew()
    made = world.current
    world.lose(made)
    world.settle()
    return made


@pytest.mark.parametrize("check", [True, False])
def test_a_refused_current_certificate_goes_back_to_its_predecessor(adopted, check):
    made = promoted_and_lost(adopted)

    result = adopted.roll_back(check=check, sign_in_budget=0)

    assert result.steps == ["roll_back"] and result.changed
    assert adopted.current == (made if check else adopted.old.thumbprint)
    if not check:
        assert adopted.contents.successor.record.refused
        assert not adopted.roll_back().changed


def test_a_roll_back_that_hands_its_waits_over_counts_what_was_refused_before(adopted):
    promoted_and_lost(adopted)
    before = len(adopted.sign_ins())

    adopted.roll_back_in_slices(sign_in_budget=0)

    assert adopted.current == adopted.old.thumbprint
    assert len(adopted.sign_ins()) - before == 4  # three refusals and one acceptance, however the calls were cut


def test_trouble_is_counted_over_the_calls_too(adopted):
    promoted_and_lost(adopted)
    adopted.tenant.faults.add("error", match="token", status=503, times=None)
    before = len(adopted.sign_ins())

    with pytest.raises(Unsafe, match="not because of its key"):
        adopted.roll_back_in_slices(sign_in_budget=0)
    assert len(adopted.sign_ins()) - before == 4


def test_an_accepted_current_certificate_is_not_rolled_back(adopted):
    adopted.renew()
    adopted.settle()
    made = adopted.current

    for attempts in (1, 3):
        with pytest.raises(Unsafe, match="Entra accepts sign-ins"):
            adopted.roll_back(sign_ins=attempts)
    assert adopted.current == made


def test_nothing_is_rolled_back_to_a_predecessor_that_does_not_sign_in(adopted):
    made = promoted_and_lost(adopted)
    adopted.lose(adopted.old.thumbprint)

    with pytest.raises(Unsafe, match="does not sign in either"):
        adopted.roll_back()
    assert adopted.current == made


def test_trouble_that_is_not_about_the_key_rolls_nothing_back(adopted):
    made = promoted_and_lost(adopted)
    adopted.tenant.enable(adopted.payroll, False)

    with pytest.raises(Unsafe, match="not because of its key"):
        adopted.roll_back()
    assert adopted.current == made


def test_one_acceptance_among_the_attempts_rolls_nothing_back(adopted):
    adopted.renew()
    adopted.settle()
    refusal = {"status": 401, "error": "invalid_client", "code": 700027, "message": "[Reason - The key was not found.]"}
    adopted.tenant.faults.add("error", match="token", times=2, **refusal)

    with pytest.raises(Unsafe, match="Entra accepts sign-ins"):
        adopted.roll_back()


def test_the_renewal_after_a_roll_back_replaces_the_refused_certificate(adopted):
    made = promoted_and_lost(adopted)
    adopted.roll_back()
    adopted.settle()

    adopted.renew(overlap=0)

    assert adopted.current not in (made, adopted.old.thumbprint) and adopted.registered == [adopted.current]


def test_what_only_retires_leaves_a_refused_certificate_alone(adopted):
    """A role that went back and runs again: nobody tells the consumers of what its last call would make current."""
    made = promoted_and_lost(adopted)
    adopted.roll_back()
    adopted.settle(30 * 86400)

    result = adopted.renew(state="retired", overlap=0, keep_retired=0)

    assert (result.finding, result.steps, result.changed) == (None, [], False)
    assert adopted.current == adopted.old.thumbprint and adopted.contents.successor.thumbprint == made


def test_a_store_without_a_current_certificate_cannot_be_rolled_back(world):
    with pytest.raises(KeyStoreError, match="holds no current certificate"):
        world.roll_back()


@pytest.mark.parametrize("way", ["auto", "update"])
@pytest.mark.parametrize("renews", ["renew", "renew_in_slices"])
def test_an_application_that_went_back_to_its_predecessor_may_do_by_itself_what_it_could_before(adopted, way, renews):
    own = adopted.tenant.service_principal(adopted.payroll)
    adopted.tenant.change(adopted.payroll, owners=(own.object_id,))
    adopted.tenant.grant(adopted.payroll, "Application.ReadWrite.OwnedBy")
    made = promoted_and_lost(adopted)

    result = getattr(adopted, renews)(**adopted.as_itself, add_method=way, renew_before=15)

    assert result.steps == ["roll_back", "register", "prove", "promote"] and result.finding == "unregistered"
    assert adopted.current == made and result.proof == "directory+sign_in"


# How it is decided


def test_every_attempt_has_its_time_and_the_predecessor_is_tried_last(adopted):
    made = promoted_and_lost(adopted)
    before, adopted.timing.waited = len(adopted.sign_ins()), 0.0

    adopted.roll_back(sign_ins=2, sign_in_budget=0)

    assert adopted.timing.waited == 30 and len(adopted.sign_ins()) - before == 3
    assert adopted.contents.successor.thumbprint == made
    assert [line["event"] for line in adopted.store.history(1)] == ["rolled_back"]
    assert adopted.store.history(1)[0]["refused"] == made
    assert "refused 1 of 2 times" in adopted.timing.said[-1]


def test_what_was_rolled_back_already_asks_nobody(adopted):
    promoted_and_lost(adopted)
    adopted.roll_back(sign_in_budget=0)
    before = len(adopted.sign_ins())

    result = adopted.roll_back(sign_in_budget=0)

    assert not result.changed and len(adopted.sign_ins()) == before


def test_the_budget_of_sign_ins_is_counted_by_the_services_clock(adopted):
    made = promoted_and_lost(adopted)
    for _attempt in range(14):
        adopted.store.note_sign_in(adopted.tenant.clock.now(), made, "prove")
    adopted.settle(100)
    adopted.timing.ahead, adopted.timing.waited, waited = dt.timedelta(seconds=250), 0.0, []
    adopted.liar = lambda request: waited.append(adopted.timing.waited) if request.method == "POST" else None

    adopted.roll_back(sign_ins=1)

    assert waited[0] == pytest.approx(200, abs=1)


def test_going_back_during_a_renewal_that_ended_there_is_no_rollback(adopted):
    """Its successor was not refused: the renewal would have registered it again."""
    promoted_and_lost(adopted)
    adopted.store.roll_back(adopted.old.thumbprint)

    with pytest.raises(Unsafe, match="has no predecessor in the store"):
        adopted.roll_back()


def test_a_successor_of_another_kind_is_no_rollback(adopted):
    adopted.renew()
    adopted.settle()
    adopted.renew(stop_after="registered", force=True)
    adopted.settle()

    with pytest.raises(Unsafe, match="Entra accepts sign-ins"):
        adopted.roll_back()


def test_a_refused_successor_that_replaced_another_one_is_no_rollback(adopted):
    made = promoted_and_lost(adopted)
    adopted.roll_back(sign_in_budget=0)
    record = adopted.contents.successor.record
    adopted.store.write_record(made, dataclasses.replace(record, predecessor="A" * 40))

    with pytest.raises(Unsafe, match="has no predecessor in the store"):
        adopted.roll_back()


def test_there_is_no_way_back_to_a_retired_predecessor(adopted):
    adopted.renew(overlap=0)
    adopted.settle()

    with pytest.raises(Unsafe, match="has no predecessor in the store"):
        adopted.roll_back()


def test_there_is_no_way_back_from_the_first_certificate(adopted):
    with pytest.raises(Unsafe, match="has no predecessor in the store"):
        adopted.roll_back()


def test_a_wrong_clock_moves_nothing(adopted):
    made = promoted_and_lost(adopted)
    adopted.tenant.clock.skew = 400

    with pytest.raises(Unsafe, match="clock"):
        adopted.roll_back(sign_in_budget=0)
    assert adopted.current == made


def test_trouble_that_passes_is_no_refusal(adopted):
    made = promoted_and_lost(adopted)
    adopted.tenant.faults.add("error", match="token", status=503, times=None)

    with pytest.raises(Unsafe, match="not because of its key"):
        adopted.roll_back(sign_in_budget=0)
    assert adopted.current == made


def test_without_the_link_to_the_current_key_nothing_is_rolled_back_or_signed_in_with(adopted):
    """Whoever signs in as the application itself reads the store as well."""
    adopted.renew()
    adopted.settle()
    path = adopted.key_store / "current"
    command = f"Run 'ln -sfn {path.readlink()} {path}'."
    path.unlink()

    with pytest.raises(EvercertError) as refused:
        adopted.roll_back()
    with pytest.raises(EvercertError) as unknown:
        adopted.connect(adopted.options(**adopted.as_itself)).graph.get("/applications")

    assert command in refused.value.message and command in unknown.value.message
    assert not path.is_symlink()
