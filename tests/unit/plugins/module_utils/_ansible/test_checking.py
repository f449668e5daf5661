# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.checking import checked_options
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import CONNECTION, DUE


def test_sound_options_get_their_defaults():
    options, problems = checked_options({**CONNECTION, **DUE}, {"tenant_id": "contoso.com", "renew_before": "7"})

    assert problems == []
    assert (options["tenant_id"], options["renew_before"], options["cloud"]) == ("contoso.com", 7.0, "public")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"renew_before": "soon"}, "renew_before"),
        ({"renew_before": 10**400}, "renew_before: the number is too large."),
        ({"x": 1}, "x"),
    ],
    ids=["no number", "too large", "unknown"],
)
def test_others_are_problems(given, message):
    _options, (problem,) = checked_options({**CONNECTION, **DUE}, given)

    assert message in problem
