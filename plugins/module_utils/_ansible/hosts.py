# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application as a host of an inventory: its variables, its groups, a name that nothing else has."""

from __future__ import annotations

import collections
import datetime as dt
import re
import typing as t
from dataclasses import dataclass

from .._core.model import BLUEPRINT, Application, KeyCredential
from .._core.policy import RenewalPolicy
from .._core.status import STATUSES, certificate_status
from .._core.times import format_iso
from .._core.verdict import Facts, judge
from .._entra.applications import is_id
from .._steps.fleet import Listing
from .fleet import Tenant

Variables = dict[str, t.Any]
Mark = t.Callable[[str], str]

# The hosts of this plugin, whatever other inventories there are.
EVERY_HOST = "entra_applications"
# An application with such a display name would become another host, or all of them.
_TAKEN = frozenset({"all", "ungrouped", "localhost", "127.0.0.1", "::1"})
_UNSAFE_IN_HOSTS = re.compile(r"[^\w.@-]+")
_UNSAFE_IN_GROUPS = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Host:
    """One application of a tenant, as Ansible sees it."""

    variables: Variables
    groups: tuple[str, ...]


def hosts_of(tenant: Tenant, listing: Listing, vouch: Mark = str, doubt: Mark = str) -> t.Iterator[Host]:
    """A host for each application, assessed as of the listing's time, by app ID: Graph promises no order.

    `vouch` marks the texts that cannot hold a template, whatever the directory says: IDs, words and times. `doubt`
    marks all others, which may hold whatever somebody has written there.
    """
    policy, now, in_tenant = tenant.policy, listing.now, group_of(tenant)
    shared = {f"entra_{name}": vouch(str(tenant.options[name])) for name in ("tenant_id", "cloud")}
    known = {word: vouch(word) for word in STATUSES}
    for application in sorted(listing.applications, key=lambda one: one.app_id):
        verdict = judge(Facts(now, application, None), policy)
        due = verdict.next_renewal
        words = [verdict.status, *(["attention"] if verdict.findings else []), *([f"renew_{due:%Y_%m}"] if due else [])]
        words += [application.kind] if application.kind == BLUEPRINT else []
        variables: Variables = {
            "entra_app_id": vouch(application.app_id),
            "entra_object_id": vouch(application.object_id),
            "entra_display_name": doubt(application.display_name),
            "entra_kind": vouch(application.kind),
            **shared,
            "entra_status": known[verdict.status],
            "entra_findings": [vouch(finding.reason) for finding in verdict.findings],
            "entra_next_renewal": _time(due, vouch),
            "entra_certificates": [
                _certificate(one, now, policy, vouch, doubt) for one in application.sign_in_credentials
            ],
        }
        if tenant.options["key_store"]:
            variables["entra_key_store"] = vouch(_key_store(tenant, application))
        yield Host(variables, (in_tenant, *words))


def group_of(tenant: Tenant) -> str:
    return "tenant_" + _UNSAFE_IN_GROUPS.sub("_", tenant.name)


def _certificate(entry: KeyCredential, now: dt.datetime, policy: RenewalPolicy, vouch: Mark, doubt: Mark) -> Variables:
    left = (entry.not_after - now).total_seconds() // 86400 if entry.not_after else None
    return {
        "key_id": (vouch if is_id(entry.key_id) else doubt)(entry.key_id),
        "display_name": doubt(entry.display_name) if entry.display_name else entry.display_name,
        "thumbprint": vouch(entry.thumbprint) if entry.thumbprint else None,
        "not_before": _time(entry.not_before, vouch),
        "not_after": _time(entry.not_after, vouch),
        "days_left": int(left) if left is not None else None,
        "status": vouch(certificate_status(entry, now, policy.renew_before)),
    }


def _time(moment: dt.datetime | None, vouch: Mark) -> str | None:
    text = format_iso(moment)
    return vouch(text) if text else None


def _key_store(tenant: Tenant, application: Application) -> str:
    """The place that the option says. Only IDs may stand in it: a display name could lead anywhere."""
    text = str(tenant.options["key_store"])
    for name, value in (("app_id", application.app_id), ("object_id", application.object_id)):
        text = text.replace(f"{{{name}}}", value)
    return text.replace("{tenant_id}", str(tenant.options["tenant_id"]))


def safe_name(text: t.Any) -> str | None:
    """A text as a host name that can stand in patterns and file names, or None where it cannot be one.

    --limit takes a name that begins with @ for a file.
    """
    name = _UNSAFE_IN_HOSTS.sub("_", str(text)).strip("._-@") if text not in (None, "") else ""
    return name if name and name.lower() not in _TAKEN else None


def distinct(hosts: t.Iterable[Host]) -> tuple[list[Host], int]:
    """Each application once, and how many were met again: filters of two entries may both match."""
    first: dict[str, Host] = {}
    again = 0
    for host in hosts:
        object_id = host.variables["entra_object_id"].lower()
        again += object_id in first
        first.setdefault(object_id, host)
    return list(first.values()), again


def unique_names(names: t.Sequence[str], hosts: t.Sequence[Host]) -> tuple[list[str], list[str]]:
    """Names that no two hosts share, and those that several wanted.

    All of these get their app ID added (and their object ID, should that not do), the first one too: a name that an
    application has alone never passes to another one with what a user keeps under it.
    """
    wanted = collections.Counter(names)
    shared = sorted(name for name, number in wanted.items() if number > 1)
    found = list(names)
    for variable in ("entra_app_id", "entra_object_id"):
        number_of = collections.Counter(found)
        ids = [str(host.variables[variable]) for host in hosts]
        found = [f"{name}_{own}" if number_of[name] > 1 and name != own else name for name, own in zip(found, ids)]
    return found, shared
