# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy


def days(count):
    return dt.timedelta(days=count)


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


def test_every_contradiction_is_named_at_once():
    assert len(RenewalPolicy(validity=days(10), rotation_period=days(20)).problems()) == 2
