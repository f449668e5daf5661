# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Microsoft's documentation leaves open: one switch for each unconfirmed rule.

Numbers name the section of the facts page, letters its mark (P seen by others, U unverified).
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class Switches:
    """How the emulated service decides where nobody has proof."""

    # Graph: key credentials
    list_returns_key: bool = False  # 1.2, 16.5: the two documentation pages disagree
    omitted_end_is_one_year: bool = True  # 1.4: the server picks one year, the certificate's end is the ceiling
    one_year_limit: bool = False  # 1.4 U: documented, yet longer spans are seen
    start_before_certificate_refused: bool = True  # 1.4 P: azure-cli clamps for it
    ended_new_entry_refused: bool = True  # 1.4 U
    expired_entry_refuses_patch: bool = False  # 1.4 P weak, 16.3
    absent_property_is_unchanged: bool = False  # 2.1 U: an entry that is kept comes without one of its properties
    private_key_material_accepted: bool = True  # 2.2: the service stores and shows what it is sent
    duplicate_certificate_refused: bool = False  # 2.1 U, 16.2
    ec_certificates_refused: bool = True  # 5 V for sign-in; the refusal at upload is U
    maximum_credentials: int = 1000  # 1.5
    # Graph: addKey and removeKey
    proof_audience: str = "0002"  # 3 P: 0002, 0003 or either
    signing_key_removable: bool = True  # 3 U, 16.4
    last_key_removable: bool = True  # 16.4 U
    # Graph: permissions
    owned_by_reads_all: bool = True  # 10 U
    # Key Vault
    vault_tag_length: int = 256  # 14 U
    vault_lists_what_is_missing: bool = True  # 14 U: versions of a name that does not exist; else 404
    auto_renew_copies_tags: bool = False  # 14 U
    vault_resource: str = ""  # what a challenge names in place of the right resource, for rehearsals of a trick
    # Login
    clock_tolerance: int = 300  # 4.7 U: seconds granted to the times of assertions and proofs
    not_yet_valid_is_1000502: bool = True  # 4.7 U: else the key counts as not found
    service_principal_keys_sign_in: bool = True  # 12 U
    loop_detection: bool = False  # 4.7 P: 50196 after 15 identical requests in 5 minutes
    remember_refusals: int = 0  # 6 U: seconds for which a failed key lookup stays cached
    wrong_cloud: int = 90002  # 8 V: or 900382
    slow_down: bool = False  # 9: RFC 8628 has it, Microsoft's page has not
    device_code_message: bool = True  # 9 V; clients tolerate an answer without one
    old_separators: bool = False  # 4.6 V: CRLF before "Trace ID" instead of a space

    def set(self, **values):
        """Set several; an unknown name is an error, so that a scenario cannot misspell one."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"Unknown switches: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
        for name, value in values.items():
            setattr(self, name, value)

    def reset(self):
        for field in fields(self):
            setattr(self, field.name, field.default)
