# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair in use today, taken into an empty store after one accepted sign-in."""

from __future__ import annotations

import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    GraphRefused,
    InvalidInput,
    SignInRefused,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._steps.adopt import is_adoption
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import START


def test_an_adopted_key_pair_is_current_and_managed_and_entra_is_unchanged(world):
    before = world.credentials
    result = world.adopt()

    assert result.steps == ["adopt"] and result.changed and world.credentials == before
    assert world.current == world.old.thumbprint
    assert world.contents.current.record == Record(
        app_id=world.payroll.app_id,
        object_id=world.payroll.object_id,
        key_id=next(iter(before)),
        registered=START,
        proven=START,
        promoted=START,
        accepted=START,
        seen=START,
        origin="adopted",
    )


def test_an_adoption_is_told(world):
    world.adopt()

    assert world.events() == ["adopted"] and world.store.history(1)[0]["key_id"] == next(iter(world.credentials))


def test_the_key_id_of_an_adopted_key_pair_is_that_of_its_own_entry(world):
    pair = world.tenant.issue("payroll", -1, 100)
    entry = world.tenant.add_credential(world.payroll, pair)

    world.adopt(pair=pair)

    assert world.contents.current.record.key_id == entry.key_id


def test_an_entry_that_decrypts_tokens_is_not_the_one_to_remove_later(world):
    """Its certificate may be the very one that signs in."""
    world.tenant.change(world.payroll, token_encryption_key_id=next(iter(world.credentials)))

    world.adopt()

    assert world.contents.current.record.key_id is None


def test_an_entry_with_only_the_identifier_of_the_certificate_may_be_anybodys(world):
    world.lose(world.old.thumbprint)
    world.foreign(key=None, custom_key_identifier=world.old.thumbprint)
    own = world.tenant.add_credential(world.payroll, world.old)

    world.adopt()
    assert world.contents.current.record.key_id == own.key_id

    world.lose(world.old.thumbprint)
    world.settle()
    world.renew(stop_after="generated")
    assert world.contents.current.record.key_id == own.key_id


def test_an_application_known_by_its_name_is_read_once_before_its_key_signs_in(world):
    result = world.adopt(app_id=None, display_name="payroll")

    assert world.contents.current.record.app_id == world.payroll.app_id
    assert result.operations.count("get_application") == 1


def test_a_key_pair_is_adopted_where_the_directory_may_not_be_read(world):
    world.adopt(**world.as_itself)

    record = world.contents.current.record
    assert (record.app_id, record.object_id) == (world.payroll.app_id, world.payroll.object_id)
    assert record.key_id is None and record.seen is None and record.accepted


def test_another_refusal_to_read_than_a_missing_permission_ends_the_adoption(world):
    world.tenant.faults.add("error", match="get_application", status=400, times=None)

    with pytest.raises(GraphRefused, match="400"):
        world.adopt()
    assert world.contents.is_empty


def test_only_an_empty_store_adopts_and_only_when_asked(world):
    connection = world.connect(world.options())
    assert is_adoption(connection, True) and not is_adoption(connection, False)

    world.adopt()

    assert not is_adoption(connection, True)


def test_adopting_in_check_mode_leaves_no_trace(world):
    assert world.adopt(check=True).steps == ["adopt"]
    assert not (world.folder / "store").exists()


def test_a_key_pair_that_does_not_sign_in_is_not_adopted(world):
    with pytest.raises(SignInRefused):
        world.adopt(pair=world.tenant.issue("other"))
    assert world.contents.is_empty


@pytest.mark.parametrize("span", [(-100, -1), (-100, 0), (1, 100)])
def test_a_key_pair_that_is_not_valid_now_is_not_adopted(world, span):
    with pytest.raises(InvalidInput, match="cannot sign in now"):
        world.adopt(pair=world.tenant.issue("payroll", *span))


def test_a_key_pair_is_adopted_in_the_second_from_which_it_is_valid(world):
    pair = world.tenant.issue("payroll", 0, 100)
    world.tenant.add_credential(world.payroll, pair)

    assert world.adopt(pair=pair).changed


def test_a_wrong_clock_stops_an_adoption(world):
    world.tenant.clock.skew = 400
    with pytest.raises(Unsafe, match="clock"):
        world.adopt()
    assert world.contents.is_empty


@pytest.mark.parametrize("match", ["token", "discovery"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("check", [True, False])
def test_a_busy_token_service_delays_an_adoption(world, match, status, check):
    world.tenant.faults.add("error", match=match, status=status, retry_after=7)

    assert world.adopt(check=check).steps == ["adopt"]
    assert world.timing.waited == 7


def test_an_application_adopts_and_renews_itself_known_by_client_id_and_object_id_alone(world):
    own = {**world.as_itself, "app_id": None, "client_id": world.payroll.app_id}
    world.adopt(**own)
    world.settle()

    assert world.renew(**own).steps == ["generate", "register", "prove", "promote"]


def test_what_may_not_be_read_and_was_not_given_stays_unknown(world):
    world.adopt(**{**world.as_itself, "object_id": None})

    assert world.contents.current.record.app_id == world.payroll.app_id
    assert world.contents.current.record.object_id is None


def test_the_sign_in_of_an_adoption_counts_for_the_budget(world):
    world.adopt()

    [noted] = (json.loads(line) for line in (world.key_store / "sign_ins.jsonl").read_text().splitlines())
    assert noted["purpose"] == "adopt"
