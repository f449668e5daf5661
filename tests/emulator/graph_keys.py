# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""addKey and removeKey (facts section 3)."""

from __future__ import annotations

from . import rules_keys, rules_proof
from .access import find_application, require_write
from .errors import denied
from .replicas import Primary


def _require_proof(call, reference):
    """3: its own application needs no permission, any other one does; always app-only, always with a proof."""
    if call.user:  # 3 P: app-only context only; the code is U
        raise denied()
    history, state = find_application(call, reference, Primary())
    call.locate("")
    if call.app_id != state.app_id:
        require_write(call, state)
    by_app_id = reference.startswith("appId:")
    return history, state, rules_proof.check(call.tenant, state, call.body.get("proof"), by_app_id)


def add_key(call, reference):
    """3: 200 with the new key credential."""
    history, state, _signer = _require_proof(call, reference)
    credentials, added = rules_keys.add_one(state, call.body.get("keyCredential"), call.tenant)
    call.tenant.write(history, state.with_keys(credentials))
    context = f"{call.root}/$metadata#microsoft.graph.keyCredential"
    return call.json({"@odata.context": context, **added.to_json(with_key=False)})


def remove_key(call, reference):
    """3: 204."""
    history, state, signer = _require_proof(call, reference)
    entry = state.key(call.body.get("keyId"))
    if entry is None:
        raise rules_keys.nothing_to_remove(call.body.get("keyId"), call.tenant.switches)
    rules_proof.refuse_removal_of_the_signing_key(signer, entry.key_id, call.tenant.switches)
    rules_proof.refuse_removal_of_the_last_key(state, call.tenant.switches)
    call.tenant.write(history, state.with_keys(one for one in state.key_credentials if one is not entry))
    return call.empty()
