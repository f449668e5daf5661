# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What a new certificate is like."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  validity:
    description:
      - How long a new certificate is valid, in days. Must be more than O(renew_before).
    type: float
    default: 180.0
  key_size:
    description:
      - Bits of a new RSA key. Microsoft Entra takes RSA keys only.
    type: int
    default: 2048
    choices: [2048, 3072, 4096]
  subject:
    description:
      - Subject of a new certificate, such as C(CN=payroll-sync). Without it, the application's display name, cut to
        what fits.
    type: str
  force:
    description:
      - Make a new certificate even when nothing is due.
    type: bool
    default: false
  on_policy_limit:
    description:
      - What to do when a management policy of the tenant allows less than O(validity). Where it may be read, V(fail)
        before anything is made, or V(clamp) to the limit.
      - Where it may not be read, the service refuses the certificate. With V(clamp) the same key pair then gets one of
        half the life, at most four times, and never of O(renew_before) and a day or less. The result says which was
        taken.
    type: str
    default: fail
    choices: [fail, clamp]
  lock_timeout:
    description:
      - How long to wait for another run on the same key store, in seconds.
    type: float
    default: 900.0
  pfx_passphrase:
    description:
      - Also write C(bundle.pfx) next to C(bundle.pem), protected by this passphrase. Without it, there is none; a
        renewal that would take it away from its consumers fails before it starts.
      - Without it, the environment variable E(ENTRA_PFX_PASSPHRASE) is read where the module runs.
    type: str
"""
