# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page on permissions says what the code checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.privileges import PRIVILEGES

PAGE = Path(__file__).resolve().parents[2] / "docs/docsite/rst/guide_permissions.rst"


def names(groups):
    return "; and ".join(" or ".join(f"``{name}``" for name in group) for group in groups)


@pytest.mark.parametrize("need", PRIVILEGES)
def test_the_page_on_permissions_has_the_row_of_each_step(need):
    row = PRIVILEGES[need]
    roles = ", ".join(f"*{role}*" for role in row.directory_roles)
    owner = ", or ownership of the application" if row.owner_suffices else ""
    cells = (row.task, names(row.permissions), names(row.scopes), f"{roles}{owner}")

    assert "\n     - ".join(cells) + "\n" in PAGE.read_text(encoding="utf-8")
