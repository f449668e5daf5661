# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of others that stays text in Markdown: on one line, and nothing in it acts."""

from __future__ import annotations

from ..module_utils._core.texts import sentence
from ..module_utils._report.as_markdown import safe


def markdown_text(text: object) -> str:
    return safe(sentence(text))
