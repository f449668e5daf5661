# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.operators import Credential, end_of_secret
from ansible_collections.evercert.entra.tests.unit.builders import NOW, at


@pytest.mark.parametrize(("days", "told"), [(31, False), (30, True), (1, True), (-1, True), (None, False)])
def test_the_end_of_a_credential_is_told_from_thirty_days_before(days, told):
    credential = Credential("client secret", at(days))

    assert credential.ends_soon(NOW) is told and bool(credential.warning(NOW)) is told


def test_the_warning_names_the_credential_and_the_day():
    assert (
        Credential("client secret of manager", at(12))
        .warning(NOW)
        .startswith("The client secret of manager ends on 2026-12-04 10:00 UTC, in 12 day(s). Make a new one")
    )


@pytest.mark.parametrize(
    ("passwords", "end"),
    [
        ([("abc", at(5)), ("xyz", at(9))], at(5)),
        ([("abc", at(5)), ("abc", at(9))], None),  # either may be it
        ([("xyz", at(9))], None),
        ([(None, at(9))], None),
        ([("", at(9))], None),
        ([("abc", None)], None),
        ([], None),
    ],
)
def test_a_secret_is_known_by_its_first_characters_where_no_other_has_them(passwords, end):
    assert end_of_secret(passwords, "abcdef") == end
