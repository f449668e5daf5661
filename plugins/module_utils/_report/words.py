# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a report: how urgent each one is, and what it means. Pure."""

from __future__ import annotations

import typing as t

from .._core.status import STATUSES
from .._core.texts import plain
from .._core.verdict import SENTENCES

TITLE = "Certificates of Microsoft Entra applications"
ERROR, WARNING, NOTE, NONE = "error", "warning", "note", "none"
SEVERITIES = (ERROR, WARNING, NOTE, NONE)

# What became of a renewal; a report of renewals has these in place of statuses.
OUTCOMES = ("failed", "planned", "under_way", "renewed", "rolled_back", "adopted", "retired", "unchanged")
# Findings beside the statuses.
REASONS = ("interrupted", "claim_differs", "wrong_link", "wrong_object", "policy_exceeded")
WORDS = (ERROR, WARNING, *STATUSES, *REASONS, *OUTCOMES)

# A finding that is not here is a warning. Healthy applications have none.
_SEVERITY = {
    "expired": ERROR,
    "rejected": ERROR,
    "unregistered": ERROR,
    "failed": ERROR,
    "missing": NOTE,
    "propagating": NOTE,
    "unknown": NOTE,
    "unreachable": NOTE,
    "healthy": NONE,
    "renewed": NONE,
    "rolled_back": WARNING,
    "adopted": NONE,
    "retired": NONE,
    "unchanged": NONE,
    "planned": NOTE,
    "under_way": NOTE,
}

_MEANINGS = {
    "healthy": "A certificate is valid beyond renew_before.",
    "rotation_due": "The certificate is older than rotation_period.",
    "rejected": "A sign-in with the certificate was refused.",
    "unreachable": "The network failed: this says nothing about the certificate.",
    "unknown": "Reading was refused.",
    "interrupted": "An earlier renewal stopped half-way.",
    "claim_differs": "Another system names a certificate that is not the current one.",
    "wrong_link": "A link of the key store is missing or wrong, so that consumers do not find the key in use.",
    "wrong_object": "A certificate is on the service principal and not on the application.",
    "policy_exceeded": "A certificate lives longer than a management policy allows.",
    "failed": "The task failed.",
    "planned": "Something is due, and not done yet.",
    "under_way": "A renewal is under way: its certificate is not current yet.",
    "renewed": "Renewed, and proven by signing in.",
    "rolled_back": "Rolled back to the predecessor.",
    "adopted": "The key pair in use was taken into the key store, after one sign-in.",
    "retired": "Nothing was renewed; an old certificate was retired.",
    "unchanged": "Nothing was due.",
}

LONGEST_NAME = 200


def severity_of(word: str) -> str:
    """How urgent a status or a finding is."""
    return _SEVERITY.get(word, WARNING)


def worst(words: t.Iterable[str]) -> str:
    """The most urgent of several words."""
    return min((severity_of(word) for word in words), key=SEVERITIES.index, default=NONE)


def meaning_of(word: str) -> tuple[str, str]:
    """What a word means, and what to do."""
    if word in SENTENCES:
        return SENTENCES[word]
    return _MEANINGS.get(word, word.replace("_", " ").capitalize() + "."), "See the finding's remedy."


def title_of(row: t.Mapping[str, t.Any]) -> str:
    """An application's name for people."""
    return plain(row["display_name"] or row["app_id"] or row["object_id"] or "(without a name)", LONGEST_NAME)


def place_of(row: t.Mapping[str, t.Any], longest: int = LONGEST_NAME) -> str:
    """Where an application was looked at, as what follows its name: several hosts may have it."""
    host = row.get("host")
    return plain(f" on {host}", longest) if host else ""


def subject_of(row: t.Mapping[str, t.Any]) -> str:
    """An application and its host for people; a host that failed is often all that is known of its application."""
    title = title_of(row)
    return title if row.get("host") == title else title + place_of(row)


def label_of(word: str) -> str:
    """A word as people read it."""
    return word.replace("_", " ")
