# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.strength import would_detect


@pytest.mark.parametrize(("sign_ins", "share"), [(0, None), (1, 0.95), (2, 0.78), (3, 0.63), (5, 0.45), (10, 0.26)])
def test_more_sign_ins_would_have_met_a_smaller_share_of_refusing_servers(sign_ins, share):
    assert would_detect(sign_ins) == share
