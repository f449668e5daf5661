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
from .._core.errors import InvalidInput
from .._core.misplaced import misplaced_in
from .._core.policy import ProofPolicy, RenewalPolicy
from .._core.texts import trimmed
from .._core.times import format_days, parse_iso
from .._core.verdict import normal_thumbprint
from .._keys.key_pair import CRYPTOGRAPHY_IMPORT_ERROR, distinguished_name
from .._keys.vault_policy import shortest_life
from .._report import formats
from .._report.rows import is_result
from .._report.words import WORDS
from .._steps.verify import Expectation, Probe
from . import specs

Options = t.Mapping[str, t.Any]


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
    found = []
    for name in specs.GUIDS:
        value = options.get(name)
        if value and not _GUID.fullmatch(value):
            found.append(f"{name} must be a GUID such as 11111111-2222-3333-4444-555555555555, not '{value}'.")
    tenant = options.get("tenant_id")
    if tenant and not _GUID.fullmatch(tenant) and not _DOMAIN.fullmatch(tenant):
        found.append(f"tenant_id must be a GUID or a domain such as contoso.onmicrosoft.com, not '{tenant}'.")
    if options.get("display_name") and (options.get("app_id") or options.get("object_id")):
        found.append("display_name cannot be combined with app_id or object_id.")
    return found + problems_of_numbers(options) + _problems_of_texts(options) + _problems_of_paths(options)


def problems_of_numbers(options: Options) -> list[str]:
    """What is wrong with the numbers, by their bounds in the description."""
    given = {name: _as_float(options[name]) for name in specs.BOUNDS if options.get(name) is not None}
    found = [one for name, value in given.items() for one in problems_of_number(name, value, specs.BOUNDS[name])]
    budget, needed = options.get("sign_in_budget"), options.get("sign_ins")
    if budget and needed and 0 < budget < needed:
        found.append(f"sign_in_budget ({budget}) must be 0 (no limit) or at least sign_ins ({needed}).")
    return found


def problems_of_number(name: str, value: float, bounds: tuple[float, bool, float | None, str]) -> t.Iterator[str]:
    least, is_above, most, unit = bounds
    if math.isnan(value):
        yield f"{name} must be a number, and is nan."
    elif value < least or (is_above and value == least):
        needed = f"greater than {least:g}" if is_above else "not be negative" if least == 0 else f"at least {least:g}"
        yield f"{name} must {needed if needed.startswith('not') else f'be {needed}'}, and is {value:g}."
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


def _problems_of_texts(options: Options) -> list[str]:
    found = [
        f"{name} holds a NUL or half of a character, which is no text."
        for name, value in options.items()
        if any(isinstance(one, str) and _NO_TEXT.search(one) for one in (value if isinstance(value, list) else [value]))
    ]
    if not re.fullmatch(r"[!-~]*", (options.get("access_token") or "").strip()):
        found.append("access_token holds a space or a character that no access token has.")
    claim = options.get("expected_thumbprint")
    if claim and not _THUMBPRINT.fullmatch(normal_thumbprint(claim)):
        found.append(f"expected_thumbprint must be 40 (SHA-1) or 64 (SHA-256) hex digits, not '{claim}'.")
    thumbprint = options.get("thumbprint")
    if thumbprint and not _THUMBPRINT.fullmatch(normal_thumbprint(thumbprint)):
        found.append(f"thumbprint must be 40 (SHA-1) or 64 (SHA-256) hex digits, not '{thumbprint}'.")
    if options.get("now"):
        try:
            parse_iso(options["now"])
        except ValueError as error:
            found.append(f"now: {error}.")
    for probe in options.get("probes") or ():
        url = probe["url"]
        odd = _NO_TEXT.search(url) or any(ord(character) < 33 for character in url)
        if "://" in url or url.startswith("//") or "\\" in url or odd:
            found.append(f"probes: '{url}' must be a path relative to Graph such as /organization, without a host.")
    return found


def problems_of_report(options: Options) -> list[str]:
    """Contradictions among the options of application_certificate_info."""
    named = options["app_id"] or options["object_id"] or options["display_name"]
    found = []
    if options["filter"] and (named or options["key_store"]):
        found.append("filter cannot be combined with one application (app_id, object_id, display_name, key_store).")
    for name in ("expected_thumbprint", "rotation_period"):
        if options[name] and not (named or options["key_store"]):
            found.append(f"{name} needs an application: app_id, object_id or display_name.")
    for name in ("sign_in", "history"):
        if options[name] and not options["key_store"]:
            found.append(f"{name} needs key_store.")
    return found


def problems_of_page(options: Options) -> list[str]:
    """What application_report cannot make a report of."""
    found = []
    for name, accepted in (("formats", tuple(formats.FORMATS)), ("fail_on", WORDS)):
        unknown = sorted({word for word in options[name] if word not in accepted})
        if unknown:
            found.append(f"{name} does not know {', '.join(unknown)}. It takes {', '.join(accepted)}.")
    found += [
        f"{name} holds a private key, which would be in the files."
        for name in ("filter", "results")
        if misplaced_in(options[name], ())
    ]
    if not options["formats"]:
        found.append(f"formats is empty: at least one of {', '.join(formats.FORMATS)}.")
    if options["sources"] or options["results"]:
        if options["filter"]:
            found.append("filter is for an audit of a tenant, and cannot be combined with sources or results.")
        return found + _problems_of_results(options["results"])
    if not options["tenant_id"]:
        found.append("tenant_id is needed (AZURE_TENANT_ID): a report says which tenant it is of.")
    return found


def _problems_of_results(results: t.Sequence[Options]) -> list[str]:
    return [
        f"results: entry {number} has a result with neither applications (application_certificate_info) nor steps "
        "(application_certificate_renew), and no failure."
        for number, entry in enumerate(results, 1)
        if not is_result(entry["result"])
    ]


def problems_of_certificate(options: Options) -> list[str]:
    """Contradictions among the options of application_certificate."""
    by_certificate = [name for name in ("certificate_content", "certificate_path") if options[name]]
    by_name = [name for name in ("key_id", "thumbprint") if options[name]]
    if options["state"] == "present":
        if len(by_certificate) == 1 and not by_name:
            return []
        return ["state present needs exactly one of certificate_content and certificate_path, and no other selector."]
    if len(by_certificate) + len(by_name) == 1:
        return []
    return ["state absent needs exactly one of certificate_content, certificate_path, key_id and thumbprint."]


def problems_of_verification(options: Options) -> list[str]:
    """Contradictions among the options of application_certificate_verify."""
    if options["key_store"] or options["client_certificate_path"]:
        return []
    return ["Nothing to verify: give key_store, or client_certificate_path."]


def problems_of_renewal(options: Options) -> list[str]:
    """Contradictions among the options of application_certificate_renew."""
    found = [] if problems_of_numbers(options) else renewal_policy(options).problems()
    found += _problems_of_subject(options)
    certificate = options["certificate_content"] or options["certificate_path"]
    if options["private_key_path"] and not certificate:
        found.append("private_key_path needs certificate_content (or certificate_path).")
    if options["private_key_passphrase"] and not (options["private_key_path"] or options["adopt_path"]):
        found.append("private_key_passphrase needs private_key_path (or adopt_path).")
    if options["csr"] and options["stop_after"] != "generated":
        found.append("csr needs stop_after 'generated': the request is for the successor's key.")
    if options["key_passphrase"] == "":
        found.append("key_passphrase is empty: accepted is a passphrase of at least one character.")
    if options["registered_key_id"] and (options["stop_after"] == "generated" or options["state"] != "present"):
        found.append(
            "registered_key_id is for a run that goes on with a registered certificate: it cannot be combined with "
            "stop_after 'generated' or a state other than 'present'."
        )
    return found


# Where a key store is in Azure Key Vault.
VAULT = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?/certificates/[A-Za-z0-9-]{1,127}/?")

# What only one kind of key store can do.
OF_DIRECTORIES = ("key_passphrase", "pfx_passphrase", "group")
_SHORTEST_IN_A_VAULT = 31


def problems_of_vault(options: Options, source: str | None) -> list[str]:
    """What does not go with a key store in Azure Key Vault."""
    found = [
        f"{name} is for a key store that is a directory, not for Azure Key Vault."
        for name in OF_DIRECTORIES
        if options.get(name)
    ]
    if source == "key_store":
        found.append(
            "auth_source key_store cannot open a vault: the application's own key is in it. Name an identity that may "
            "use the vault, such as a managed identity, or a client_id with its secret or certificate. Certificates "
            "are still added with the application's own token."
        )
    if source == "access_token":
        found.append(
            "auth_source access_token cannot open a vault: that token is for Microsoft Graph, and goes nowhere else."
        )
    if (options.get("validity") or _SHORTEST_IN_A_VAULT) < _SHORTEST_IN_A_VAULT:
        found.append(
            f"validity must be at least {_SHORTEST_IN_A_VAULT} days in Azure Key Vault, which makes certificates of "
            f"whole months, and is {options['validity']:g}."
        )
    elif options.get("validity") and not problems_of_numbers(options):
        found += _problems_of_months(renewal_policy(options))
    return found


def _problems_of_months(policy: RenewalPolicy) -> list[str]:
    """What is less than validity, and not less than the whole months in it, is due on every run too."""
    shortest = shortest_life(policy.validity)
    if not shortest <= policy.renew_before < policy.validity:
        return []
    problem = (
        f"renew_before ({format_days(policy.renew_before)} days) must be less than {format_days(shortest)} days in "
        f"Azure Key Vault, else every run would renew again: of validity ({format_days(policy.validity)} days) it "
        "takes the whole months, which may be as short as that. Lower renew_before, or raise validity."
    )
    return [problem]


def _problems_of_subject(options: Options) -> list[str]:
    """The name of a certificate that is due months from now is looked at today."""
    if not options["subject"] or CRYPTOGRAPHY_IMPORT_ERROR:
        return []
    try:
        distinguished_name(options["subject"])
    except InvalidInput as error:
        return list(error.problems)
    return []


def problems_of_access(options: Options) -> list[str]:
    """Contradictions among the options of application_access."""
    found = [
        f"permissions: {entry['resource'] or 'an entry'} names no role."
        for entry in options["permissions"] or ()
        if not any(entry["roles"] or ())
    ]
    found += ["permissions: a resource is empty." for entry in options["permissions"] or () if not entry["resource"]]
    texts = [text for entry in options["permissions"] or () for text in (entry["resource"], *(entry["roles"] or ()))]
    if any(_NO_TEXT.search(text) for text in texts):
        found.append("permissions holds a NUL or half of a character, which is no text.")
    if options["state"] == "absent" and not options["permissions"]:
        found.append("state absent needs permissions: nothing is withdrawn that is not named.")
    return found


def problems_of_recovery(options: Options) -> list[str]:
    """Contradictions among the options of application_recovery."""
    found = problems_of_access({**options, "state": "present"})
    found += [] if problems_of_numbers(options) else renewal_policy(options).problems()
    found += _problems_of_subject(options)
    if options["auth_source"] == "key_store":
        found.append(
            "auth_source key_store is the application itself, which is locked out: an administrator signs in, for "
            "example with auth_source device_code."
        )
    if VAULT.fullmatch(options["key_store"]):
        found.append(
            "key_store must be a directory: the administrator's token is for Microsoft Graph, and opens no vault. With "
            "a key store in Azure Key Vault, application_certificate_renew does it as an identity that may use the "
            "vault and write the application; application_access repairs the service principal and the permissions."
        )
    if not options["tenant_id"]:
        found.append("tenant_id is needed (AZURE_TENANT_ID): the application itself signs in there in the end.")
    if not (options["app_id"] or options["object_id"] or options["display_name"]):
        found.append("Name the application: app_id, object_id or display_name.")
    return found


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
