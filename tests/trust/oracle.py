# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must hold whatever happened: the promises I1 to I6, asked of the emulator's truth and of the files."""

from __future__ import annotations

import re

# What only a private key, a token, an assertion or a proof looks like; and the administrator's secret.
SECRET = re.compile(rb"PRIVATE KEY|eyJ[\w-]{8,}\.[\w-]{8,}|s3cret")


def no_lock_out(world, where):
    """I1: a key of the store is registered, valid and readable."""
    assert world.usable(), f"I1 locked out: {where}"


def consumers_sign_in(world, where):
    """I1 for those who read `current`: the key there is registered, valid and readable."""
    assert world.contents.current, f"I1 nothing is current: {where}"
    assert world.current in world.usable(), f"I1 consumers read a key that does not sign in: {where}"


def nothing_foreign_lost(world, foreign, where):
    """I2: byte for byte, as far as the directory can tell."""
    assert world.credentials.get(foreign.key_id) == foreign, f"I2 foreign credential lost or changed: {where}"


def no_false_success(world, result, where):
    """I3: what was reported as promoted signs in, and is on the application."""
    if result is not None and "promote" in result.steps:
        assert world.current in world.registered, f"I3 not registered: {where}"
        assert world.tenant.oracle.sign_in(world.payroll, world.current).primary, f"I3 does not sign in: {where}"


def no_key_lost(world, foreign, where):
    """I4: every registered certificate that is not somebody else's has its private key here."""
    held = {version.thumbprint for version in world.contents.versions}
    for thumbprint in world.registered:
        if thumbprint not in foreign:
            assert thumbprint in held, f"I4 key of {thumbprint} lost: {where}"
            world.read_key(thumbprint)


def nothing_secret_told(world, texts, where):
    """I6: neither in what was said nor in what the key store keeps beside the keys."""
    told = [str(text).encode() for text in (*texts, *world.warnings, *world.timing.said)]
    for content in (*told, *world.notes()):
        found = SECRET.search(content)
        assert not found, f"I6 told {found[0][:12]!r}: {where}"


def converged(world, foreign, theirs, where, left=()):
    """I5: one current key, nothing half-done, no stray credential but those, never a second key pair."""
    contents = world.contents
    assert contents.successor is None, f"I5 a successor is left: {where}"
    kept = {entry.certificate.thumbprint for entry in (foreign, *theirs)}
    assert world.registered == sorted({*kept, *left, contents.current.thumbprint}), f"I5 stray credentials: {where}"
    assert contents.current.thumbprint in world.usable(), f"I5 current does not work: {where}"
    made = set(world.key_pairs())
    assert len(made) <= 1, f"I5 {len(made)} key pairs for one renewal: {where}"


def never_twice(world, where):
    """I5: no certificate is on the application more than once."""
    assert len(world.registered) == len(set(world.registered)), f"I5 registered twice: {where}"
