# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Graph operations on the tenant itself and on its policies (facts sections 10 and 11)."""

from __future__ import annotations

from . import listing, roles, shapes
from .access import find_application, require_any


def get_organization(call):
    require_any(call, roles.READ_ORGANIZATION)
    shape = listing.project(shapes.organization(call.tenant), listing.selected(call.query))
    return call.json({"@odata.context": f"{call.root}/$metadata#organization", "value": [shape]})


def get_default_policy(call):
    require_any(call, roles.READ_POLICIES)
    context = f"{call.root}/$metadata#policies/defaultAppManagementPolicy/$entity"
    return call.json({"@odata.context": context, **shapes.default_policy(call.tenant.default_policy)})


def get_application_policies(call, reference):
    require_any(call, roles.READ_POLICIES)
    state = find_application(call, reference, call.view)[1]
    value = [shapes.application_policy(state.policy)] if state.policy else []
    return call.json({"@odata.context": f"{call.root}/$metadata#appManagementPolicies", "value": value})
