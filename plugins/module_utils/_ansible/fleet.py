# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory file → the tenants that it names, each with the connection options of its own."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
from dataclasses import dataclass, field

from .._core.errors import InvalidInput
from .._core.misplaced import misplaced_in
from .._core.policy import RenewalPolicy
from .._core.texts import sentence
from .._entra.clock import Timing
from .._steps.fleet import Listing, Source, read_tenants, recall
from . import arguments
from .arguments import Options
from .call import Call
from .checking import checked_options
from .connect import open_connection
from .precedence import as_a_whole, names_from_environment, names_given
from .specs import AGE, CONNECTION, DUE, Spec
from .ways import CREDENTIALS, way_of

# What one tenant may have beside its connection.
QUERY: Spec = {
    "name": {"type": "str"},
    "filter": {"type": "str"},
    "key_store": {"type": "str", "no_log": False},
    **DUE,
    **AGE,
}
# What a cached listing depends on. None of it is a secret.
_ASKED = ("tenant_id", "client_id", "auth_source", "cloud", "authority_host", "graph_url", "filter")
_PLACES = ("authority_host", "graph_url", "ca_path")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
PLACEHOLDERS = ("{app_id}", "{object_id}", "{tenant_id}")


@dataclass(frozen=True)
class Tenant:
    """One tenant of the file, with every option that counts for it."""

    options: Options = field(repr=False)
    # Where the file says that it lives: renewals of its hosts have to go there, too.
    places: Options = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    can_be_opened: bool = True
    # The options that the file leaves out and the environment gave.
    from_environment: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What its group and messages call it."""
        return str(self.options.get("name") or self.options.get("tenant_id") or "without tenant_id")

    @property
    def policy(self) -> RenewalPolicy:
        return arguments.renewal_policy(self.options)

    @property
    def digest(self) -> str:
        """Stands for the question that is asked of this tenant."""
        asked = json.dumps([self.options[name] for name in _ASKED])
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


def option_names() -> set[str]:
    """Every word that may stand in an entry of `tenants`, aliases included."""
    spec = {**CONNECTION, **QUERY}
    return {alias for name, entry in spec.items() for alias in (name, *entry.get("aliases", ()))}


def tenants_of(shared: Options, entries: t.Any, now: str | None) -> list[Tenant]:
    """The tenants in an inventory file. Without entries it names one itself. Raises InvalidInput for no list."""
    if entries is None:
        return [_checked(_canonical(shared), now)]
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidInput(["tenants must be a list of at least one dictionary, each with its tenant_id."])
    return [_checked(_merged(_canonical(shared), _canonical(entry)), now) for entry in entries]


def sources_of(
    tenants: t.Sequence[Tenant], timing_of: t.Callable[[Tenant], Timing], problems: t.Sequence[str] = ()
) -> list[Source]:
    """A connection to each tenant. Raises InvalidInput with `problems` and those of every tenant; sends nothing."""
    sources: list[Source] = []
    entries_with: dict[str, list[int]] = {}
    for number, tenant in enumerate(tenants, 1):
        found = [*tenant.problems]
        try:
            sources += [_source(tenant, timing_of(tenant))] if tenant.can_be_opened else []
        except InvalidInput as error:
            found += error.problems
        for problem in dict.fromkeys(found):
            entries_with.setdefault(problem, []).append(number)
    if problems or entries_with:
        raise InvalidInput([*problems, *(_placed(problem, met, tenants) for problem, met in entries_with.items())])
    return sources


def _source(tenant: Tenant, timing: Timing) -> Source:
    """A key store belongs to the hosts, not to this connection."""
    options = {**{name: tenant.options[name] for name in CONNECTION}, "now": tenant.options["now"]}
    call = Call(timing=timing, needs_application=False, is_audit=True, from_environment=tenant.from_environment)
    connection = open_connection(options, call)
    return Source(connection, tenant.options["filter"])


def listings_of(sources: t.Sequence[Source], cached: t.Sequence[object], at_once: int) -> list[Listing]:
    """Of each tenant the cached listing, where it is one, or what it answers now."""
    known = [recall(text) for text in cached]
    answers = iter(read_tenants([source for source, found in zip(sources, known) if found is None], at_once))
    return [
        next(answers) if found is None else Listing(source.connection.clock.now(), found, is_cached=True)
        for source, found in zip(sources, known)
    ]


def failures_of(tenants: t.Sequence[Tenant], listings: t.Sequence[Listing]) -> list[str]:
    """A sentence for each tenant that could not be read."""
    return [
        sentence(f"Tenant {tenant.name} could not be read and has no hosts here: {listing.failure.message}")
        for tenant, listing in zip(tenants, listings)
        if listing.failure
    ]


def _placed(problem: str, numbers: t.Sequence[int], tenants: t.Sequence[Tenant]) -> str:
    """A problem with the entries that have it. What all have comes from the top level, or stands alone."""
    if len(numbers) == len(tenants):
        return problem
    where = [f"{number} ({tenants[number - 1].name})" for number in numbers]
    return f"tenants, {'entry' if len(where) == 1 else 'entries'} {', '.join(where)}: {problem}"


def _canonical(options: Options) -> dict[str, t.Any]:
    """The same with the names of options in place of their aliases."""
    meant = {alias: name for name, entry in CONNECTION.items() for alias in entry.get("aliases", ())}
    return {meant.get(name, name): value for name, value in options.items()}


def _merged(shared: Options, entry: Options) -> dict[str, t.Any]:
    """An entry wins over what all share. The tenant itself is never shared, nor taken from the environment."""
    kept = {name: value for name, value in shared.items() if name not in ("tenant_id", "name")}
    how = ("auth_source", *CREDENTIALS)
    if any(name in entry for name in how):
        kept = {name: value for name, value in kept.items() if name not in how}
    return {"tenant_id": None, **kept, **entry}


def _checked(given: Options, now: str | None) -> Tenant:
    """The tenant with defaults and environment, and what one look at its options tells."""
    known, unreadable = _known(given)
    known, empty = arguments.tidied(known)
    validated, wrong = checked_options({**CONNECTION, **QUERY}, known)
    own = names_given(CONNECTION, given)
    options = {**as_a_whole(validated, own), "now": now}
    problems, can_be_opened = [*arguments.about_empty(empty), *unreadable, *wrong], False
    if not (wrong or empty):
        unusable = _problems_of_sign_in(options)
        problems += unusable + _problems_of(options)
        can_be_opened = not unusable
    places = {name: options[name] for name in _PLACES if given.get(name)}
    around = names_from_environment(CONNECTION, options, own)
    return Tenant(options, places, tuple(problems), can_be_opened, around)


def _known(given: Options) -> tuple[dict[str, t.Any], list[str]]:
    """What a tenant may have of all that is given, and what is wrong with the rest."""
    misplaced = [name for name, value in given.items() if misplaced_in(value, ())]
    unknown = [name for name in given if name not in {**CONNECTION, **QUERY} and name not in misplaced]
    problems = [f"{name} holds a private key: none belongs into an inventory file." for name in misplaced]
    problems += [f"{name} is no option of a tenant." for name in unknown]
    return {name: value for name, value in given.items() if name not in (*misplaced, *unknown)}, problems


def _problems_of_sign_in(options: Options) -> list[str]:
    """What leaves nobody to ask."""
    found = []
    if not options["tenant_id"]:
        found.append("tenant_id is needed: the tenant's GUID or domain, which its hosts carry as entra_tenant_id.")
    way = way_of(options["auth_source"])
    if way and way.not_for_inventories:
        found.append(f"auth_source {way.name} {way.not_for_inventories}")
    return found


def _problems_of(options: Options) -> list[str]:
    found = arguments.problems_of({name: value for name, value in options.items() if name != "key_store"})
    unknown = set(_PLACEHOLDER.findall(options["key_store"] or "")) - set(PLACEHOLDERS)
    if unknown:
        found.append(f"key_store does not know {', '.join(sorted(unknown))}: accepted are {', '.join(PLACEHOLDERS)}.")
    return found
