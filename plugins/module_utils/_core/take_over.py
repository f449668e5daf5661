# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate that was in use before this collection came to a vault. Pure: what was read in, how it stands out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from .model import FROM_OUTSIDE, Application, StoreContents, Version
from .policy import RenewalPolicy
from .status import Snapshot


def taken_over(snapshot: Snapshot, policy: RenewalPolicy) -> Snapshot:
    """One that signs in and ends soon is what consumers use: current from now on, replaced and retired like any other.

    One that lasts is proven and promoted as it is.
    """
    found, sign_in = in_use(snapshot.store, snapshot.application, snapshot.now, policy), snapshot.successor_sign_in
    if found is None or not sign_in or not sign_in.accepted:
        return snapshot
    store = replace(snapshot.store, current=found, successor=None)
    return replace(snapshot, store=store, current_sign_in=sign_in, successor_sign_in=None, takes_over=True)


def in_use(
    store: StoreContents, application: Application | None, now: dt.datetime, policy: RenewalPolicy
) -> Version | None:
    """A valid certificate near its end that no run of ours has touched, in a vault where nothing is current yet."""
    found = store.successor
    if store.current or not found or not is_untouched(found) or found.certificate.not_before > now:
        return None
    if application and not application.find_credential(found.certificate):
        return None
    return found if dt.timedelta() < found.certificate.not_after - now <= policy.renew_before else None


def is_untouched(version: Version) -> bool:
    """Made by the vault, or somebody, and neither sent nor refused by a run of ours."""
    record = version.record
    return record.origin == FROM_OUTSIDE and not record.intent and not record.refused
