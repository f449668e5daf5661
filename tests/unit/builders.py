# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nouns with defaults, so that a test spells out only what matters. Times are days from NOW; names stand for keys."""

from __future__ import annotations

import datetime as dt
import hashlib

from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import explain
from ansible_collections.evercert.entra.plugins.module_utils._core.model import (
    Application,
    Certificate,
    KeyCredential,
    Record,
    StoreContents,
    Version,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.status import SignIn, Snapshot

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
APP_ID = "11111111-2222-4333-8444-555555555555"
OBJECT_ID = "3f0a6f2e-8c0d-4c5e-9b54-6d1f0f2a7c90"

ACCEPTED = SignIn()


def at(days):
    """The moment that many days from NOW."""
    return None if days is None else NOW + dt.timedelta(days=days)


def refused(code="certificate_not_registered"):
    """A sign-in that the service refused with this diagnosis."""
    return SignIn(trouble(code))


def trouble(code, **evidence):
    return explain(code, "login.test", evidence)


def a_certificate(name="payroll", issued=-90, expires=90, key_size=2048):
    """A certificate of its own for each name."""
    der = name.encode()
    return Certificate(
        thumbprint=hashlib.sha1(der).hexdigest().upper(),
        thumbprint_sha256=hashlib.sha256(der).hexdigest().upper(),
        not_before=at(issued),
        not_after=at(expires),
        der=der,
        subject=f"CN={name}",
        key_size=key_size,
    )


RECORDED_TIMES = ("generated", "intent", "registered", "proven", "promoted", "retired", "refused", "seen", "accepted")


def a_version(name="payroll", issued=-90, expires=90, key_size=2048, replaces=None, **record):
    """A version of a key store; `replaces` is the version that it took the place of."""
    facts = {key: at(value) if key in RECORDED_TIMES else value for key, value in record.items()}
    if replaces:
        facts["predecessor"] = replaces.thumbprint
    return Version(a_certificate(name, issued, expires, key_size), Record(**facts), f"/store/versions/{name}")


def a_store(current=None, successor=None, others=()):
    return StoreContents(current, successor, tuple(others))


def a_credential(of=None, **overrides):
    """The entry on an application that holds a certificate (or a version's certificate)."""
    held = a_certificate() if of is None else getattr(of, "certificate", of)
    facts = {
        "key_id": f"key-{held.thumbprint[:8]}",
        "display_name": held.subject,
        "identifier": held.thumbprint,
        "not_before": held.not_before,
        "not_after": held.not_after,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "certificate": held,
    }
    return KeyCredential(**{**facts, **overrides})


def an_application(*holds, **overrides):
    """An application with a credential for each certificate, version or credential given."""
    entries = tuple(each if isinstance(each, KeyCredential) else a_credential(each) for each in holds)
    facts = {"object_id": OBJECT_ID, "app_id": APP_ID, "display_name": "Payroll", "key_credentials": entries}
    return Application(**{**facts, **overrides})


def a_snapshot(current=None, successor=None, others=(), application=None, now=0, **sign_ins):
    """What a decision rests on. The application has every version of the store unless one is given.

    `application=False` stands for a directory that may not be read.
    """
    store = a_store(current, successor, others)
    if application is None:
        application = an_application(*(each for each in store.versions if not each.record.retired))
    return Snapshot(at(now), store, application or None, **sign_ins)
