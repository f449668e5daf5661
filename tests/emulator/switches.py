# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Microsoft's documentation leaves open: one switch for each unconfirmed rule.

Numbers name the section of the facts page, letters its mark (P seen by others, U unverified). Where an answer of the
service was recorded (tests/recorded), that is the default and the comment names it; any other reading is the switch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

# What `make test-live` wrote down in somebody's tenant: it goes before the defaults below.
SEEN_LIVE = Path(__file__).resolve().parents[1] / "live" / "answers"


@dataclass
class Switches:
    """How the emulated service decides where nobody has proof."""

    # Graph: key credentials
    list_returns_key: bool = False  # 1.2 P: recorded list_with_select has null; one documentation page disagrees
    omitted_end_is_one_year: bool = True  # 1.4 U for PATCH: one year, the certificate's end is the ceiling
    one_year_limit: bool = False  # 1.4 U: documented, yet longer spans are seen
    start_before_certificate_refused: bool = True  # 1.4 P: azure-cli clamps for it
    ended_new_entry_refused: bool = True  # 1.4 U
    expired_entry_refuses_patch: bool = False  # 1.4 P weak, 16.3
    absent_property_is_unchanged: bool = False  # 2.1 U: an entry that is kept comes without one of its properties
    private_key_material_accepted: bool = True  # 2.2 V: the service stores and shows what it is sent
    duplicate_certificate_refused: bool = False  # 2.1 U, 16.2
    ec_certificates_refused: bool = True  # 5 V for sign-in; the refusal at upload is U
    maximum_credentials: int = 1000  # 1.5 U
    refused_by_policy: str = ""  # 11 P: a code of the family …AsPerAppPolicy that refuses every new entry
    # Graph: addKey and removeKey
    absent_key_is_404: bool = False  # 3 P: recorded remove_key_absent is 400; a stub of azitc-ac/exo-smtp-relay has 404
    young_key_refused: int = 300  # 3 P: recorded proof_by_a_young_key; seconds, over a few and under twenty minutes
    add_key_ends_in_one_year: bool = False  # 1.4 P: recorded add_key has the certificate's own end, ten years away
    app_id_issues_proofs: str = "by_app_id"  # 3 P: recorded add_key, sent to (appId='…'); "always" U, "never" V
    proof_audience: str = "0002"  # 3 P, sg1888/postfix-m365-relay and azitc-ac/exo-smtp-relay: else 0003 or either
    signing_key_removable: bool = True  # 3 U, 16.4
    last_key_removable: bool = True  # 16.4 U
    # Graph: permissions
    owned_by_reads_all: bool = True  # 10 U
    # Key Vault
    vault_tag_length: int = 256  # 14 U
    vault_lists_what_is_missing: bool = True  # 14 U: versions of a name that does not exist; else 404
    auto_renew_copies_tags: bool = False  # 14 U
    vault_resource: str = ""  # 14 U: what a challenge names in place of the right resource, for a trick
    # Login
    pss_refused: bool = False  # 4.2 P: recorded pss_refused, in some clouds in 2024
    clock_tolerance: int = 300  # 4.7 U: seconds granted to the times of assertions and proofs
    not_yet_valid_is_1000502: bool = True  # 4.7 U: else the key counts as not found
    service_principal_keys_sign_in: bool = True  # 12 U
    loop_detection: bool = False  # 4.7 P: 50196 after 15 identical requests in 5 minutes
    remember_refusals: int = 0  # 6 U: seconds for which a failed key lookup stays cached
    wrong_cloud: int = 90002  # 8 V: or 900382
    slow_down: bool = False  # 9 V: RFC 8628 has it, Microsoft's page has not
    device_code_message: bool = True  # 9 V; clients tolerate an answer without one
    old_separators: bool = False  # 4.6 V: CRLF before "Trace ID" instead of a space
    key_not_found_words: str = "2026"  # 4.7 P: recorded key_not_found; 2022 key_not_found_with_thumbprint, 2020 …older

    def set(self, **values):
        """Set several; an unknown name is an error, so that a scenario cannot misspell one."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"Unknown switches: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
        for name, value in values.items():
            setattr(self, name, value)

    def reset(self):
        """As the service was seen last."""
        for field in fields(self):
            setattr(self, field.name, field.default)
        self.set(**seen_live())

    @classmethod
    def as_seen(cls, folder=None):
        """The defaults, and what was seen live since they were written."""
        made = cls()
        made.set(**seen_live(folder))
        return made


def looks(folder=None):
    """Every look at a tenant, oldest first."""
    paths = sorted((folder or SEEN_LIVE).glob("facts-*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def seen_live(folder=None):
    """The switches as a real tenant had them; a later look counts. Answers that no switch knows are for the page."""
    known = {field.name for field in fields(Switches)}
    rows = (row for look in looks(folder) for row in look["facts"])
    return {row["switch"]: row["observed"] for row in rows if row.get("switch") in known}
