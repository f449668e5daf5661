# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last check before an effect, and what is left when a step gives up or clears away."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    GraphRefused,
    KeyStoreError,
    SignInRefused,
    Unsafe,
)

DAY = 86400


def test_a_certificate_that_ends_between_its_proof_and_its_promotion_is_not_promoted(adopted):
    proven = 4 + len(adopted.sign_ins())  # one for addKey, three for the proof
    original = adopted.at

    def at(moment):
        """Two hundred days pass before the first effect after the proof."""
        original(moment)
        if len(adopted.sign_ins()) == proven and "POST" not in moment:
            adopted.at = original
            adopted.settle(200 * DAY)

    adopted.at = at
    with adopted.watching_effects():
        error = adopted.refused()

    assert isinstance(error, Unsafe)
    assert "is not promoted" in error.message
    assert adopted.current == adopted.old.thumbprint
    assert adopted.contents.successor.record.proven


def test_an_unsent_successor_that_does_not_serve_is_deleted_with_its_key(adopted):
    """As a run leaves it that ended between making the key pair and its first request."""
    adopted.renew(stop_after="generated")
    unsent = adopted.contents.successor
    adopted.store.write_record(unsent.thumbprint, dataclasses.replace(unsent.record, stop_after=None))

    result = adopted.renew(key_size=3072, stop_after="generated")

    assert result.steps == ["replace_successor", "generate"]
    assert adopted.contents.find(unsent.thumbprint) is None


def test_a_key_that_need_not_be_kept_is_deleted_as_soon_as_its_credential_is_removed(adopted):
    adopted.renew(overlap=0, keep_retired=0)

    assert [version.thumbprint for version in adopted.contents.versions] == adopted.made
    assert adopted.events()[-2:] == ["retired", "key_deleted"]


def test_a_key_refused_for_good_while_its_write_is_settled_is_remembered_as_refused(adopted):
    adopted.tenant.faults.add("no_reply", match="add_key")
    # The administrator and the key that signs the proof come first.
    adopted.tenant.faults.add("error", match="token", skip=2, status=401, error="invalid_client", code=7000274)

    error = adopted.refused()

    assert isinstance(error, SignInRefused)
    assert adopted.contents.successor.record.refused
    assert adopted.current == adopted.old.thumbprint


def test_a_removal_that_graph_keeps_putting_off_ends_with_its_answer_and_both_certificates(adopted):
    adopted.tenant.faults.add("error", match="remove_key", status=503, times=None)

    error = adopted.refused(overlap=0)

    assert isinstance(error, GraphRefused)
    assert error.status == 503
    assert adopted.operations().count("remove_key") == 4
    assert adopted.registered == sorted([adopted.old.thumbprint, adopted.current])
    assert "retired" not in adopted.events()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_certificate_that_graph_refuses_is_sent_once(world, state):
    world.tenant.faults.add("error", match="patch_application", status=400, times=None)
    pair = world.tenant.issue("mine") if state == "present" else world.old

    with pytest.raises(GraphRefused):
        world.certificate(pair, state=state)
    assert world.operations().count("patch_application") == 1


def test_a_certificate_that_graph_keeps_putting_off_is_sent_four_times_as_slowly_as_it_asks(world):
    world.tenant.faults.add("error", match="patch_application", status=429, retry_after=9, times=None)

    with pytest.raises(GraphRefused):
        world.certificate(world.tenant.issue("mine"))
    assert world.operations().count("patch_application") == 4
    assert world.timing.waited == 3 * 9


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_entry_of_somebody_else_that_vanishes_while_one_certificate_changes_is_told(world, state):
    foreign = world.foreign()
    world.tenant.faults.add(
        "change",
        match="patch_application",
        when="after",
        action="remove_credential",
        arguments={"application": "payroll", "key_id": foreign.key_id},
    )
    world.certificate(world.tenant.issue("mine") if state == "present" else world.old, state=state)

    assert len(world.warnings) == 1
    assert foreign.key_id in world.warnings[0]


def test_a_step_that_needs_a_key_store_says_so(world):
    with pytest.raises(KeyStoreError, match="needs the option key_store"):
        assert world.connect(world.options(key_store=None)).store
