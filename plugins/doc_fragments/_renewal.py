# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made from meta/options.yml by `make options`: change it there.
"""How a renewal goes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) renews when due. V(rolled_back) goes back to the predecessor, only if the predecessor signs in now
        and the current key is refused because of what it is.
      - V(retired) only retires what O(overlap) and O(keep_retired) have passed for. Whatever is due, it makes no
        certificate and leaves the current one current, so nobody has to be told.
    type: str
    default: present
    choices: [present, retired, rolled_back]
  overlap:
    description:
      - How long the predecessor stays on the application after the promotion, in days.
    type: float
    default: 7.0
  keep_retired:
    description:
      - How long a retired private key stays in the key store, in days.
    type: float
    default: 7.0
  add_method:
    description:
      - V(auto) adds the certificate by C(addKey) with the application's own token and a proof by its current key, and
        by PATCH when that key cannot sign in because of what it is.
      - V(add_key) and V(update) allow one of them only. C(addKey) is atomic and needs no permission; a PATCH replaces
        all key credentials, and one that somebody else adds within the directory's replication lag before it can be
        overwritten unseen.
    type: str
    default: auto
    choices: [auto, add_key, update]
  fall_back:
    description:
      - Whether the renewal goes on as the application itself where the identity that should read and write is refused
        for its own credential, because its secret or certificate has ended, was revoked or is wrong, and the
        certificate current in the key store is valid and signs in. It warns then, adds by C(addKey) alone, and retires
        what it has key IDs for; RV(proof) says whether the application could read itself.
      - With V(false), with O(add_method=update) or with O(registered_key_id), and with a key store in Azure Key Vault,
        which that identity opens, such a refusal ends the task.
    type: bool
    default: true
  stop_after:
    description:
      - How far to go. The next run goes on from there with the finding of this one.
      - V(generated) makes the key pair and returns its public certificate, for somebody else to register.
    type: str
    default: retired
    choices: [generated, registered, proven, promoted, retired]
  registered_key_id:
    description:
      - The key ID under which somebody else has registered the certificate that a run with O(stop_after=generated)
        returned, as RV(evercert.entra.application_certificate#module:key_id) says it. This run then writes nothing to
        the application to add it. It waits for at most O(timeout_propagation) until the certificate is accepted, proves
        and promotes it, and keeps the ID for its retirement.
      - Has no effect when nothing is due. Without it, this run registers the certificate itself.
    type: str
  certificate_content:
    description:
      - A certificate to use as the successor, as PEM, in place of a self-signed one. With O(private_key_path); or
        alone, when it was issued for the key that a run with O(stop_after=generated) left.
    type: str
  certificate_path:
    description:
      - Like O(certificate_content), from a file on the host where the module runs.
    type: path
  private_key_path:
    description:
      - The private key of that certificate, a PEM file on the host where the module runs.
    type: path
  private_key_passphrase:
    description:
      - The passphrase of the private key in O(private_key_path) or O(adopt_path), if it has one.
    type: str
  csr:
    description:
      - Also return a signing request for the successor's key. Needs O(stop_after=generated).
      - Hand it to any authority, and give what it signs back as O(certificate_content) in a second task, with the
        authority's own certificates below it. They are kept in C(bundle.pem).
    type: bool
    default: false
  adopt_path:
    description:
      - A PEM or PFX file with the key pair in use today. It is taken into an empty key store as current after one
        accepted sign-in; nothing is changed in Microsoft Entra, and the run ends there.
      - Ignored when the key store holds a version, so the task can stay as it is.
    type: path
  group:
    description:
      - The group that may read what consumers read, C(key.pem), C(certificate.pem), C(bundle.pem) and C(bundle.pfx).
        They get mode 0640, and the directories that lead to them what that group needs. Nobody else is ever let in.
      - Once given, it is remembered in the key store; later runs keep to it, and correct what was changed since.
        Without it, as it is; new files have mode 0600.
    type: str
  exportable:
    description:
      - Whether a private key that is made in Azure Key Vault, or imported, may be read from its secret, as some
        consumers need. Without it, no. Only for an O(key_store) in Azure Key Vault.
    type: bool
"""
