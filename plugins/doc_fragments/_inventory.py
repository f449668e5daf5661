# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Which applications are hosts, and what they are called."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  plugin:
    description:
      - Marks the file as one for this plugin.
    type: str
    required: true
    choices: [evercert.entra.applications]
  tenants:
    description:
      - The tenants to read. Each entry has its O(tenant_id), and may have a C(name) and every connection option,
        O(filter), O(key_store), O(renew_before) and O(rotation_period) of its own. What it does not have, it shares
        with the top level of the file.
      - An entry with a credential, or an O(auth_source), of its own takes none of those at the top level.
      - C(name) is what the tenant's group and messages call it. Without it, they use O(tenant_id).
      - Without O(tenants), the top level of the file names one tenant.
    type: list
    elements: dict
  parallel_tenants:
    description:
      - How many tenants are read at once.
    type: int
    default: 8
  strict:
    description:
      - A tenant that cannot be read, and an invalid entry in O(compose), O(groups) or O(keyed_groups), is an error.
      - Without it, each such tenant is a warning that says why, and the other tenants have their hosts. When no tenant
        can be read, that is an error in any case.
      - An error leaves this inventory out, and Ansible goes on without it unless
        C(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) is set.
    type: bool
    default: false
  include_host_filters:
    description:
      - Jinja2 expressions over the host variables. An application is a host when any of them is true. Without them,
        every one is.
    type: list
    elements: str
    default: []
  exclude_host_filters:
    description:
      - Jinja2 expressions over the host variables. An application for which any of them is true is no host.
    type: list
    elements: str
    default: []
  hostnames:
    description:
      - How hosts are named. Jinja2 expressions over the host variables, the first that gives a name wins, and the app
        ID when none does. A name that is a variable alone, such as C(entra_display_name), costs nothing.
      - Characters that have a meaning in patterns or paths become an underscore. When several applications want one
        name, each of them gets its app ID added, and a warning says so.
      - A name that another host, a group or this machine has (such as C(localhost)) is passed over.
      - The default never changes, and nobody can choose it. Display names do, and whoever may register applications
        chooses them.
    type: list
    elements: str
    default: [entra_app_id]
  key_store:
    description:
      - Where the key store of each application lies, for the roles and playbooks. C({app_id}), C({object_id}) and
        C({tenant_id}) stand for those of the application. It becomes the host variable C(entra_key_store).
      - Without it, set C(entra_key_store) in C(group_vars) or with O(compose).
    type: str
"""
