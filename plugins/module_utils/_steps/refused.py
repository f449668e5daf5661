# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate that Graph refuses for what it is: never sent again unchanged, and made shorter where it may be."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._core.diagnosis import CERTIFICATE_CODES
from .._core.errors import GraphRefused
from .._core.limits import shorter_life
from .._core.model import Version
from .._core.plan import was_possibly_sent
from .._core.policy import START_MARGIN
from .._core.times import format_days, whole_seconds
from .run import Run


def send_what_is_taken(run: Run, version: Version, send: t.Callable[[Version], None]) -> Version:
    """Send a certificate, or shorter ones of the same key after it; the one that Graph took. Raises GraphRefused."""
    while True:
        try:
            send(version)
        except GraphRefused as refusal:
            if refusal.may_have_applied or refusal.diagnosis.code not in CERTIFICATE_CODES:
                raise
            version = _note_refusal(run, version, refusal)
            life = _shorter_life(run, version, refusal)
            if life is None:
                raise refusal.saying(_advice(run, version, refusal)) from refusal
            version = _make_shorter(run, version, life)
        else:
            return version


def _note_refusal(run: Run, version: Version, refusal: GraphRefused) -> Version:
    """The next run replaces it: sent again unchanged it would be refused for ever."""
    code = refusal.diagnosis.code
    version = run.remember(run.version(version.thumbprint), refused=run.now, refusal=code)
    run.log("refused", version, reason=code)
    return version


def _is_ours(run: Run, version: Version) -> bool:
    """Made here for this renewal: not brought, not adopted, and not the one in use."""
    successor = run.contents.successor
    is_successor = successor is not None and successor.thumbprint == version.thumbprint
    return is_successor and version.record.origin == "generated" and run.provided is None


def _shorter_life(run: Run, version: Version, refusal: GraphRefused) -> dt.timedelta | None:
    """How long the next one lives, where the limit is to be kept and could not be read; None to give up."""
    store, policy = run.connection.store, run.policy
    is_wanted = policy.on_policy_limit == "clamp" and policy.longest is None and refusal.is_about_lifetime
    if not is_wanted or not _is_ours(run, version) or (store.has_pfx() and not run.pfx_passphrase):
        return None
    life = shorter_life(version, policy)
    return life if life and store.shortest_life(life) > policy.renew_before + dt.timedelta(days=1) else None


def _make_shorter(run: Run, old: Version, life: dt.timedelta) -> Version:
    """The same key pair with a certificate of that life becomes the successor."""
    store = run.connection.store
    start = whole_seconds(run.connection.clock.service_time()) - START_MARGIN
    pair = store.make_shorter(old.thumbprint, not_before=start, not_after=start + life)
    record = dataclasses.replace(
        old.record, generated=run.now, key_id=None, intent=None, refused=None, refusal=None, stop_after=None
    )
    version = store.keep_successor(pair, record, run.pfx_passphrase)
    if not was_possibly_sent(old):
        store.delete_version(old.thumbprint)
    run.log("generated", version, finding=record.finding)
    _go_on_with(run, old, version)
    return version


def _go_on_with(run: Run, old: Version, new: Version) -> None:
    """The steps to come are about the new certificate, and what is told of them says how long it lives."""
    asked, lives = _days(old), _days(new)
    run.connection.warn(
        f"validity is lowered to {lives} days: a management policy that this identity cannot read refuses a "
        f"certificate of {asked} days for application {run.progress.display_name or run.progress.app_id}."
    )
    if run.progress.made == old.thumbprint:
        run.progress.made = new.thumbprint
    told = {
        "generate": f"RSA {new.certificate.key_size}, valid {lives} days: a management policy refuses {asked}.",
        "register": f"Certificate {new.thumbprint}, valid {lives} days, is added to the application.",
    }
    run.progress.steps = tuple(
        dataclasses.replace(
            step,
            thumbprint=new.thumbprint if step.thumbprint == old.thumbprint else step.thumbprint,
            detail=told.get(step.name, step.detail.replace(old.thumbprint, new.thumbprint)),
        )
        for step in run.progress.steps
    )


def _days(version: Version) -> str:
    """How long a certificate lives, for people: months of a vault begin minutes before them."""
    life = version.certificate.not_after - version.certificate.not_before
    return format_days(dt.timedelta(days=round(life / dt.timedelta(days=1), 1)))


def _advice(run: Run, version: Version, refusal: GraphRefused) -> str:
    """What helps whoever runs this, with the certificate that was refused."""
    if not _is_ours(run, version):
        return (
            f"Certificate {version.thumbprint} was brought, so no other one is made in its place: give one that is "
            "allowed, or have the policy changed, then run again."
            if version.record.origin != "generated"
            else f"Certificate {version.thumbprint} is not sent again: the next run makes another one."
        )
    replaced = f"Certificate {version.thumbprint} is not sent again: the next run makes another one."
    if not refusal.is_about_lifetime:
        return replaced
    lives, early = _days(version), format_days(run.policy.renew_before)
    if run.policy.on_policy_limit == "clamp":
        return (
            f"{replaced} This one lives {lives} days, and a shorter one would be due again at once, as renew_before is "
            f"{early} days: lower renew_before, or have the policy changed."
        )
    return (
        f"{replaced} This one lives {lives} days: give a lower validity (above renew_before, which is {early} days), "
        "or set on_policy_limit to 'clamp', which tries shorter ones where the policy may not be read."
    )
