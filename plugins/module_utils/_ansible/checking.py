# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options held against their specification outside of a module, as AnsibleModule does it inside of one."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .arguments import Options
from .specs import Spec


def checked_options(spec: Spec, given: Options) -> tuple[Options, list[str]]:
    """The options with defaults and the environment, and every problem."""
    try:
        checked = ArgumentSpecValidator(spec).validate(dict(given))
    except OverflowError:  # which ansible-core leaves alone
        large = [name for name, value in given.items() if isinstance(value, int) and abs(value) > 2**63]
        return given, [f"{', '.join(large)}: the number is too large."]
    return checked.validated_parameters, list(checked.error_messages)
