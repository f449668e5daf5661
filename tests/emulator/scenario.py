# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scenario file: a tenant written down (see README.md for its format)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import yaml

from . import actions, certificates
from .credentials import credential_of
from .tenant import Tenant

SHARED_CERTIFICATES = 16
KNOWN = {
    "seed",
    "tenant",
    "identities",
    "users",
    "managed_identities",
    "resources",
    "applications",
    "generate",
    "lag",
    "switches",
    "throttle",
    "policy",
    "faults",
    "vaults",
}


def read(path):
    """The scenario in a YAML or JSON file."""
    text = Path(path).read_text(encoding="utf-8")
    loaded = json.loads(text) if str(path).endswith(".json") else yaml.safe_load(text)
    unknown = sorted(set(loaded or {}) - KNOWN)
    if unknown:
        raise ValueError(f"{path}: unknown keys {', '.join(unknown)}. Known: {', '.join(sorted(KNOWN))}.")
    return loaded or {}


def build(description, clock=None, keys_directory=None):
    """The tenant that a scenario describes; local key pairs are written below keys_directory."""
    tenant = Tenant(**_tenant_options(description), clock=clock, seed=description.get("seed", 0))
    for spec in description.get("users", ()):
        tenant.add_user(**spec)
    for spec in description.get("managed_identities", ()):
        tenant.add_managed_identity(**spec)
    for resource in description.get("resources", ()):
        tenant.add_resource(**resource)
    for spec in [*description.get("identities", DEFAULT_IDENTITIES), *description.get("applications", ())]:
        _state, pairs = add_application(tenant, spec)
        if keys_directory:
            _keep(spec, pairs, Path(keys_directory))
    generate(tenant, description.get("generate", 0), description.get("seed", 0))
    _bend(tenant, description)
    return tenant


DEFAULT_IDENTITIES = (
    {
        "name": "manager",
        "app_id": "00000000-aaaa-4000-8000-00000000a001",
        "secret": "manager-secret-for-rehearsals",
        "roles": [
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "Organization.Read.All",
            "Policy.Read.All",
        ],
    },
    {
        "name": "reader",
        "app_id": "00000000-aaaa-4000-8000-00000000a002",
        "secret": "reader-secret-for-rehearsals",
        "roles": ["Application.Read.All"],
    },
)


def _tenant_options(description):
    options = description.get("tenant") or {}
    return {"tenant_id" if name == "id" else name: value for name, value in options.items()}


def _bend(tenant, description):
    """Lag, switches, limits and faults come last: they are about what happens from now on."""
    for name in ("lag", "switches", "throttle"):
        if description.get(name):
            actions.perform(tenant, name, description[name])
    for vault in description.get("vaults", ()):
        actions.perform(tenant, "add_vault", vault)
    if description.get("policy"):
        actions.perform(tenant, "limit_lifetime", description["policy"])
    for fault in description.get("faults", ()):
        tenant.faults.add(**fault)


def add_application(tenant, spec):
    """One application as described; returns it and the key pairs made for it, one for each certificate."""
    spec = dict(spec)
    name = spec.pop("name")
    described_certificates = spec.pop("certificates", ())
    pairs = [_issue(tenant, name, one) for one in described_certificates]
    both = zip(pairs, described_certificates)
    registered = [(_entry(pair, one), one) for pair, one in both if one.get("registered", True)]
    entries = [entry for entry, _one in registered]
    token_encryption = next((entry.key_id for entry, one in registered if one.get("token_encryption")), None)
    afterwards = {key: spec.pop(key) for key in AFTERWARDS if key in spec}
    state = tenant.add_application(name, entries, token_encryption_key_id=token_encryption, **spec)
    _afterwards(tenant, state, **afterwards)
    return state, pairs


# What an application has that `Tenant.add_application` does not take.
AFTERWARDS = ("soft_deleted", "conditional_access", "max_lifetime", "federated")


def _afterwards(tenant, state, soft_deleted=False, conditional_access=False, max_lifetime=None, federated=()):
    for trusted in federated:
        tenant.federate(state, **trusted)
    if soft_deleted:
        tenant.soft_delete(state)
    if conditional_access:
        tenant.conditional_access.add(state.app_id)
    if max_lifetime:
        tenant.limit_lifetime(max_lifetime, state)


def _issue(tenant, name, one):
    kind = one.get("algorithm", "rsa")
    key = certificates.new_ec_key() if kind == "ec" else certificates.new_key(one.get("key_size", 2048))
    return tenant.issue(one.get("subject", name), one.get("starts", -1.0), one.get("ends", 180.0), key)


def _entry(pair, one):
    """The registered credential, with what the description says about it."""
    overrides = {
        field: one[field]
        for field in ("key_id", "type", "usage", "custom_key_identifier", "display_name", "start", "end")
        if field in one
    }
    return credential_of(pair, **overrides)


def described(pair):
    """A key pair as plain data."""
    return {
        "thumbprint": pair.thumbprint,
        "thumbprint_sha256": pair.thumbprint_sha256,
        "certificate": pair.certificate_pem,
        "private_key": pair.private_key_pem,
    }


def _keep(spec, pairs, directory):
    """Write the key pairs that are "at hand": NAME.pem, and NAME.2.pem onwards for more."""
    at_hand = [pair for pair, one in zip(pairs, spec.get("certificates", ())) if one.get("local_key")]
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number, pair in enumerate(at_hand, start=1):
        suffix = "" if number == 1 else f".{number}"
        path = directory / f"{spec['name']}{suffix}.pem"
        with open_private(path) as file:
            file.write(pair.bundle_pem)


def open_private(path):
    """A new file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    return path.open("w", encoding="utf-8")


def generate(tenant, number, seed=0):
    """Many applications in every state of health, in a few seconds: they share a handful of certificates."""
    if not number:
        return
    chance = random.Random(seed)
    pool = [tenant.issue(f"generated-{index}", -200.0, 25.0 * index - 60.0) for index in range(SHARED_CERTIFICATES)]
    for index in range(number):
        entries = [credential_of(pair, key_id=_guid(chance)) for pair in chance.sample(pool, chance.choice((1, 1, 2)))]
        tenant.add_application(
            f"generated-{index:05d}",
            entries,
            service_principal=False,
            object_id=_guid(chance),
            app_id=_guid(chance),
        )


def _guid(chance):
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"
