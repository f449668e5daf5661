# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of others: what is invisible in them, and how they are shown to people. Pure."""

from __future__ import annotations

import re
import typing as t

# Controls, half characters, what XML cannot hold, and what turns the direction of the text that follows.
_UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\uffff\\ud800-\\udfff]"
)
_LINE_ENDS = re.compile(r"\s*[\t\n\v\f\r\x85\u2028\u2029]\s*")
# The log of a pipeline takes commands anywhere in a line (##vso[...], ##[...], ##teamcity[...]).
_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")
# Spaces of every kind, and what takes no room at all.
_INVISIBLE = " \t\n\v\f\r\x00\x85\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_AROUND = re.compile(f"^[{_INVISIBLE}]+|[{_INVISIBLE}]+$")


def plain(text: object, longest: int | None = None) -> str:
    """Foreign text on one line: what cannot be seen is written as its number, what is too long is cut."""
    shown = _UNPRINTABLE.sub(lambda found: f"<U+{ord(found.group()):04X}>", str("" if text is None else text))
    shown = _COMMAND.sub("#<U+0023>", shown)
    return shown if longest is None or len(shown) <= longest else f"{shown[: longest - 1]}\u2026"


def sentence(text: object) -> str:
    """A message that quotes others, for a terminal and the log of a pipeline: one line, and nothing acts in it."""
    return plain(_LINE_ENDS.sub(" ", str(text)).strip())


def shown(value: t.Any) -> t.Any:
    """The same with every text in it as a `sentence`, however deep."""
    if isinstance(value, str):
        return sentence(value)
    if isinstance(value, dict):
        return {name: shown(part) for name, part in value.items()}
    return [shown(part) for part in value] if isinstance(value, (list, tuple)) else value


def trimmed(text: str) -> str:
    """Without what cannot be seen at its ends, as files and web pages leave it there."""
    return _AROUND.sub("", text)
