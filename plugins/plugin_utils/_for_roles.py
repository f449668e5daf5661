# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles and playbooks of this collection ask, and nobody else: no part of what is promised.

Ansible finds a filter in whatever file of the folder `filter` it is. It lists and documents none of a file that is a
link, as a second name needs no page of its own: `filter/_roles.py` is a link to this one.
"""

from __future__ import annotations

import typing as t

from ..plugin_utils._markdown_text import markdown_text
from ..plugin_utils._remediation_problems import remediation_problems
from ..plugin_utils._remediation_results import remediation_results
from ..plugin_utils._remediation_summary import remediation_summary
from ..plugin_utils._report_results import report_results
from ..plugin_utils._role_problems import role_problems


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        asked = (
            markdown_text,
            remediation_problems,
            remediation_results,
            remediation_summary,
            report_results,
            role_problems,
        )
        return {each.__name__: each for each in asked}
