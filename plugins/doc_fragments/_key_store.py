# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Where its keys lie."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  key_store:
    description:
      - The directory with the application's key pairs, on the host where the module runs, or
        C(https://<vault>/certificates/<name>) for Azure Key Vault. Without it, nothing is known of its keys.
        M(evercert.entra.application_certificate_verify) then takes the certificate of O(client_certificate_path).
    type: path
"""
