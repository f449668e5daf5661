# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants, as values. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from .times import format_days

# addKey needs a proof signed by a key that is still valid when it arrives.
PROOF_MARGIN = dt.timedelta(minutes=5)
# A self-signed certificate starts this long before the service's time, so that no clock sees it as not yet valid.
START_MARGIN = dt.timedelta(minutes=5)
# A proof recorded less than this ago is re-checked by one sign-in.
PROOF_FRESH = dt.timedelta(minutes=15)
# A key that is not good for proofs this long after it was registered will not be (seen: up to 20 minutes).
LONGEST_YOUTH = dt.timedelta(days=1)
# Two attempts to sign in are never closer, whatever the options; accepted ones may be, as they are few.
SIGN_IN_PAUSE = 2.0
# Above this difference between our clock and the service's nothing is written.
SKEW_LIMIT = dt.timedelta(seconds=300)
# The service's loop rule (AADSTS50196) counts identical sign-ins over this time.
BUDGET_WINDOW = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class ProofPolicy:
    """How often and how fast to sign in before a certificate counts as proven. Times in seconds."""

    sign_ins: int = 3
    interval: float = 30
    initial_pause: float = 10
    budget: int = 14
    timeout: float = 600


@dataclass(frozen=True)
class RenewalPolicy:
    """When to renew, with what, how far to go, and when the predecessor goes."""

    renew_before: dt.timedelta = dt.timedelta(days=30)
    rotation_period: dt.timedelta | None = None
    validity: dt.timedelta = dt.timedelta(days=180)
    overlap: dt.timedelta = dt.timedelta(days=7)
    keep_retired: dt.timedelta = dt.timedelta(days=7)
    key_size: int = 2048
    subject: str | None = None
    add_method: str = "auto"
    fall_back: bool = True
    stop_after: str = "retired"
    force: bool = False
    retires_only: bool = False
    on_policy_limit: str = "fail"
    longest: dt.timedelta | None = None  # what a management policy allows, once that was read
    registered_key_id: str | None = None  # somebody else has registered the certificate, under this key ID
    propagation: dt.timedelta = dt.timedelta(seconds=600)

    @property
    def may_fall_back(self) -> bool:
        """Whether the application may go on by itself where the operator's credential is refused."""
        return self.fall_back and self.add_method != "update" and self.registered_key_id is None

    def problems(self) -> list[str]:
        """Every contradiction between the options, before anything happens."""
        found = []
        if self.renew_before >= self.validity:
            found.append(
                f"renew_before ({format_days(self.renew_before)} days) must be less than validity "
                f"({format_days(self.validity)} days), else every run would renew again."
            )
        if self.rotation_period is not None and self.rotation_period > self.validity:
            found.append(
                f"rotation_period ({format_days(self.rotation_period)} days) must not exceed validity "
                f"({format_days(self.validity)} days)."
            )
        return found
