# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""What opens its keys."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  key_passphrase:
    description:
      - The passphrase of the private keys in O(key_store), when it is a directory whose C(key.pem) and C(bundle.pem)
        are encrypted. Without it, private keys are written as they are, readable by their owner only.
      - Every later run needs it again. Changing it is not supported. Versions that were written before it was given
        stay as they are, and can still be read.
      - Without it, the environment variable E(ENTRA_KEY_PASSPHRASE) is read where the module runs.
    type: str
"""
