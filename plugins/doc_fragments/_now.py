# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What if it were another day."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  now:
    description:
      - Answer as if it were this moment, in ISO 8601, for tests and what-if questions. Without it, the service's clock
        decides; for what no service is asked, that of the host.
    type: str
"""
