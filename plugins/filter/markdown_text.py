# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: markdown_text
short_description: Text of others that stays text in Markdown
version_added: 0.1.0
description:
  - Writes a text, such as the name of an application or a message that quotes a service, on one line and so that
    nothing in it acts, whether as Markdown, HTML, a link, a mention, or a command of a terminal or of a pipeline's log.
    All reports of this collection in Markdown write such texts this way.
options:
  _input:
    description: The text.
    type: raw
    required: true
author:
  - evercert.entra contributors (@evercert)
"""

EXAMPLES = r"""
- name: Name an application in a message for a chat
  ansible.builtin.debug:
    msg: "Renew **{{ application.display_name | evercert.entra.markdown_text }}**."
"""

RETURN = r"""
_value:
  description: The same on one line; what cannot be seen is written as its number.
  type: str
"""

import typing as t

from ..module_utils._core.texts import sentence
from ..module_utils._report.as_markdown import safe


def markdown_text(text: object) -> str:
    return safe(sentence(text))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"markdown_text": markdown_text}
