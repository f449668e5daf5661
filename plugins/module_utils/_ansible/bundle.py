# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The support bundle: one JSON file that a support engineer asks for, without any secret."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import ssl
import stat
import sys
import typing as t
from importlib import metadata

from ansible.module_utils.ansible_release import __version__ as ansible_version
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from .._core.errors import EvercertError, InvalidInput
from .._core.times import format_iso
from .._steps.connection import Connection
from .arguments import Options
from .run import of_diagnosis
from .version import COLLECTION

LIBRARIES = ("msal", "cryptography", "requests", "urllib3")
# What was asked for, as far as support has use for it and it is no secret.
ASKED = (
    "tenant_id",
    "client_id",
    "app_id",
    "object_id",
    "display_name",
    "key_store",
    "stage",
    "cloud",
    "ca_path",
    "sign_ins",
    "sign_in_interval",
    "initial_pause",
    "sign_in_budget",
    "timeout_propagation",
    "expect",
    "required_roles",
    "probes",
)

Result = dict[str, t.Any]


@contextlib.contextmanager
def kept(module: AnsibleModule, connection: Connection) -> t.Iterator[t.Callable[[Result], Result]]:
    """Write the bundle, where one is asked for, with what the block hands over, or with the error that ends it."""
    path = None if module.check_mode else module.params["support_bundle"]

    def keep(result: Result) -> Result:
        if path:
            write(path, content_of(connection, module.params, result), module.no_log_values)
        return result

    try:
        yield keep
    except InvalidInput:
        raise
    except EvercertError as error:
        try:
            keep(_of_error(error))
        except InvalidInput as trouble:
            module.warn(trouble.message)
        raise


def missing_directory(options: Options) -> list[str]:
    """A bundle that nothing can be written to is refused before the first sign-in."""
    path = options["support_bundle"]
    if path and os.path.isdir(path):
        return [f"support_bundle: {path} is a directory. Name the file to write."]
    if path and not os.path.isdir(os.path.dirname(path) or "."):
        return [f"support_bundle: the directory of {path} does not exist on the host that runs the module."]
    return []


def _of_error(error: EvercertError) -> Result:
    """What is known when nothing could be checked."""
    found: Result = {"changed": False, "verified": False, "checks": [], "_failed": error.message}
    if error.diagnosis:
        found["diagnosis"] = of_diagnosis(error.diagnosis)
    return found


def content_of(connection: Connection, options: Options, result: t.Mapping[str, t.Any]) -> Result:
    """The result with what is behind it: what was asked for, by which clock, with which versions."""
    return {
        "format": 2,
        "failure": result.get("_failed"),
        "verification": {key: value for key, value in result.items() if not key.startswith("_")},
        "correlation_ids": _correlation_ids(result),
        "clock": {
            "host": format_iso(connection.timing.wall()),
            "service": format_iso(connection.clock.service_time()),
            "offset_seconds": connection.clock.offset_seconds,
        },
        "asked": {name: options[name] for name in ASKED if options.get(name) is not None},
        "identity": connection.identity.name,
        "hosts": {
            "authority": connection.service.cloud.authority_host,
            "graph": connection.service.cloud.graph_url,
            "proxies": sorted(name for name in os.environ if name.lower() in ("https_proxy", "all_proxy", "no_proxy")),
        },
        "versions": versions(),
    }


def _correlation_ids(result: t.Mapping[str, t.Any]) -> list[str]:
    """Those of the sign-ins, and that of the refusal."""
    evidence = (result.get("diagnosis") or {}).get("evidence") or {}
    named = [*((result.get("evidence") or {}).get("correlation_ids") or ()), evidence.get("correlation_id")]
    return list(dict.fromkeys(one for one in named if one))


def write(path: str, content: Result, secrets: t.Collection[str] = ()) -> None:
    """Write it, readable by its owner only, with whatever secret an option brought in taken out."""
    content = remove_values(content, secrets)
    try:
        # A link, or a pipe that nobody reads, is an error here; others may have put it into a common directory.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            _refuse_what_is_shared(path, os.fstat(handle))
            os.fchmod(handle, 0o600)  # an older file keeps its mode
            os.ftruncate(handle, 0)
            json.dump(content, file, indent=2, sort_keys=True)
            file.write("\n")
    except OSError as error:
        raise InvalidInput([f"support_bundle: cannot write {path}: {error.strerror}."]) from error


def _refuse_what_is_shared(path: str, found: os.stat_result) -> None:
    """What is written there must not get anywhere else, nor overwrite what has another name too."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid != os.geteuid():
        raise InvalidInput([f"support_bundle: {path} is not a file of this user's alone. Remove it, or name another."])


def versions() -> dict[str, str | None]:
    """What ran."""
    found: dict[str, str | None] = {
        "evercert.entra": COLLECTION,
        "ansible": ansible_version,
        "python": platform.python_version(),
        "platform": sys.platform,
        "openssl": ssl.OPENSSL_VERSION,
    }
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
