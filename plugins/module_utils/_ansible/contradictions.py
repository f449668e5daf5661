# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a module's options does not go together; what one option cannot be alone, `arguments.py` says."""

from __future__ import annotations

import typing as t

from .._core.errors import InvalidInput
from .._core.misplaced import misplaced_in
from .._core.policy import RenewalPolicy
from .._core.times import format_days
from .._keys.key_pair import CRYPTOGRAPHY_IMPORT_ERROR, distinguished_name
from .._keys.vault_policy import shortest_life
from .._report import formats
from .._report.rows import is_result
from .._report.words import WORDS
from .arguments import VAULT, Options, holds_no_text, problems_of_numbers, renewal_policy


def problems_of_report(options: Options) -> list[str]:
    """Contradictions among the options of application_certificate_info."""
    is_named = any(options[name] for name in ("app_id", "object_id", "display_name", "key_store"))
    found = []
    if options["filter"] and is_named:
        found.append("filter cannot be combined with one application (app_id, object_id, display_name, key_store).")
    for name in ("expected_thumbprint", "rotation_period"):
        if options[name] and not is_named:
            found.append(f"{name} needs an application: app_id, object_id or display_name.")
    unkept = () if options["key_store"] else ("sign_in", "history")
    return found + [f"{name} needs key_store." for name in unkept if options[name]]


def problems_of_page(options: Options) -> list[str]:
    """What application_report cannot make a report of."""
    found = _problems_of_words(options)
    if not options["formats"]:
        found.append(f"formats is empty: at least one of {', '.join(formats.FORMATS)}.")
    if options["sources"] or options["results"]:
        if options["filter"]:
            found.append("filter is for an audit of a tenant, and cannot be combined with sources or results.")
        return found + _problems_of_results(options["results"])
    if not options["tenant_id"]:
        found.append("tenant_id is needed (AZURE_TENANT_ID): a report says which tenant it is of.")
    return found


def _problems_of_words(options: Options) -> list[str]:
    found = []
    for name, accepted in (("formats", tuple(formats.FORMATS)), ("fail_on", WORDS)):
        unknown = sorted({word for word in options[name] if word not in accepted})
        if unknown:
            found.append(f"{name} does not know {', '.join(unknown)}. It takes {', '.join(accepted)}.")
    return found + [
        f"{name} holds a private key, which would be in the files."
        for name in ("filter", "results")
        if misplaced_in(options[name], ())
    ]


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
    found += _problems_of_subject(options) + _problems_of_brought(options)
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


def _problems_of_brought(options: Options) -> list[str]:
    found = []
    if options["private_key_path"] and not (options["certificate_content"] or options["certificate_path"]):
        found.append("private_key_path needs certificate_content (or certificate_path).")
    if options["private_key_passphrase"] and not (options["private_key_path"] or options["adopt_path"]):
        found.append("private_key_passphrase needs private_key_path (or adopt_path).")
    return found


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
    entries = [(entry["resource"], entry["roles"] or []) for entry in options["permissions"] or ()]
    found = [f"permissions: {resource or 'an entry'} names no role." for resource, roles in entries if not any(roles)]
    found += ["permissions: a resource is empty." for resource, _roles in entries if not resource]
    if any(holds_no_text(text) for resource, roles in entries for text in (resource, *roles)):
        found.append("permissions holds a NUL or half of a character, which is no text.")
    if options["state"] == "absent" and not entries:
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
