# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.strength import would_detect


@pytest.mark.parametrize(("sign_ins", "share"), [(0, None), (1, 0.95), (2, 0.78), (3, 0.63), (5, 0.45), (10, 0.26)])
def test_more_sign_ins_would_have_met_a_smaller_share_of_refusing_servers(sign_ins, share):
    assert would_detect(sign_ins) == share


@pytest.mark.parametrize(("restarts", "share"), [(0, 0.63), (1, 0.71), (2, 0.74), (10, 0.83)])
def test_a_count_that_was_started_again_proves_less(restarts, share):
    assert would_detect(3, restarts) == share


@pytest.mark.parametrize(("sign_ins", "restarts"), [(1, 0), (3, 0), (3, 4), (10, 2)])
def test_a_share_as_large_as_stated_passes_unmet_in_one_of_twenty_proofs(sign_ins, restarts):
    """Checked the other way round: the chance that one of the counts is completed although that share refuses."""
    completed = (1 - would_detect(sign_ins, restarts)) ** sign_ins

    assert 1 - (1 - completed) ** (1 + restarts) == pytest.approx(0.05, rel=0.2)
