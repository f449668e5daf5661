# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""One public certificate."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) registers the certificate unless the application has it, V(absent) removes it if it has it.
    type: str
    default: present
    choices: [present, absent]
  certificate_content:
    description:
      - The certificate as PEM, public part only; a private key in it is refused.
    type: str
  certificate_path:
    description:
      - A file with the certificate as PEM or DER, public part only, on the host where the module runs.
    type: path
  key_id:
    description:
      - The key credential to remove, with O(state=absent).
    type: str
  thumbprint:
    description:
      - The certificate to remove by its SHA-1 or SHA-256 thumbprint, with O(state=absent). It is an error when several
        key credentials have it.
    type: str
  credential_name:
    description:
      - The display name of a new key credential. Without it, the certificate's subject.
    type: str
"""
