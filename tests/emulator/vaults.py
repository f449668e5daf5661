# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key vaults of a tenant: certificates with their versions, keys and pending operations (facts section 14).

Sources beside the facts page: "About Azure Key Vault certificates" and "Azure Key Vault keys, secrets, and certificates
overview" on learn.microsoft.com (V); messages as users quote them (P).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from . import certificates as certs
from .errors import VaultError

# The DNS suffixes of vaults in each cloud (V); a token's audience is the suffix as a URL.
SUFFIXES = ("vault.azure.net", "vault.usgovcloudapi.net", "vault.azure.cn")
RESOURCES = frozenset(f"https://{suffix}" for suffix in SUFFIXES)


@dataclass
class Version:
    """One version: certificate, key and secret share its name (V)."""

    id: str
    pair: certs.KeyPair
    created: int
    enabled: bool = True
    exportable: bool = False
    tags: dict = field(default_factory=dict)
    chain: tuple = ()

    @property
    def not_before(self):
        return int(self.pair.not_before.timestamp())

    @property
    def not_after(self):
        return int(self.pair.not_after.timestamp())


@dataclass
class Operation:
    """A certificate in the making. `due` is when it is ready; None waits for a merge."""

    id: str
    key: object
    policy: dict
    tags: dict
    enabled: bool
    due: float | None
    status: str = "inProgress"

    @property
    def csr(self):
        builder = x509.CertificateSigningRequestBuilder(subject_of(self.policy))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@dataclass
class Certificate:
    """Everything under one name. Versions are in the order in which they were made."""

    name: str
    policy: dict = field(default_factory=dict)
    versions: list = field(default_factory=list)
    pending: Operation | None = None
    is_deleted: bool = False

    def version(self, version_id):
        """A version, the latest without an ID."""
        found = [one for one in self.versions if version_id in (None, "", one.id)]
        if not found:
            raise VaultError(404, "CertificateNotFound", f"A certificate with (name/id) {self.name} was not found.")
        return found[-1]


class Vault:
    """One key vault. `roles` says who may do what: "certificates" and "crypto" by app id."""

    def __init__(self, tenant, name):
        self.tenant = tenant
        self.name = name
        self.roles = {}
        self.certificates = {}
        self.seconds_to_make = 0.0
        self.blocks_network = False

    def allow(self, application, *roles):
        self.roles.setdefault(application.app_id, set()).update(roles or ("certificates", "crypto"))

    @property
    def now(self):
        return self.tenant.clock.now().timestamp()

    def certificate(self, name):
        """The certificate of that name, brought up to date; None when there is none."""
        found = self.certificates.get(name.lower())
        if found is None or found.is_deleted:
            return None
        self._finish(found)
        self._renew_by_policy(found)
        return found

    def new_certificate(self, name):
        """The one of that name, or an empty one."""
        return self.certificates.setdefault(name.lower(), Certificate(name))

    def is_deleted(self, name):
        found = self.certificates.get(name.lower())
        return found is not None and found.is_deleted

    def begin(self, name, policy, tags, enabled):
        """Start making a version: signed by itself in a while, or by somebody else who is waited for."""
        found = self.new_certificate(name)
        found.policy = {**found.policy, **policy}
        is_merged = found.policy["issuer"]["name"].lower() == "unknown"
        size = found.policy.get("key_props", {}).get("key_size", 2048)
        reuses = found.policy.get("key_props", {}).get("reuse_key") and found.versions
        new = certs.shared_key() if size == 2048 else certs.new_key(size)
        key = found.versions[-1].pair.private_key if reuses else new  # V: "About Azure Key Vault certificates"
        due = None if is_merged else self.now + self.seconds_to_make
        found.pending = Operation(uuid.uuid4().hex, key, found.policy, dict(tags), enabled, due)
        return found.pending

    def add(self, found, pair, tags, enabled=True, chain=()):
        exportable = found.policy.get("key_props", {}).get("exportable", False)
        made = Version(uuid.uuid4().hex, pair, int(self.now), enabled, exportable, dict(tags), tuple(chain))
        found.versions.append(made)
        return made

    def auto_renew(self, name):
        """What AutoRenew does: one more version by the policy, and nobody is told."""
        found = self.certificate(name)
        copies = self.tenant.switches.auto_renew_copies_tags
        tags = found.versions[-1].tags if found.versions and copies else {}
        return self.add(found, self._signed_by_itself(certs.shared_key(), found.policy), tags)

    def _finish(self, found):
        operation = found.pending
        if operation and operation.status == "inProgress" and operation.due is not None and operation.due <= self.now:
            operation.status = "completed"
            pair = self._signed_by_itself(operation.key, operation.policy)
            self.add(found, pair, operation.tags, operation.enabled)

    def _renew_by_policy(self, found):
        """A lifetime action AutoRenew, by percentage or by days (V)."""
        if not found.versions:
            return
        latest = found.versions[-1]
        for action in found.policy.get("lifetime_actions") or ():
            if action["action"]["action_type"].lower() == "autorenew" and self.now >= _due(latest, action["trigger"]):
                self.add(found, self._signed_by_itself(certs.shared_key(), found.policy), {})

    def _signed_by_itself(self, key, policy):
        """Whole months, from ten minutes ago."""
        start = self.tenant.clock.from_now(seconds=-600)
        end = _months_later(start + timedelta(minutes=10), policy.get("x509_props", {}).get("validity_months", 12))
        name = subject_of(policy)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
        signed = builder.sign(key, hashes.SHA256())
        return certs.KeyPair(signed.public_bytes(serialization.Encoding.DER), key)


class Vaults:
    """The vaults of one tenant, by name."""

    def __init__(self, tenant):
        self._tenant = tenant
        self._vaults = {}

    def add(self, name):
        return self._vaults.setdefault(name, Vault(self._tenant, name))

    def at(self, host):
        """The vault that answers at a host; over HTTPS on this machine it is the first one. None when there is none."""
        if resource_of(host) in RESOURCES:
            return self._vaults.get(host.partition(".")[0].lower())
        return next(iter(self._vaults.values()), None)


def resource_of(host):
    """What a token for a vault at this host is issued for."""
    for suffix in SUFFIXES:
        if re.fullmatch(rf"[0-9a-z-]{{3,24}}\.{re.escape(suffix)}", host.lower()):
            return f"https://{suffix}"
    return f"https://{host}"


def subject_of(policy):
    try:
        return x509.Name.from_rfc4514_string(policy["x509_props"]["subject"])
    except (KeyError, ValueError) as error:
        raise VaultError(400, "BadParameter", "Property policy.x509_props.subject has invalid value.") from error


def _due(version, trigger):
    if trigger.get("days_before_expiry") is not None:
        return version.not_after - trigger["days_before_expiry"] * 86400
    share = (trigger.get("lifetime_percentage") or 80) / 100
    return version.not_before + share * (version.not_after - version.not_before)


def _months_later(moment, months):
    year, month = divmod(moment.month - 1 + months, 12)
    for day in (moment.day, 30, 29, 28):
        try:
            return moment.replace(year=moment.year + year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
