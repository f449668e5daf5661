# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take the key pair in use today into an empty key store, after one accepted sign-in. Entra is not changed."""

from __future__ import annotations

import datetime as dt
import typing as t

from .._core.errors import GraphRefused, InvalidInput
from .._core.model import Application, Certificate, Record, Version
from .._core.plan import Plan, Step
from .._core.policy import RenewalPolicy
from .._core.status import Snapshot, next_renewal
from .._entra.tokens import AccessToken
from .connection import Connection, identity_of
from .run import KeyPairLike, Run, start


def is_adoption(connection: Connection, adopts: bool) -> bool:
    """Adoption is for an empty store; later runs of the same task ignore it."""
    return adopts and connection.store.read().is_empty


def prepare_adoption(connection: Connection, policy: RenewalPolicy, pair: KeyPairLike) -> Run:
    """Sign in once with the key pair, and learn its key ID where the directory may be read."""
    connection.discover()
    connection.refuse_skew()
    certificate, now = pair.certificate, connection.clock.now()
    if not certificate.not_before <= now < certificate.not_after:
        span = f"from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
        problem = (
            f"adopt_path: the certificate {certificate.thumbprint} is valid {span}, so it cannot sign in now. "
            "Renew without adopt_path, with an identity that may write the application."
        )
        raise InvalidInput([problem])
    app_id, _object_id = identity_of(connection, None, None)
    application = None if app_id else connection.find_application()
    token = connection.sign_in_patiently_with(application.app_id if application else app_id, pair, "adopt")
    application = application or _read_if_allowed(connection, token)
    step = Step("adopt", _taken_over(certificate, policy, now), certificate.thumbprint)
    plan = Plan(None, (step,))
    return start(connection, policy, Snapshot(now, connection.store.read(), application), plan, pair, None)


def _taken_over(certificate: Certificate, policy: RenewalPolicy, now: dt.datetime) -> str:
    """An adoption ends there: what is due then is for the next run."""
    taken = f"Certificate {certificate.thumbprint} is taken over as current."
    ends = f"It ends on {certificate.not_after:%Y-%m-%d}, in {(certificate.not_after - now).days} days"
    return f"{taken} {ends}" + (": due, run again to renew it." if next_renewal(certificate, policy) <= now else ".")


def adopt(run: Run, pair: KeyPairLike, pfx_passphrase: str | None) -> None:
    """Make it current. It counts as managed from now on: renewals retire it as their predecessor."""
    entry = run.latest.find_credential(pair.certificate) if run.latest else None
    record = Record(
        app_id=run.progress.app_id,
        object_id=run.progress.object_id or None,
        key_id=entry.key_id if entry and entry.certificate else None,
        registered=run.now,
        proven=run.now,
        promoted=run.now,
        accepted=run.now,
        seen=run.now if entry else None,
        assertion_alg=run.connection.service.algorithm.to_remember,
    )
    version = run.connection.store.adopt_current(t.cast(t.Any, pair), record, pfx_passphrase)
    run.log("adopted", version, key_id=record.key_id)


def take_over(run: Run, version: Version) -> None:
    """The same for one that the key store holds already, and that has just signed in."""
    run.remember(
        version,
        app_id=run.progress.app_id,
        object_id=run.progress.object_id or None,
        registered=version.record.registered or run.now,
        proven=run.now,
        promoted=run.now,
        accepted=run.now,
    )
    run.connection.store.roll_back(version.thumbprint)
    run.log("adopted", version, key_id=version.record.key_id)


def _read_if_allowed(connection: Connection, token: AccessToken) -> Application | None:
    """With the application's own token, unless another identity was given; without permission nothing is lost."""
    reader = connection
    if connection.is_own_identity:
        connection.read_as(token)
    try:
        return reader.find_application()
    except GraphRefused as refusal:
        if refusal.status != 403:
            raise
        return None
