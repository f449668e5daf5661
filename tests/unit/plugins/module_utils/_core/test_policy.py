# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core import policy
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import ProofPolicy, RenewalPolicy


def days(count):
    return dt.timedelta(days=count)


def test_the_times_are_those_that_the_service_and_the_documentation_state():
    """Validity of a key that signs a proof, start of a certificate, age of a proof, skew, the service's loop rule."""
    stated = (policy.PROOF_MARGIN, policy.START_MARGIN, policy.PROOF_FRESH, policy.SKEW_LIMIT, policy.BUDGET_WINDOW)

    assert [each.total_seconds() / 60 for each in stated] == [5, 5, 15, 5, 5]


def test_the_defaults_are_those_of_the_documentation():
    proof, renewal = ProofPolicy(), RenewalPolicy()

    assert (proof.sign_ins, proof.interval, proof.initial_pause, proof.budget, proof.timeout) == (3, 30, 10, 14, 600)
    assert [renewal.renew_before, renewal.validity] == [days(30), days(180)]
    assert [renewal.overlap, renewal.keep_retired] == [days(7), days(7)]
    assert (renewal.key_size, renewal.add_method, renewal.stop_after) == (2048, "auto", "retired")
    assert (renewal.on_policy_limit, renewal.propagation) == ("fail", dt.timedelta(minutes=10))
    assert not renewal.force


def test_the_defaults_contradict_nothing():
    assert RenewalPolicy().problems() == []


@pytest.mark.parametrize("renew_before", [180, 200])
def test_a_renewal_that_would_always_be_due_is_refused(renew_before):
    assert RenewalPolicy(renew_before=days(renew_before)).problems() == [
        f"renew_before ({renew_before} days) must be less than validity (180 days), else every run would renew again."
    ]


def test_a_rotation_longer_than_the_validity_is_refused():
    assert RenewalPolicy(rotation_period=days(180.5)).problems() == [
        "rotation_period (180.5 days) must not exceed validity (180 days)."
    ]


def test_a_rotation_as_long_as_the_validity_is_none():
    assert RenewalPolicy(rotation_period=days(180)).problems() == []


def test_every_contradiction_is_named_at_once():
    assert len(RenewalPolicy(validity=days(10), rotation_period=days(20)).problems()) == 2
