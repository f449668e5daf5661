# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the variables of the playbook remediate, and with those that say where keys are."""

from __future__ import annotations

import os
import re
import typing as t

from ..module_utils._core.texts import plain, trimmed
from ._role_problems import unknown

Variables = t.Mapping[str, t.Any]
Check = t.Callable[[t.Any], bool]

FORMATS = ("html", "junit", "json", "csv", "sarif", "prometheus", "markdown")
_SHOWN = 5  # hosts that a sentence names


def _is_text(value: t.Any) -> bool:
    return isinstance(value, str) and plain(value) == value and (value == "" or bool(trimmed(value)))


def _is_place(value: t.Any) -> bool:
    return _is_text(value) and (value == "" or value.startswith(("/", "~", "$")))


def _is_name(value: t.Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"|[A-Za-z0-9_][A-Za-z0-9_.-]*", value) is not None


def _is_share(value: t.Any) -> bool:
    return _is_number(value) and float(value) <= 100


def _is_number(value: t.Any) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", str(value)) is not None


def _is_batch(value: t.Any) -> bool:
    return re.fullmatch(r"0*[1-9]\d*|0*(100|[1-9]\d?)%", str(value)) is not None


def _are_batches(value: t.Any) -> bool:
    return bool(value) and all(_is_batch(one) for one in (value if isinstance(value, list) else [value]))


def _are_names(value: t.Any) -> bool:
    return isinstance(value, list) and all(_is_text(one) and one for one in value)


def _are_formats(value: t.Any) -> bool:
    return isinstance(value, list) and all(one in FORMATS for one in value)


def _is_mode(value: t.Any) -> bool:
    return re.fullmatch(r"0?[0-7]00|0?[0-7][04]0", str(value)) is not None


MAY_BE_NULL = ("remediate_copy_owner", "remediate_copy_group")
TASK_FILES = ("remediate_notify", "remediate_on_consumer", "remediate_confirm")
# What may be set, and what it has to be.
KNOWN: dict[str, tuple[Check, str]] = {
    "remediate_serial": (_are_batches, "numbers of hosts, or percentages such as 25%, one or a list of them"),
    "remediate_max_fail_percentage": (_is_share, "a percentage from 0 to 100"),
    "remediate_canary": (_are_names, "a list of hosts and groups"),
    "remediate_pause": (_is_number, "seconds, 0 or more"),
    "remediate_throttle": (_is_number, "a number of hosts, 0 for no limit but forks"),
    "remediate_report_directory": (_is_place, "the absolute path of a directory on the control node"),
    "remediate_report_formats": (_are_formats, f"a list of {', '.join(FORMATS)}"),
    "remediate_notify": (_is_text, "the path of a task file"),
    "remediate_on_consumer": (_is_text, "the path of a task file"),
    "remediate_confirm": (_is_text, "the path of a task file"),
    "remediate_copy_path": (_is_text, "the path of a file on the consumer"),
    "remediate_copy_owner": (_is_name, "the name of a user"),
    "remediate_copy_group": (_is_name, "the name of a group"),
    "remediate_copy_mode": (_is_mode, "an octal mode as text that gives others nothing, such as '0600' or '0640'"),
}


def remediation_problems(hosts: t.Iterable[str], hostvars: t.Mapping[str, Variables]) -> list[str]:
    """Every problem once, however many hosts have it."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        for problem in _problems_of(host, hostvars):
            found.setdefault(problem, []).append(host)
    return [f"{problem} ({_named(where)})" for problem, where in found.items()]


def _problems_of(host: str, hostvars: t.Mapping[str, Variables]) -> t.Iterator[str]:
    variables = hostvars[host]
    for name in sorted(variables):
        if name.startswith("remediate_"):
            yield from _problems_of_variable(name, variables)
    writer = variables.get("entra_key_store_host", host)
    if writer == host:
        yield from _problems_of_writer(variables)
    elif writer not in hostvars:
        yield f"entra_key_store_host is {writer}, which is no host of the inventory."
    else:
        yield from _problems_of_consumer(variables, hostvars[writer])


def _problems_of_variable(name: str, variables: Variables) -> t.Iterator[str]:
    if name not in KNOWN:
        yield unknown(name, list(KNOWN))
        return
    is_good, wanted = KNOWN[name]
    value = variables[name]
    if value is None and name not in MAY_BE_NULL:
        yield f"{name} is null. Give it a value, or leave it out."
    elif value is not None and not is_good(value):
        yield f"{name} must be {wanted}, not {plain(value, 60)}."
    elif name in TASK_FILES:
        yield from _problems_of_file(name, variables)


def _problems_of_file(name: str, variables: Variables) -> t.Iterator[str]:
    """A task file is looked for before anything is begun; a relative path is beside the playbook."""
    path = os.path.join(str(variables.get("playbook_dir") or ""), str(variables.get(name) or ""))
    if variables.get(name) and not os.path.isfile(path):
        yield f"{name} is {variables[name]}, and {path} is no file on the control node. Give its absolute path."


def _problems_of_writer(variables: Variables) -> t.Iterator[str]:
    if "renew_applications" in variables:
        yield "renew_applications is for the playbook renew. Here a host is one application: set entra_app_id for each."
        return
    if not variables.get("entra_key_store"):
        yield "entra_key_store is not set, nor entra_key_store_host, which names the host that holds the key store."
    if not (variables.get("entra_app_id") or variables.get("entra_object_id")):
        yield "entra_app_id is not set."
    if variables.get("renew_register_from"):
        yield "renew_register_from is for the playbook renew_split. Leave it out, or run that playbook."
    yield from _problems_of_file("renew_after_promote", variables)
    if variables.get("renew_before_retire"):
        yield (
            "renew_before_retire is for the playbook renew. Here it is the step that brings the key to the consumers: "
            "leave it out, and use remediate_confirm or renew_after_promote."
        )
    stop = variables.get("renew_stop_after") or "retired"
    if stop not in ("promoted", "retired"):
        yield f"renew_stop_after must be promoted or retired, not {stop!r}: there is no health to confirm before it."


def _problems_of_consumer(variables: Variables, writer: Variables) -> t.Iterator[str]:
    name = variables["entra_key_store_host"]
    if writer.get("entra_key_store_host", name) != name:
        yield f"entra_key_store_host is {name}, which holds no key store but is a consumer too."
    if str(writer.get("entra_key_store") or "").startswith("https://"):
        yield "entra_key_store_host names a host whose key store is in a vault, and a key never leaves its vault."
    if not str(variables.get("remediate_copy_path") or "").startswith("/"):
        yield "remediate_copy_path must be the absolute path of its copy, as entra_key_store_host makes it a consumer."
    own, its = variables.get("entra_app_id"), writer.get("entra_app_id")
    if own and its and own != its:
        yield f"entra_app_id is {own}, and that of {name}, which holds the key store, is {its}."


def _named(hosts: list[str]) -> str:
    more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
    return ", ".join(hosts[:_SHOWN]) + more
