# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.texts import plain, sentence, shown, trimmed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\n::error::injected", "a ::error::injected"),
        ("a\r\n  b\u2028c", "a b c"),
        ("\x1b]0;pwned\x07\x1b[31mRED", "<U+001B>]0;pwned<U+0007><U+001B>[31mRED"),
        ("\x9b2J", "<U+009B>2J"),
        ("x ##vso[task.setvariable variable=a]b", "x #<U+0023>vso[task.setvariable variable=a]b"),
        ("##[add-path]/x ##teamcity[x]", "#<U+0023>[add-path]/x #<U+0023>teamcity[x]"),
        ("C## [a] ## b", "C## [a] ## b"),
        ("\u202eabc\u200b", "<U+202E>abc<U+200B>"),
        ("Zahlung \u00e4\u00f6 \u65e5\u672c", "Zahlung \u00e4\u00f6 \u65e5\u672c"),
    ],
)
def test_a_message_is_one_line_in_which_nothing_acts(text, told):
    assert sentence(text) == told and "\n" not in plain(text)


def test_every_text_is_cleaned_however_deep():
    assert shown({"a": ["\n", {"b": "x\ny"}], "c": 1, "d": ("\x1b",)}) == {
        "a": ["", {"b": "x y"}],
        "c": 1,
        "d": ["<U+001B>"],
    }


@pytest.mark.parametrize("text", ["", " \t\r\n", "\u200b\ufeff", "\u00a0\u3000\u2060\u00ad"])
def test_what_cannot_be_seen_at_an_end_is_trimmed(text):
    assert trimmed(f"{text}a b\u200bc{text}") == "a b\u200bc" and trimmed(text) == ""
