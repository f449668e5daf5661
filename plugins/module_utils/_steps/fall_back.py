# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go on as the application itself where the operator's own credential is refused and the store's key still works.

Otherwise a secret that nobody looked after would cost the application its access as well, some months later.
"""

from __future__ import annotations

import dataclasses

from .._core.diagnosis import CREDENTIAL_CODES
from .._core.errors import SignInRefused
from .._core.model import Version
from .._core.policy import RenewalPolicy
from .._core.status import Snapshot
from .connection import Connection, identity_of
from .gather import gather

# Identities with a credential that somebody has to renew.
WITH_A_CREDENTIAL = ("client_secret", "certificate")
# Under this name a call that had to wait tells the next one, among the counts that it hands over.
FELL_BACK = "fell back"


def gather_or_fall_back(
    connection: Connection, policy: RenewalPolicy, looked: dict[str, int]
) -> tuple[Snapshot, RenewalPolicy]:
    """The snapshot, read by the operator's identity or by the application itself, and the policy for that."""
    if looked.get(FELL_BACK):
        policy = fall_back(connection, policy)
    try:
        return gather(connection, looked), policy
    except SignInRefused as refusal:
        current = _usable_key(connection, policy, refusal)
        if current is None:
            raise
        operator, refused = connection.identity.name, refusal
    policy = fall_back(connection, policy, refused.diagnosis.cause)
    before = _gather_as_itself(connection, looked, refused)
    looked[FELL_BACK] = 1
    connection.warn(
        f"The identity that should read and write (auth_source {operator}) is refused: {refused.diagnosis.cause} "
        f"{refused.diagnosis.remedy} This renewal goes on as the application itself, with certificate "
        f"{current.thumbprint} and by addKey alone (fall_back); that works only as long as this certificate is valid."
    )
    return before, policy


def fall_back(connection: Connection, policy: RenewalPolicy, why: str = "Its credential was refused.") -> RenewalPolicy:
    """From here on the application reads and writes; never the whole list of its credentials."""
    app_id, _object_id = identity_of(connection, None, connection.store.read().current)
    connection.become_itself(app_id, why)
    return dataclasses.replace(policy, add_method="add_key")


def _usable_key(connection: Connection, policy: RenewalPolicy, refusal: SignInRefused) -> Version | None:
    """The key to go on with, where the refusal is about the operator's own credential and nothing rules it out."""
    is_about_it = connection.identity.name in WITH_A_CREDENTIAL and refusal.diagnosis.code in CREDENTIAL_CODES
    if not is_about_it or not policy.may_fall_back or not connection.keeps_keys_itself:
        return None
    current, now = connection.store.read().current, connection.clock.service_time()
    if current is None or not current.certificate.not_before <= now < current.certificate.not_after:
        return None
    return current if identity_of(connection, None, current)[0] else None


def _gather_as_itself(connection: Connection, looked: dict[str, int], refused: SignInRefused) -> Snapshot:
    """What the application can tell of itself. Where its own key is refused too, the first refusal is the result."""
    try:
        before = gather(connection, looked)
    except SignInRefused as failure:
        raise refused from failure
    if before.current_sign_in is None or not before.current_sign_in.accepted:
        raise refused
    return before
