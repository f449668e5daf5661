# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""Where its keys lie and new ones are kept."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  key_store:
    description:
      - The directory for the application's key pairs on the host where the module runs. It is made with mode 0700 when
        it does not exist. Consumers read C(current/bundle.pem), or C(key.pem) and C(certificate.pem) beside it.
      - The path is absolute, or begins with C(~) or a variable such as C($HOME). A directory that holds something else
        than a key store is refused, and so is one whose parents others than root and the user who runs the module own
        or may write to.
      - Or C(https://<vault>/certificates/<name>) for one certificate in Azure Key Vault. The private key is made in the
        vault and stays there; the vault signs. The identity of O(auth_source) must be allowed to use the vault, so it
        cannot be V(key_store). A vault makes certificates of whole months, at most O(validity); O(renew_before) must be
        less than the shortest time that those can come to, such as 59 days of 89.
        M(evercert.entra.application_recovery) takes no vault, as no administrator's token opens one.
    type: path
    required: true
"""
