# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the values of options mean, and what is wrong with them; `specs.py` has what Ansible checks."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import typing as t

from .._core.access import Wish
from .._core.policy import ProofPolicy, RenewalPolicy
from .._core.texts import trimmed
from .._core.times import parse_iso
from .._core.verdict import normal_thumbprint
from .._steps.verify import Expectation, Probe
from . import specs

Options = t.Mapping[str, t.Any]


# Where a key store is in Azure Key Vault.
VAULT = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?/certificates/[A-Za-z0-9-]{1,127}/?")

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
# What neither a file's name, nor UTF-8, nor OpenSSL can hold.
_NO_TEXT = re.compile("[\\x00\\ud800-\\udfff]")
# What nobody means with a space, or something invisible, at an end.
_TRIMMED = (
    *specs.GUIDS,
    *specs.THUMBPRINTS,
    "tenant_id",
    "key_store",
    "cloud",
    "authority_host",
    "graph_url",
    "access_token",
)
# No host, no backslash that some servers take for a slash, nothing that is no text.
_PROBE = re.compile(r"(?!//)(?!.*://)[^\x00-\x20\\\ud800-\udfff]*")
_THUMBPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_DAYS = ("renew_before", "rotation_period", "validity", "overlap", "keep_retired")


def tidied(options: Options) -> tuple[dict[str, t.Any], list[str]]:
    """The options without what is invisible around them, and the names of those that hold nothing else.

    A variable that was never filled must not count as an option that was not given: the answer would be about the whole
    tenant, or compare nothing. Passphrases have a rule of their own.
    """
    texts = {
        name: trimmed(value)
        for name, value in options.items()
        if isinstance(value, str) and not name.endswith("_passphrase")
    }
    empty = [name for name, value in texts.items() if not value]
    empty += [f"{name}, entry {number}," for name, number in _empty_entries(options)]
    return {**options, **{name: texts[name] for name in _TRIMMED if name in texts}}, empty


def _empty_entries(options: Options) -> t.Iterator[tuple[str, int]]:
    for name, value in options.items():
        entries = value if isinstance(value, list) else ()
        yield from (
            (name, number) for number, one in enumerate(entries, 1) if isinstance(one, str) and not trimmed(one)
        )


def about_empty(names: t.Iterable[str]) -> list[str]:
    """What there is to say of options that are given and empty."""
    advice = "as where a variable was never filled. Give it a value, or leave it out (omit)."
    return [f"{name} is given and empty, {advice}" for name in names]


def problems_of(options: Options) -> list[str]:
    """Everything wrong with the options that one look at them tells, all at once."""
    return [
        *_problems_of_names(options),
        *problems_of_numbers(options),
        *_problems_of_texts(options),
        *_problems_of_thumbprints(options),
        *_problems_of_probes(options),
        *_problems_of_paths(options),
    ]


def _problems_of_names(options: Options) -> list[str]:
    given = {name: options[name] for name in specs.GUIDS if options.get(name)}
    found = [
        f"{name} must be a GUID such as 11111111-2222-3333-4444-555555555555, not '{value}'."
        for name, value in given.items()
        if not _GUID.fullmatch(value)
    ]
    tenant = options.get("tenant_id")
    if tenant and not _GUID.fullmatch(tenant) and not _DOMAIN.fullmatch(tenant):
        found.append(f"tenant_id must be a GUID or a domain such as contoso.onmicrosoft.com, not '{tenant}'.")
    if options.get("display_name") and (options.get("app_id") or options.get("object_id")):
        found.append("display_name cannot be combined with app_id or object_id.")
    return found


def problems_of_numbers(options: Options) -> list[str]:
    """What is wrong with the numbers, by their bounds in the description."""
    given = {name: _as_float(options[name]) for name in specs.BOUNDS if options.get(name) is not None}
    found = [one for name, value in given.items() for one in out_of_bounds(name, value, specs.BOUNDS[name])]
    budget, needed = options.get("sign_in_budget"), options.get("sign_ins")
    if budget and needed and 0 < budget < needed:
        found.append(f"sign_in_budget ({budget}) must be 0 (no limit) or at least sign_ins ({needed}).")
    return found


def out_of_bounds(name: str, value: float, bounds: tuple[float, bool, float | None, str]) -> t.Iterator[str]:
    least, is_above, most, unit = bounds
    if math.isnan(value):
        yield f"{name} must be a number, and is nan."
    elif is_above and value <= least:
        yield f"{name} must be greater than {least:g}, and is {value:g}."
    elif value < least:
        yield f"{name} must {f'be at least {least:g}' if least else 'not be negative'}, and is {value:g}."
    elif most is not None and value > most:
        yield f"{name} must be at most {most:g} {unit}".rstrip() + f", and is {value:g}."


def _problems_of_paths(options: Options) -> list[str]:
    """A relative path is another file wherever the module runs. Of a key store the shelf says so."""
    given = {name: options.get(name) for name in specs.PATHS if name != "key_store"}
    paths = [(name, path) for name, one in given.items() for path in (one if isinstance(one, list) else [one]) if path]
    return [
        f"{name} must be an absolute path, or begin with ~ or a variable such as $HOME, and '{path}' is relative."
        for name, path in paths
        if not os.path.isabs(path)
    ]


def _as_float(number: float) -> float:
    """Python's whole numbers have no end."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def holds_no_text(text: str) -> bool:
    return _NO_TEXT.search(text) is not None


def _problems_of_texts(options: Options) -> list[str]:
    texts = [
        (name, one)
        for name, value in options.items()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, str)
    ]
    broken = dict.fromkeys(name for name, text in texts if holds_no_text(text))
    found = [f"{name} holds a NUL or half of a character, which is no text." for name in broken]
    if not re.fullmatch(r"[!-~]*", (options.get("access_token") or "").strip()):
        found.append("access_token holds a space or a character that no access token has.")
    if options.get("now"):
        try:
            parse_iso(options["now"])
        except ValueError as error:
            found.append(f"now: {error}.")
    return found


def _problems_of_thumbprints(options: Options) -> list[str]:
    given = {name: options[name] for name in specs.THUMBPRINTS if options.get(name)}
    return [
        f"{name} must be 40 (SHA-1) or 64 (SHA-256) hex digits, not '{value}'."
        for name, value in given.items()
        if not _THUMBPRINT.fullmatch(normal_thumbprint(value))
    ]


def _problems_of_probes(options: Options) -> list[str]:
    urls = [probe["url"] for probe in options.get("probes") or ()]
    return [
        f"probes: '{url}' must be a path relative to Graph such as /organization, without a host."
        for url in urls
        if not _PROBE.fullmatch(url)
    ]


def access_wish(options: Options) -> Wish:
    """What application_access is asked for. A service principal is not enabled in passing when rights are withdrawn."""
    present, named = options["state"] == "present", options["permissions"]
    pairs = None if named is None else tuple((entry["resource"], tuple(entry["roles"])) for entry in named)
    enabled = options["enabled"]
    return Wish(pairs, present, True if enabled is None and present else enabled)


def proof_policy(options: Options) -> ProofPolicy:
    """The proof of a module; what the module has no option for keeps its default."""
    names = {
        "sign_ins": "sign_ins",
        "sign_in_interval": "interval",
        "initial_pause": "initial_pause",
        "sign_in_budget": "budget",
        "timeout_propagation": "timeout",
    }
    chosen = {ours: options[option] for option, ours in names.items() if options.get(option) is not None}
    return ProofPolicy(**chosen)


def renewal_policy(options: Options) -> RenewalPolicy:
    """The policy of a module; what the module has no option for keeps its default."""
    words = (
        "key_size",
        "subject",
        "add_method",
        "fall_back",
        "stop_after",
        "force",
        "on_policy_limit",
        "registered_key_id",
    )
    chosen: dict[str, t.Any] = {name: options[name] for name in words if options.get(name) is not None}
    chosen.update({name: dt.timedelta(days=options[name]) for name in _DAYS if options.get(name) is not None})
    propagation = dt.timedelta(seconds=options.get("timeout_propagation") or 600)
    return RenewalPolicy(**chosen, retires_only=options.get("state") == "retired", propagation=propagation)


def expectation(options: Options) -> Expectation:
    """What verify expects. A probe's leading slash may be left out."""
    return Expectation(
        accepted=options["expect"] == "accepted",
        required_roles=tuple(options["required_roles"] or ()),
        probes=tuple(Probe("/" + probe["url"].lstrip("/"), probe["status"]) for probe in options["probes"] or ()),
    )


def fixed_now(options: Options) -> dt.datetime | None:
    """The moment that `now` names, for tests and what-if."""
    return parse_iso(options["now"]) if options.get("now") else None
