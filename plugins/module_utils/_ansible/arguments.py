# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications, named like their documentation fragments, and what their values mean."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import typing as t

from .._core.access import Wish
from .._core.errors import InvalidInput
from .._core.misplaced import misplaced_in
from .._core.model import STAGES
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

Options = t.Mapping[str, t.Any]
Spec = dict[str, dict[str, t.Any]]


def _env_fallback(*names: str) -> t.Any:
    """Ansible's own, imported when a module asks: the event source reads these tables where there is no Ansible.

    A variable of the environment that is set to nothing is not set.
    """
    from ansible.module_utils.common.parameters import env_fallback

    return env_fallback(*(name for name in names if trimmed(os.environ.get(name, ""))))


def _from_environment(*names: str) -> tuple[t.Any, list[str]]:
    return (_env_fallback, list(names))


CONNECTION: Spec = {
    "tenant_id": {
        "type": "str",
        "aliases": ["tenant"],
        "fallback": _from_environment("AZURE_TENANT_ID", "AZURE_TENANT", "AZURESUBSCRIPTION_TENANT_ID"),
    },
    "client_id": {"type": "str", "fallback": _from_environment("AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID")},
    "auth_source": {
        "type": "str",
        "default": "auto",
        "choices": [
            "auto",
            "access_token",
            "client_secret",
            "certificate",
            "key_store",
            "workload_identity",
            "managed_identity",
            "azure_cli",
            "device_code",
            "msi",
            "cli",
        ],
    },
    "client_secret": {
        "type": "str",
        "aliases": ["secret"],
        "no_log": True,
        "fallback": _from_environment("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    },
    "client_certificate_path": {
        "type": "path",
        "aliases": ["x509_certificate_path"],
        "fallback": _from_environment("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_X509_CERTIFICATE_PATH"),
    },
    "client_certificate_passphrase": {
        "type": "str",
        "no_log": True,
        "fallback": _from_environment("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    },
    "federated_token_file": {
        "type": "path",
        "no_log": False,
        "fallback": _from_environment("AZURE_FEDERATED_TOKEN_FILE"),
    },
    "service_connection_id": {
        "type": "str",
        "fallback": _from_environment("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
    },
    "access_token": {"type": "str", "no_log": True, "fallback": _from_environment("ENTRA_ACCESS_TOKEN")},
    "cloud": {
        "type": "str",
        "aliases": ["cloud_environment"],
        "default": "public",
        "fallback": _from_environment("AZURE_CLOUD_ENVIRONMENT"),
    },
    "authority_host": {"type": "str", "fallback": _from_environment("AZURE_AUTHORITY_HOST")},
    "graph_url": {"type": "str", "fallback": _from_environment("ENTRA_GRAPH_URL")},
    "ca_path": {"type": "path", "fallback": _from_environment("ENTRA_CA_PATH")},
    "timeout": {"type": "float", "default": 30.0},
}

APPLICATION: Spec = {
    "app_id": {"type": "str"},
    "object_id": {"type": "str"},
    "display_name": {"type": "str"},
}

PROOF: Spec = {
    "sign_ins": {"type": "int", "default": 3},
    "sign_in_interval": {"type": "float", "default": 30.0},
    "initial_pause": {"type": "float", "default": 10.0},
    "sign_in_budget": {"type": "int", "default": 14},
    "timeout_propagation": {"type": "float", "default": 600.0},
}

KEY_STORE: Spec = {
    "key_passphrase": {"type": "str", "no_log": True, "fallback": _from_environment("ENTRA_KEY_PASSPHRASE")},
}

DUE: Spec = {
    "renew_before": {"type": "float", "default": 30.0},
    "rotation_period": {"type": "float"},
}

POLICY: Spec = {
    "validity": {"type": "float", "default": 180.0},
    "overlap": {"type": "float", "default": 7.0},
    "keep_retired": {"type": "float", "default": 7.0},
    "key_size": {"type": "int", "default": 2048, "choices": [2048, 3072, 4096]},
    "subject": {"type": "str"},
    "add_method": {"type": "str", "default": "auto", "choices": ["auto", "add_key", "update"]},
    "fall_back": {"type": "bool", "default": True},
    "stop_after": {"type": "str", "default": "retired", "choices": list(STAGES)},
    "force": {"type": "bool", "default": False},
    "confirm_retired": {"type": "bool", "default": False},
    "on_policy_limit": {"type": "str", "default": "fail", "choices": ["fail", "clamp"]},
}

RENEWAL: Spec = {
    "key_store": {"type": "path", "required": True, "no_log": False},
    "state": {"type": "str", "default": "present", "choices": ["present", "retired", "rolled_back"]},
    "lock_timeout": {"type": "float", "default": 900.0},
    "registered_key_id": {"type": "str", "no_log": False},
    "certificate_content": {"type": "str"},
    "private_key_content": {"type": "str", "no_log": True},
    "certificate_path": {"type": "path"},
    "private_key_path": {"type": "path", "no_log": False},
    "private_key_passphrase": {"type": "str", "no_log": True},
    "csr": {"type": "bool", "default": False},
    "adopt_path": {"type": "path"},
    "adopt_passphrase": {"type": "str", "no_log": True},
    "pfx_passphrase": {"type": "str", "no_log": True, "fallback": _from_environment("ENTRA_PFX_PASSPHRASE")},
    "pfx_encryption": {"type": "str", "default": "modern", "choices": ["modern", "compatible"]},
    "exportable": {"type": "bool"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
    "now": {"type": "str"},
}

REPORT: Spec = {
    "key_store": {"type": "path", "no_log": False},
    "expected_thumbprint": {"type": "str"},
    "filter": {"type": "str"},
    "sign_in": {"type": "bool", "default": False},
    "service_principals": {"type": "bool", "default": False},
    "history": {"type": "int", "default": 0},
    "return_applications": {"type": "str", "default": "all", "choices": ["all", "attention", "none"]},
    "sign_in_budget": PROOF["sign_in_budget"],
    "now": {"type": "str"},
}

PAGE: Spec = {
    "directory": {"type": "path", "required": True},
    "formats": {"type": "list", "elements": "str", "default": list(formats.FORMATS)},
    "title": {"type": "str", "default": "Certificates of Microsoft Entra applications"},
    "renew_before": DUE["renew_before"],
    "filter": {"type": "str"},
    "fail_on": {"type": "list", "elements": "str", "default": []},
    "fail_within": {"type": "float"},
    "prometheus_applications": {"type": "bool", "default": False},
    "sources": {"type": "list", "elements": "path", "default": []},
    "results": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "tenant_id": {"type": "str", "required": True},
            "result": {"type": "dict", "required": True},
            "host": {"type": "str"},
            "name": {"type": "str"},
            "app_id": {"type": "str"},
            "object_id": {"type": "str"},
            "planned": {"type": "bool", "default": False},
        },
    },
    "now": {"type": "str"},
}

CERTIFICATE: Spec = {
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "certificate_content": {"type": "str"},
    "certificate_path": {"type": "path"},
    "key_id": {"type": "str", "no_log": False},
    "thumbprint": {"type": "str"},
    "credential_name": {"type": "str"},
    "key_store": {"type": "path", "no_log": False},
    "timeout_propagation": PROOF["timeout_propagation"],
}

VERIFICATION: Spec = {
    "key_store": {"type": "path", "no_log": False},
    "stage": {"type": "str", "default": "current", "choices": ["current", "successor"]},
    "required_roles": {"type": "list", "elements": "str", "default": []},
    "probes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"url": {"type": "str", "required": True}, "status": {"type": "int", "default": 200}},
    },
    "expect": {"type": "str", "default": "accepted", "choices": ["accepted", "refused"]},
    "support_bundle": {"type": "path"},
}

ACCESS: Spec = {
    "permissions": {
        "type": "list",
        "elements": "dict",
        "options": {
            "resource": {"type": "str", "required": True},
            "roles": {"type": "list", "elements": "str", "required": True},
        },
    },
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "enabled": {"type": "bool"},
    "key_store": {"type": "path", "no_log": False},
    "timeout_propagation": PROOF["timeout_propagation"],
}

RECOVERY: Spec = {
    "key_store": {"type": "path", "required": True, "no_log": False},
    "key_passphrase": KEY_STORE["key_passphrase"],
    "permissions": ACCESS["permissions"],
    "required_roles": VERIFICATION["required_roles"],
    "probes": VERIFICATION["probes"],
    **{name: POLICY[name] for name in ("validity", "key_size", "subject", "force", "on_policy_limit")},
    "lock_timeout": RENEWAL["lock_timeout"],
    "pfx_passphrase": RENEWAL["pfx_passphrase"],
}

# Hidden: what the action plugin of the same name hands over to go on with a wait.
WAITING: Spec = {"_waiting": {"type": "dict"}}

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
# What neither a file's name, nor UTF-8, nor OpenSSL can hold.
_NO_TEXT = re.compile("[\\x00\\ud800-\\udfff]")
# What nobody means with a space, or something invisible, at an end.
_TRIMMED = (
    "tenant_id",
    "client_id",
    "app_id",
    "object_id",
    "key_id",
    "registered_key_id",
    "service_connection_id",
    "key_store",
    "expected_thumbprint",
    "thumbprint",
    "cloud",
    "authority_host",
    "graph_url",
    "access_token",
)
_THUMBPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_NOT_NEGATIVE = (
    "renew_before",
    "overlap",
    "keep_retired",
    "sign_in_interval",
    "initial_pause",
    "sign_in_budget",
    "lock_timeout",
    "history",
    "fail_within",
)
_POSITIVE = ("validity", "rotation_period", "sign_ins", "timeout_propagation", "timeout")
# A day count beyond this cannot be a date any more; nobody waits longer than a week.
_LONGEST_DAYS = 36500
_DAYS = ("renew_before", "rotation_period", "validity", "overlap", "keep_retired")
_LONGEST_SECONDS = 7 * 86400
_SECONDS = ("sign_in_interval", "initial_pause", "timeout_propagation", "lock_timeout", "timeout")


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
    return {**options, **{name: texts[name] for name in _TRIMMED if name in texts}}, empty


def about_empty(names: t.Iterable[str]) -> list[str]:
    """What there is to say of options that are given and empty."""
    advice = "as where a variable was never filled. Give it a value, or leave it out (omit)."
    return [f"{name} is given and empty, {advice}" for name in names]


def problems_of(options: Options) -> list[str]:
    """Everything wrong with the options that one look at them tells, all at once."""
    found = []
    for name in ("app_id", "object_id", "client_id", "key_id", "service_connection_id", "registered_key_id"):
        value = options.get(name)
        if value and not _GUID.fullmatch(value):
            found.append(f"{name} must be a GUID such as 11111111-2222-3333-4444-555555555555, not '{value}'.")
    tenant = options.get("tenant_id")
    if tenant and not _GUID.fullmatch(tenant) and not _DOMAIN.fullmatch(tenant):
        found.append(f"tenant_id must be a GUID or a domain such as contoso.onmicrosoft.com, not '{tenant}'.")
    if options.get("display_name") and (options.get("app_id") or options.get("object_id")):
        found.append("display_name cannot be combined with app_id or object_id.")
    return found + _problems_of_numbers(options) + _problems_of_texts(options)


def _problems_of_numbers(options: Options) -> list[str]:
    numbers = (*_NOT_NEGATIVE, *_POSITIVE)
    given = {name: _as_float(options[name]) for name in numbers if options.get(name) is not None}
    found = [f"{name} must be a number, and is nan." for name, value in given.items() if math.isnan(value)]
    found += [
        f"{name} must not be negative, and is {given[name]:g}." for name in _NOT_NEGATIVE if given.get(name, 0) < 0
    ]
    found += [
        f"{name} must be greater than 0, and is {given[name]:g}." for name in _POSITIVE if given.get(name, 1) <= 0
    ]
    for names, longest, unit in (
        ((*_DAYS, "fail_within"), _LONGEST_DAYS, "days"),
        (_SECONDS, _LONGEST_SECONDS, "seconds"),
    ):
        found += [
            f"{name} must be at most {longest} {unit}, and is {given[name]:g}."
            for name in names
            if given.get(name, 0) > longest
        ]
    budget, needed = options.get("sign_in_budget"), options.get("sign_ins")
    if budget and needed and 0 < budget < needed:
        found.append(f"sign_in_budget ({budget}) must be 0 (no limit) or at least sign_ins ({needed}).")
    return found


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
    if not os.path.isabs(options["directory"]):
        found.append(f"directory must be an absolute path, not '{options['directory']}'.")
    for name, accepted in (("formats", tuple(formats.FORMATS)), ("fail_on", WORDS)):
        unknown = sorted({word for word in options[name] if word not in accepted})
        if unknown:
            found.append(f"{name} does not know {', '.join(unknown)}. It takes {', '.join(accepted)}.")
    found += [
        f"{name} holds a private key, which would be in the files."
        for name in ("title", "filter", "results")
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
    found = [] if _problems_of_numbers(options) else renewal_policy(options).problems()
    found += _problems_of_subject(options)
    certificate = options["certificate_content"] or options["certificate_path"]
    private_key = options["private_key_content"] or options["private_key_path"]
    if private_key and not certificate:
        found.append("private_key_content (or private_key_path) needs certificate_content (or certificate_path).")
    if options["private_key_passphrase"] and not private_key:
        found.append("private_key_passphrase needs private_key_content (or private_key_path).")
    if options["csr"] and options["stop_after"] != "generated":
        found.append("csr needs stop_after 'generated': the request is for the successor's key.")
    if options["key_passphrase"] == "":
        found.append("key_passphrase is empty: accepted is a passphrase of at least one character.")
    if options["pfx_encryption"] != "modern" and not options["pfx_passphrase"]:
        found.append("pfx_encryption needs pfx_passphrase: without it no PFX is written.")
    if options["adopt_passphrase"] and not options["adopt_path"]:
        found.append("adopt_passphrase needs adopt_path.")
    if options["registered_key_id"] and (options["stop_after"] == "generated" or options["state"] != "present"):
        found.append(
            "registered_key_id is for a run that goes on with a registered certificate: it cannot be combined with "
            "stop_after 'generated' or a state other than 'present'."
        )
    return found


# Where a key store is in Azure Key Vault.
VAULT = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?/certificates/[A-Za-z0-9-]{1,127}/?")

# What only one kind of key store can do.
OF_DIRECTORIES = ("key_passphrase", "pfx_passphrase", "owner", "group", "mode")
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
    elif options.get("validity") and not _problems_of_numbers(options):
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
    found += [] if _problems_of_numbers(options) else renewal_policy(options).problems()
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
        "confirm_retired",
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
