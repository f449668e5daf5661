# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.subject import default_subject
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import distinguished_name

APP_ID = "00000000-aaaa-4000-8000-000000000001"
LONG = "Contoso Corporation - Payroll Synchronisation Service (Production, West Europe, Team Finance)"


@pytest.mark.parametrize(
    ("display_name", "subject"),
    [
        ("payroll", "CN=payroll"),
        (LONG, "CN=Contoso Corporation - Payroll Synchronisation Service (Productio"),
        ("env=prod payroll", "CN=env=prod payroll"),
        ("https://payroll.example/app?x=1", "CN=https://payroll.example/app?x=1"),
        ("CN=payroll", "CN=CN=payroll"),
        ("O=a,CN=b", "CN=O=a\\,CN=b"),
        ('#1 <a> + "b"; c\\d, e=f', 'CN=\\#1 \\<a\\> \\+ \\"b\\"\\; c\\\\d\\, e=f'),
        ("", f"CN={APP_ID}"),
        (" ", f"CN={APP_ID}"),
        ("\u200b\u00a0\u2060", f"CN={APP_ID}"),
        ("a\nb\x1b\x00c\ud800", "CN=a b c"),
        ("\u00e4" * 70, "CN=" + "\u00e4" * 32),
        (f"{'a' * 63} b", f"CN={'a' * 63}"),
        ("=" * 65, "CN=" + "=" * 64),
    ],
)
def test_any_display_name_gives_a_valid_subject(display_name, subject):
    assert distinguished_name(default_subject(display_name, APP_ID)) == subject
