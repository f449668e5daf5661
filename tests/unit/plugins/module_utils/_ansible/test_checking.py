# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.checking import checked_options
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import OF_APPLICATION_RECOVERY as SPEC


def test_sound_options_get_their_defaults():
    options, problems = checked_options(
        SPEC, {"tenant_id": "contoso.com", "key_store": "/k", "validity": "7", "sign_ins": None}
    )

    assert problems == []
    assert (options["validity"], options["sign_ins"], options["cloud"]) == (7.0, 3, "public")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"validity": "soon"}, "validity must be a number, and is a text that is none."),
        ({"sign_ins": "3.5x"}, "sign_ins must be a whole number, and is a text that is none."),
        ({"force": []}, "force must be true or false, and is a list that is none."),
        ({"validity": 10**400}, "validity: the number is too large."),
        ({"probes": "x"}, "probes must be a list of dictionaries."),
        ({"x": 1}, "x"),
    ],
)
def test_others_are_problems(given, message):
    _options, (problem,) = checked_options(SPEC, {"key_store": "/k", **given})

    assert message in problem
