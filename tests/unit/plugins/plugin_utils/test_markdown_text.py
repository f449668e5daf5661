# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of others for Markdown, written as the reports write it."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.plugin_utils._markdown_text import markdown_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("payroll_eu", "payroll_eu"),
        ("_payroll_", "\\_payroll\\_"),
        ("a__b", "a\\_\\_b"),
        ("a|b\r\n`c`", "a\\|b \\`c\\`"),
        ("<b>@all", "&lt;b\\>&#64;all"),
        ("\x1b[31m", "<U+001B>\\[31m"),
        (7, "7"),
    ],
)
def test_nothing_in_it_acts(text, shown):
    assert markdown_text(text) == shown.replace("<U", "&lt;U").replace("+001B>", "+001B\\>")
