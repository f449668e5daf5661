# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A predecessor's credential goes when its time is over, is seen to be gone, and its key follows."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    EvercertError,
    NotProven,
    SignInRefused,
)


def test_the_overlap_counts_from_promotion(adopted):
    adopted.renew()
    adopted.settle(7 * 86400 - 5)
    assert not adopted.renew().changed
    adopted.settle(10)

    assert adopted.renew().steps == ["retire"]
    assert adopted.registered == [adopted.current]


def test_a_retired_private_key_is_deleted_in_time(adopted):
    adopted.renew(overlap=0)
    adopted.settle(7 * 86400 - 60)
    assert adopted.contents.find(adopted.old.thumbprint)
    assert not adopted.renew().changed
    adopted.settle(120)
    adopted.renew()

    assert adopted.contents.find(adopted.old.thumbprint) is None


def test_nothing_is_retired_unless_the_current_key_signs_in(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.enable(adopted.payroll, False)

    assert isinstance(adopted.refused(), SignInRefused)
    assert len(adopted.registered) == 2


@pytest.mark.parametrize(("way", "operation"), [("add_key", "remove_key"), ("update", "patch_application")])
def test_a_removal_that_is_acknowledged_and_not_applied_is_no_success(adopted, way, operation):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.faults.add("not_applied", match=operation)

    assert isinstance(adopted.refused(add_method=way), NotProven)
    assert adopted.renew(add_method=way).steps == ["retire"] and adopted.registered == [adopted.current]


def test_a_lost_removal_seen_by_a_stale_replica_only_still_ends(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.reads.lag(seconds=[40])
    adopted.tenant.faults.add("lost_reply", match="remove_key")

    assert adopted.renew().steps == ["retire"] and adopted.registered == [adopted.current]


def test_confirm_retired_waits_until_the_old_key_is_refused(adopted):
    adopted.renew()
    adopted.settle(8 * 86400)
    adopted.tenant.sign_ins.lag(seconds=[100])

    assert adopted.renew(confirm_retired=True).steps == ["retire"]
    assert not adopted.tenant.oracle.can_sign_in(adopted.payroll, adopted.old.thumbprint)


def test_a_predecessor_whose_key_id_cannot_be_learnt_is_reported(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(overlap=0, **world.as_itself)

    result = world.renew(overlap=0, **world.as_itself)
    assert not result.changed and any("key ID is not recorded" in warning for warning in world.warnings)
    assert world.renew(overlap=0).steps == ["retire"]


def test_the_token_encryption_key_and_a_saml_pair_are_never_removed(adopted):
    adopted.tenant.change(adopted.payroll, token_encryption_key_id=next(iter(adopted.credentials)))
    before = dict(adopted.credentials)
    try:
        adopted.renew(overlap=0, add_method="update")
    except EvercertError as error:
        assert "tokenEncryptionKeyId" in error.message
    assert set(before) <= set(adopted.credentials)
