# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the three acts of application_certificate_renew a call is: adopt, roll back or renew (or only retire)."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import InvalidInput, StillWaiting
from .._core.subject import default_subject
from .._steps.adopt import adopt, is_adoption, prepare_adoption
from .._steps.connection import Connection
from .._steps.pausing import Interrupted
from .._steps.renew import Renewal, Request, locked, renew
from .._steps.roll_back import prepare_roll_back, roll_back
from .._steps.run import Progress
from . import arguments, inputs
from .arguments import Options
from .run import carried


def act(module: AnsibleModule, connection: Connection) -> Renewal:
    """Do what the options ask for. A wait keeps what its call has changed, and the lock's own deadline."""
    connection.store.refuse_obstacles()
    changes = _changes_so_far(module)
    try:
        renewal = _act(module, connection)
    except StillWaiting as pause:
        carry = {**getattr(pause, "carry", {}), "access_changes": [*changes, *connection.access_changes]}
        raise HandedOver(pause, carry) from pause
    made = connection.store.wrong_access() if module.check_mode else connection.access_changes
    return dataclasses.replace(renewal, access_changes=(*changes, *made))


def _changes_so_far(module: AnsibleModule) -> list[dict[str, t.Any]]:
    """What earlier calls of the same task have changed. Raises InvalidInput where it is something else."""
    changes = carried(module).get("access_changes") or []
    parts = {"path", "before", "after"}
    if isinstance(changes, list) and all(isinstance(one, dict) and one.keys() == parts for one in changes):
        return changes
    raise InvalidInput(["_waiting holds something else than an earlier call has handed over."])


def _act(module: AnsibleModule, connection: Connection) -> Renewal:
    options, carry = module.params, carried(module)
    deadline = carry.get("lock_deadline") or connection.timing.monotonic() + options["lock_timeout"]
    request = Request(
        policy=arguments.renewal_policy(options),
        make_key_pair=lambda policy, subject, start, end: connection.store.make_key_pair(
            key_size=policy.key_size, subject=subject, not_before=start, not_after=end
        ),
        provided=inputs.provided_key_pair(options, connection.store),
        pfx_passphrase=options["pfx_passphrase"],
        lock_deadline=deadline,
    )
    progress = Progress.from_values(carry["progress"]) if carry.get("progress") else Progress()
    try:
        if options["state"] == "rolled_back":
            return _roll_back(connection, request, module.check_mode, progress)
        if is_adoption(connection, bool(options["adopt_path"]) and options["state"] == "present"):
            adopted = _adopt(connection, request, options, module.check_mode)
            if adopted:
                return adopted
        if options["csr"] and connection.store.requester:
            return _request_signature(connection, request, module.check_mode, progress)
        return renew(connection, request, dry_run=module.check_mode, progress=progress)
    except Interrupted:
        raise
    except StillWaiting as pause:
        raise HandedOver(pause, {"lock_deadline": deadline, "progress": progress.to_values()}) from pause


class HandedOver(StillWaiting):
    """A wait, with what the next call needs."""

    def __init__(self, pause: StillWaiting, carry: dict[str, t.Any]) -> None:
        super().__init__(pause.seconds, pause.what)
        self.carry = carry


def signing_request_of(renewal: Renewal, options: Options) -> dict[str, t.Any]:
    """The signing request for the successor's key, when asked for."""
    if not options["csr"]:
        return {}
    return {"csr": None if renewal.dry_run else renewal.run.connection.store.signing_request()}


def _request_signature(connection: Connection, request: Request, dry_run: bool, progress: Progress) -> Renewal:
    """Where a key waits for its certificate by itself there is no successor until that comes."""
    planned = renew(connection, request, dry_run=True, progress=progress)
    plan, store = planned.run.progress, connection.store
    if store.signing_request():
        plan.steps = ()
    elif store.requester and not dry_run and any(step.name == "generate" for step in plan.steps):
        with locked(connection, request):
            subject = request.policy.subject or default_subject(plan.display_name, plan.app_id)
            store.requester(key_size=request.policy.key_size, subject=subject)
    return dataclasses.replace(planned, dry_run=dry_run)


def _roll_back(connection: Connection, request: Request, dry_run: bool, progress: Progress) -> Renewal:
    if dry_run or not connection.store.exists:  # which refuses, and makes no store for that
        return Renewal(prepare_roll_back(connection, request.policy, progress), dry_run=True)
    with locked(connection, request, "roll_back", progress):
        run = prepare_roll_back(connection, request.policy, progress)
        roll_back(run)
        return Renewal(run, dry_run=False)


def _adopt(connection: Connection, request: Request, options: Options, dry_run: bool) -> Renewal | None:
    """Take the key pair over, unless another run was first: then there is nothing left to adopt."""
    pair = inputs.adopted_key_pair(options)
    if dry_run:
        return Renewal(prepare_adoption(connection, request.policy, pair), dry_run=True)
    with locked(connection, request, "adopt"):
        if not is_adoption(connection, adopts=True):
            return None
        run = prepare_adoption(connection, request.policy, pair)
        adopt(run, pair, request.pfx_passphrase)
        return Renewal(run, dry_run=False)
