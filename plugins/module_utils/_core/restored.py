# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells that a key store was restored from a backup: the application knows of a later key. Pure."""

from __future__ import annotations

import datetime as dt

from .model import Application, KeyCredential, StoreContents


def newer_elsewhere(application: Application, store: StoreContents, now: dt.datetime) -> list[KeyCredential]:
    """Valid entries by the name of ours that began later than the current certificate, and whose key is not here."""
    current = store.current
    if not current:
        return []
    names = (current.certificate.subject, f"CN={application.display_name}")
    return [
        entry
        for entry in application.sign_in_credentials
        if (found := entry.certificate)
        and found.subject in names
        and current.certificate.not_before < found.not_before <= now < found.not_after
        and not store.holds(entry)
    ]


def sentence(entry: KeyCredential, application: Application, location: str) -> str:
    """For people: what was seen, what it may mean, and what to do in each case."""
    return (
        f"Certificate {entry.thumbprint} (key ID {entry.key_id}, from {entry.not_before:%Y-%m-%d}) of application "
        f"{application.display_name} is newer than the current one in the key store {location} and goes by the same "
        "name, and its private key is not there. If this store was restored from a backup, a later copy of it has "
        "that key. If another key store renews this application too, all is well. If nobody has the key any more, "
        "remove the entry by its key ID (application_certificate)."
    )
